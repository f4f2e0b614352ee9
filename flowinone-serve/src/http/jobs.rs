//! Jobs: asked for, listed, looked at, cancelled, forgotten.

use axum::extract::{Path, Request, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::Response;
use axum::routing::{delete, get, post};
use serde::Deserialize;
use serde_json::json;

use super::answer::json;
use super::body;
use crate::app::{App, Shared};
use crate::engine::View;
use crate::operation::{Operation, reference};
use crate::refusal::Refusal;
use crate::route::{Route, query};

/// Most jobs of one list.
const MOST_LISTED: u32 = 200;

pub(crate) fn routes() -> Vec<Route> {
    let job = || reference("Job");
    let submit = Operation::new("submit", "Ask for a picture")
        .body("application/json", reference("JobRequest"))
        .body(
            "multipart/form-data",
            json!({
                "type": "object",
                "properties": {"job": {"type": "string", "description": "The request as JSON."}},
                "required": ["job"],
                "additionalProperties": {"type": "string", "format": "binary"},
            }),
        )
        .header(
            "Idempotency-Key",
            "Asked again with the same key, the same job is given back.",
        )
        .json(202, "The job waits.", job())
        .json(200, "The job of this Idempotency-Key.", job());
    let list = Operation::new("list", "Jobs, newest first")
        .query("before", json!({"type": "string"}), "Only jobs older than this one.")
        .query("limit", json!({"type": "integer", "minimum": 1, "maximum": MOST_LISTED}), "At most so many; 50 if not said.")
        .json(200, "The jobs.", json!({
            "type": "object", "properties": {"jobs": {"type": "array", "items": job()}}, "required": ["jobs"],
        }));
    let look = Operation::new("job", "A job as it stands").json(200, "The job.", job());
    let cancelled = json!({"type": "object", "properties": {"cancelled": {"type": "boolean"}}, "required": ["cancelled"]});
    let cancel = Operation::new(
        "cancel",
        "Cancel a job; of one that is over nothing changes",
    )
    .json(200, "Whether this ended it.", cancelled);
    let forgotten = json!({"type": "object", "properties": {"forgotten": {"type": "boolean"}}, "required": ["forgotten"]});
    let forget = Operation::new("forget", "Forget a job that is over, and its picture").json(
        200,
        "Whether there was one.",
        forgotten,
    );
    vec![
        Route::new(Method::POST, "/api/v1/jobs", post(submit_job), submit),
        Route::new(Method::GET, "/api/v1/jobs", get(list_jobs), list),
        Route::new(Method::GET, "/api/v1/jobs/{id}", get(look_at), look),
        Route::new(
            Method::DELETE,
            "/api/v1/jobs/{id}",
            delete(cancel_job),
            cancel,
        ),
        Route::new(
            Method::DELETE,
            "/api/v1/jobs/{id}/picture",
            delete(forget_job),
            forget,
        ),
    ]
}

/// The key under which a request shall be made only once; keys of ours are no keys of OpenAI's
/// routes.
pub(crate) fn idempotency_key(headers: &HeaderMap, route: &str) -> Result<Option<String>, Refusal> {
    let Some(key) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    let key = key
        .to_str()
        .ok()
        .filter(|key| (1..=255).contains(&key.len()));
    match key {
        Some(key) => Ok(Some(format!("{route} {key}"))),
        None => Err(Refusal::field(
            "Idempotency-Key",
            "a key is 1 to 255 plain characters",
        )),
    }
}

/// The job of an id, or that there is none.
pub(crate) fn found(app: &App, id: &str) -> Result<View, Refusal> {
    let view = app.engine.view(id).map_err(|e| app.engine.refused(&e))?;
    view.ok_or_else(|| no_job(id))
}

pub(crate) fn no_job(id: &str) -> Refusal {
    let shown: String = id.chars().take(40).collect();
    Refusal::missing(format!("there is no job {shown:?} (any more)"))
}

async fn submit_job(State(app): State<Shared>, request: Request) -> Result<Response, Refusal> {
    let held = body::read(&app, request).await?;
    let key = idempotency_key(&held.headers, "jobs")?;
    let (request, parts, held) = held.request().await?;
    let asked = app
        .drawing(move |app| app.reader().read(request, &parts))
        .await?;
    drop(held);
    let (known, view) = app
        .blocking(move |app| {
            let ticket = app.engine.submit(vec![asked], key.as_deref())?.remove(0);
            Ok((ticket.known, found(app, &ticket.id)?))
        })
        .await?;
    let status = if known {
        StatusCode::OK
    } else {
        StatusCode::ACCEPTED
    };
    let mut response = json(status, &view);
    if let Ok(place) = HeaderValue::from_str(&format!("/api/v1/jobs/{}", view.id)) {
        response.headers_mut().insert(LOCATION, place);
    }
    Ok(response)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    before: Option<String>,
    limit: Option<u32>,
}

async fn list_jobs(State(app): State<Shared>, uri: Uri) -> Result<Response, Refusal> {
    let List { before, limit } = query(&uri)?;
    let limit = limit.unwrap_or(50);
    if !(1..=MOST_LISTED).contains(&limit) {
        return Err(Refusal::field(
            "limit",
            format!("limit is {limit}; it must be 1 to {MOST_LISTED}"),
        ));
    }
    let list = move |app: &App| {
        app.engine
            .views(before.as_deref(), limit)
            .map_err(|e| app.engine.refused(&e))
    };
    let jobs = app.blocking(list).await?;
    Ok(json(StatusCode::OK, &json!({"jobs": jobs})))
}

async fn look_at(State(app): State<Shared>, Path(id): Path<String>) -> Result<Response, Refusal> {
    let view = app.blocking(move |app| found(app, &id)).await?;
    Ok(json(StatusCode::OK, &view))
}

async fn cancel_job(
    State(app): State<Shared>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let cancel = move |app: &App| {
        let cancelled = app.engine.cancel(&id).map_err(|e| app.engine.refused(&e))?;
        cancelled.ok_or_else(|| no_job(&id))
    };
    let cancelled = app.blocking(cancel).await?;
    Ok(json(StatusCode::OK, &json!({"cancelled": cancelled})))
}

async fn forget_job(
    State(app): State<Shared>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let forget = move |app: &App| {
        found(app, &id)?;
        app.engine.forget(&id).map_err(|e| app.engine.refused(&e))
    };
    let forgotten = app.blocking(forget).await?;
    Ok(json(StatusCode::OK, &json!({"forgotten": forgotten})))
}
