//! `/v1/models`: the one that is loaded, under all its names.

use axum::extract::{Path, State};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value, json};

use crate::app::{App, Shared};
use crate::http::answer::json as answer;
use crate::operation::{Operation, reference};
use crate::refusal::Refusal;
use crate::route::Route;

pub(super) fn routes() -> Vec<Route> {
    let list = Operation::new("list_models", "The models that are loaded").json(200, "The models.", json!({
        "type": "object",
        "properties": {"object": {"const": "list"}, "data": {"type": "array", "items": reference("Model")}},
        "required": ["object", "data"],
    }));
    let one = Operation::new("retrieve_model", "A model that is loaded").json(
        200,
        "The model.",
        reference("Model"),
    );
    vec![
        Route::new(Method::GET, "/v1/models", get(list_models), list),
        Route::new(Method::GET, "/v1/models/{model}", get(retrieve), one),
    ]
}

fn names(app: &App) -> Vec<&str> {
    let aliases = app.config.aliases.iter().map(String::as_str);
    std::iter::once(app.engine.info.config.name.as_str())
        .chain(aliases)
        .collect()
}

/// Refuses the name of a model that is not loaded.
pub(super) fn check(app: &App, name: Option<&str>) -> Result<(), Refusal> {
    match name {
        Some(name) if !names(app).contains(&name) => {
            Err(Refusal::no_model(name, &app.engine.info.config.name))
        }
        _ => Ok(()),
    }
}

fn model(name: &str) -> Value {
    json!({"id": name, "object": "model", "created": 0, "owned_by": "flowinone"})
}

async fn list_models(State(app): State<Shared>) -> Response {
    let data: Vec<Value> = names(&app).into_iter().map(model).collect();
    answer(StatusCode::OK, &json!({"object": "list", "data": data}))
}

async fn retrieve(
    State(app): State<Shared>,
    Path(name): Path<String>,
) -> Result<Response, Refusal> {
    check(&app, Some(&name))?;
    Ok(answer(StatusCode::OK, &model(&name)))
}
