//! Prompts: drawn without making a picture, and found again in a picture that was made here.

use axum::extract::{Path, Request, State};
use axum::http::{Method, StatusCode, Uri};
use axum::response::Response;
use axum::routing::{get, post};
use flowinone_image::Profiles;
use flowinone_prompts::{PromptFiles, VisualPrompt};
use flowinone_tasks::{Adjustment, Input, Record, read_record};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{forever, json, typed};
use super::body;
use super::jobs::no_job;
use super::pictures::Format;
use crate::app::{App, Shared};
use crate::operation::{Operation, reference};
use crate::refusal::Refusal;
use crate::route::{Route, query};
use crate::wire::data_url;

pub(crate) fn routes() -> Vec<Route> {
    let binary = || json!({"type": "string", "format": "binary"});
    let drawn = Operation::new(
        "prompt",
        "Draw a prompt as the model will see it; no picture is made",
    )
    .query(
        "as",
        json!({"type": "string", "enum": ["png", "json"]}),
        "json also tells what the model does not know; png if not said.",
    )
    .body("application/json", reference("JobRequest"))
    .answer(200, "The prompt.", "image/png", binary())
    .json(
        200,
        "The prompt as a data URL, and warnings.",
        json!({
            "type": "object",
            "properties": {
                "picture": {"type": "string"},
                "warnings": {"type": "array", "items": {"type": "string"}},
                "request": {"type": "object"},
            },
            "required": ["picture", "warnings", "request"],
        }),
    );
    let of_job = Operation::new("job_prompt", "The prompt of a job as the model saw it").answer(
        200,
        "The prompt.",
        "image/png",
        binary(),
    );
    let replay = Operation::new("replay", "Read the settings inside a PNG of ours")
        .body("application/octet-stream", binary())
        .json(200, "A request that makes the same picture again.", json!({
            "type": "object",
            "properties": {
                "request": {"type": "object"},
                "missing": {"type": "array", "items": {"type": "string"}, "description": "SHA-256 of pictures to send first."},
                "same_model": {"type": "boolean"},
                "model": {"type": "string"},
            },
            "required": ["request", "missing", "same_model", "model"],
        }));
    vec![
        Route::new(Method::POST, "/api/v1/prompts", post(draw), drawn),
        Route::new(
            Method::GET,
            "/api/v1/jobs/{id}/prompt",
            get(of_a_job),
            of_job,
        ),
        Route::new(Method::POST, "/api/v1/replay", post(replayed), replay),
    ]
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum As {
    #[default]
    Png,
    Json,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    #[serde(default, rename = "as")]
    form: As,
}

async fn draw(State(app): State<Shared>, request: Request) -> Result<Response, Refusal> {
    let Wanted { form } = query(request.uri())?;
    let held = body::read(&app, request).await?;
    let (request, parts, _held) = held.request().await?;
    app.drawing(move |app| {
        let (asked, picture) = app.reader().drawn(request, &parts)?;
        let png = Format::Png.of(&picture, 100)?;
        match form {
            As::Png => Ok(typed(StatusCode::OK, "image/png", png.into())),
            As::Json => {
                let style = &app.engine.info.config.prompts;
                let warnings = style.warnings(&style.applied(asked.prompt.clone()));
                let picture = data_url("image/png", &png);
                let request = crate::engine::request(&asked);
                Ok(json(
                    StatusCode::OK,
                    &json!({"picture": picture, "warnings": warnings, "request": request}),
                ))
            }
        }
    })
    .await
}

async fn of_a_job(
    State(app): State<Shared>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, Refusal> {
    let _: Nothing = query(&uri)?;
    app.drawing(move |app| {
        let asked = app.engine.asked(&id)?.ok_or_else(|| no_job(&id))?;
        let prompt = asked.styled(&app.engine.info.config.prompts, &app.engine.store.inputs());
        let gone = |reason: String| {
            Refusal::missing(format!("the prompt cannot be drawn any more: {reason}"))
        };
        let files = PromptFiles::read(&prompt).map_err(|e| gone(e.to_string()))?;
        let drawn = files
            .embed(prompt, Profiles::Convert)
            .and_then(|prompt| prompt.render(asked.side));
        let picture = drawn.map_err(|e| gone(e.to_string()))?;
        Ok(forever("image/png", Format::Png.of(&picture, 100)?))
    })
    .await
}

/// No question.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

async fn replayed(State(app): State<Shared>, request: Request) -> Result<Response, Refusal> {
    let held = body::read(&app, request).await?;
    let answer = app.blocking(move |app| again(app, &held.bytes)).await?;
    Ok(json(StatusCode::OK, &answer))
}

/// The request that made a picture.
fn again(app: &App, png: &[u8]) -> Result<Value, Refusal> {
    let file = app
        .engine
        .store
        .folder()
        .join(format!("{}.replay", crate::id::new()));
    let read = std::fs::write(&file, png).map_err(|e| Refusal::disk(e.to_string()));
    let record = read.and_then(|()| {
        read_record(&file).map_err(|e| {
            let reason = e.to_string();
            let told = reason
                .split_once(": ")
                .map_or(reason.as_str(), |(_, told)| told);
            Refusal::invalid(
                "no_settings",
                format!("the picture carries no settings of ours ({told})"),
            )
        })
    });
    let _ = std::fs::remove_file(&file);
    let record: Record = record?;
    let Input::Prompt {
        prompt,
        side,
        files,
    } = &record.input
    else {
        return Err(Refusal::invalid(
            "no_settings",
            "the picture was made of a ready prompt picture, which `flowinone replay` makes again",
        ));
    };
    let mut missing = vec![];
    for sha256 in files.values() {
        if app
            .engine
            .store
            .input(sha256)
            .map_err(|e| app.engine.refused(&e))?
            .is_none()
        {
            missing.push(sha256.clone());
        }
    }
    let mut prompt = prompt.clone();
    prompt.each_file(|file| {
        if let Some(sha256) = files.get(file) {
            *file = format!("picture:{sha256}").into();
        }
    });
    let mut request = json!(prompt);
    request["side"] = json!(side);
    request["seed"] = json!(record.seed);
    request["item"] = json!(record.item);
    request["settings"] = json!(Adjustment::of(&record.settings));
    Ok(json!({
        "request": request,
        "missing": missing,
        "same_model": record.model_digest == app.engine.info.digest,
        "model": record.model.file_name().unwrap_or_default().to_string_lossy(),
    }))
}
