//! `/v1/images/generations` and `/v1/images/edits`.

use axum::extract::{Request, State};
use axum::http::Method;
use axum::response::Response;
use axum::routing::post;
use flowinone_prompts::Task;
use serde_json::{Map, Value, json};

use super::edits::{Pictures, guided};
use super::fields::Fields;
use super::reply;
use super::stream;
use super::wanted::Wanted;
use crate::app::Shared;
use crate::asked::Asked;
use crate::http::body;
use crate::http::jobs::idempotency_key;
use crate::operation::{Operation, reference};
use crate::refusal::Refusal;
use crate::request::Parts;
use crate::route::Route;

pub(super) fn routes() -> Vec<Route> {
    let described = |id, summary| {
        Operation::new(id, summary)
            .header(
                "Idempotency-Key",
                "Asked again with the same key, the same pictures are given back.",
            )
            .json(200, "The pictures.", reference("Images"))
            .answer(
                200,
                "With `stream`, server-sent events.",
                "text/event-stream",
                json!({"type": "string"}),
            )
    };
    let generate = described("generate", "Make pictures of a prompt")
        .body("application/json", reference("ImagesRequest"));
    let edit = described("edit", "Make pictures of a picture and a prompt")
        .body(
            "multipart/form-data",
            json!({
                "type": "object",
                "properties": {
                    "prompt": {"type": "string"},
                    "image": {"type": "string", "format": "binary"},
                    "mask": {"type": "string", "format": "binary"},
                    "markup": {"type": "string", "format": "binary"},
                    "flowinone": {"type": "string", "description": "Our own words as JSON."},
                },
                "required": ["prompt", "image"],
            }),
        )
        .body("application/json", reference("ImagesRequest"));
    vec![
        Route::new(
            Method::POST,
            "/v1/images/generations",
            post(generations),
            generate,
        ),
        Route::new(Method::POST, "/v1/images/edits", post(edits), edit),
    ]
}

async fn generations(State(app): State<Shared>, request: Request) -> Result<Response, Refusal> {
    let held = body::read(&app, request).await?;
    let key = idempotency_key(&held.headers, "generations")?;
    let fields = Fields::of_json(held.json()?)?;
    let wanted = Wanted::read(&app, fields)?;
    let task = wanted.task(Task::TextToImage)?;
    let requests = wanted.requests(task, Map::new());
    drop(held);
    make(app, wanted, requests, Parts::new(), key, "image_generation").await
}

async fn edits(State(app): State<Shared>, request: Request) -> Result<Response, Refusal> {
    let held = body::read(&app, request).await?;
    let key = idempotency_key(&held.headers, "edits")?;
    let (fields, pictures, held) = match held.kind().as_str() {
        "application/json" => {
            let mut fields = Fields::of_json(held.json()?)?;
            let pictures = Pictures::of_json(&mut fields)?;
            (fields, pictures, held)
        }
        _ => {
            let (fields, files, held) = held.form().await?;
            (Fields::of_form(fields), Pictures::of_files(files)?, held)
        }
    };
    let wanted = Wanted::read(&app, fields)?;
    let (wanted, requests, parts) = app
        .drawing(move |app| {
            let (requests, parts) = guided(app, &wanted, pictures)?;
            Ok((wanted, requests, parts))
        })
        .await?;
    drop(held);
    make(app, wanted, requests, parts, key, "image_edit").await
}

/// Reads the requests of our own, takes them as jobs, and answers with their pictures.
async fn make(
    app: Shared,
    wanted: Wanted,
    requests: Vec<Value>,
    parts: Parts,
    key: Option<String>,
    events: &'static str,
) -> Result<Response, Refusal> {
    let asked = app
        .drawing(move |app| {
            let read = |request| app.reader().read(request, &parts);
            requests
                .into_iter()
                .map(read)
                .collect::<Result<Vec<Asked>, Refusal>>()
        })
        .await?;
    // Heard from before the jobs are taken, so that no event is missed.
    let told = app.engine.events();
    let steps: Vec<usize> = asked
        .first()
        .map(|asked| asked.partial_steps().collect())
        .unwrap_or_default();
    let tickets = app
        .blocking(move |app| app.engine.submit(asked, key.as_deref()))
        .await?;
    match wanted.stream {
        true => Ok(stream::answer(app, wanted, tickets, told, steps, events)),
        false => reply::answer(app, wanted, tickets).await,
    }
}
