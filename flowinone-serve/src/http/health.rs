//! Whether the server lives, whether it takes work, and what it counts.

use axum::extract::State;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::get;
use flowinone_tasks::resident_memory;
use serde_json::json;

use super::answer::{json, typed};
use crate::app::Shared;
use crate::operation::Operation;
use crate::route::Route;

/// Seconds without a step after which a computing thread counts as dead.
const SILENCE: u64 = 1800;

pub(crate) fn routes() -> Vec<Route> {
    let state = json!({"type": "object", "properties": {"status": {"type": "string"}}, "required": ["status"]});
    let live = Operation::new("live", "Whether the process is well; restart it if not")
        .json(200, "It is.", state.clone())
        .json(
            503,
            "A thread has said nothing for half an hour.",
            state.clone(),
        );
    let ready = Operation::new("ready", "Whether new jobs are taken")
        .json(200, "They are.", state.clone())
        .json(
            503,
            "The model is being loaded, or the server is about to end.",
            state,
        );
    let metrics = Operation::new("metrics", "Counts and times in Prometheus' text format").answer(
        200,
        "The metrics.",
        "text/plain",
        json!({"type": "string"}),
    );
    vec![
        Route::new(Method::GET, "/health/live", get(is_live), live),
        Route::new(Method::GET, "/health/ready", get(is_ready), ready),
        Route::new(Method::GET, "/metrics", get(count), metrics),
    ]
}

async fn is_live(State(app): State<Shared>) -> Response {
    match app.engine.silent_for() {
        seconds if seconds > SILENCE => json(
            StatusCode::SERVICE_UNAVAILABLE,
            &json!({"status": format!("silent for {seconds} s")}),
        ),
        _ => json(StatusCode::OK, &json!({"status": "live"})),
    }
}

async fn is_ready(State(app): State<Shared>) -> Response {
    match app.engine.is_ready() {
        Ok(()) => json(StatusCode::OK, &json!({"status": "ready"})),
        Err(reason) => json(StatusCode::SERVICE_UNAVAILABLE, &json!({"status": reason})),
    }
}

async fn count(State(app): State<Shared>) -> Response {
    let ready = f64::from(u8::from(app.engine.is_ready().is_ok()));
    app.metrics.set("flowinone_ready", &[], ready);
    if let Some(bytes) = resident_memory() {
        app.metrics
            .set("process_resident_memory_bytes", &[], bytes as f64);
    }
    let info = &app.engine.info;
    let labels = [
        ("version", env!("CARGO_PKG_VERSION")),
        ("model", &info.config.name),
        ("dtype", &info.dtype),
    ];
    app.metrics.set("flowinone_build_info", &labels, 1.0);
    typed(
        StatusCode::OK,
        "text/plain; version=0.0.4; charset=utf-8",
        app.metrics.render().into(),
    )
}
