//! The answer to a request that waits for its pictures; if nobody waits any more, the jobs are
//! cancelled.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::wanted::{Output, Wanted};
use crate::app::{App, Shared};
use crate::engine::{Engine, Ticket, View};
use crate::http::answer::json as answer_json;
use crate::http::pictures::Motion;
use crate::http::pictures::motion;
use crate::id::now;
use crate::refusal::Refusal;
use crate::store::State;
use crate::wire::base64;

/// Cancels jobs when it is dropped: their client went away, or an error ended the request.
pub(super) struct Patience {
    engine: Arc<Engine>,
    jobs: Vec<String>,
}

impl Patience {
    /// Holds the jobs of a request; those that were there before it are not its own.
    pub(super) fn new(engine: &Arc<Engine>, tickets: &[Ticket]) -> Self {
        let own = tickets.iter().filter(|ticket| !ticket.known);
        Self {
            engine: Arc::clone(engine),
            jobs: own.map(|ticket| ticket.id.clone()).collect(),
        }
    }

    /// The jobs may end as they do.
    pub(super) fn keep(mut self) {
        self.jobs.clear();
    }
}

impl Drop for Patience {
    fn drop(&mut self) {
        if self.jobs.is_empty() {
            return;
        }
        let (engine, jobs) = (Arc::clone(&self.engine), std::mem::take(&mut self.jobs));
        let cancel = move || {
            for job in jobs {
                // An error is in the log, and there is nobody to tell.
                let _ = engine.cancel(&job);
            }
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(cancel)),
            Err(_) => cancel(),
        }
    }
}

/// Waits for a job and tells how it ended.
pub(super) async fn ended(app: &Shared, id: &str) -> Result<View, Refusal> {
    if let Some(mut over) = app.engine.until_over(id) {
        let _ = over.wait_for(|over| *over).await;
    }
    let job = id.to_string();
    let view = app
        .blocking(move |app| {
            let view = app.engine.view(&job).map_err(|e| app.engine.refused(&e))?;
            view.ok_or_else(|| {
                Refusal::internal("forgotten", "the job was forgotten before it was told")
            })
        })
        .await?;
    let said = |field: &str| {
        view.error
            .as_ref()
            .and_then(|error| error[field].as_str())
            .unwrap_or("")
            .to_string()
    };
    match view.state {
        State::Done => Ok(view),
        State::Cancelled => Err(Refusal::cancelled()),
        State::Failed => Err(match said("code").as_str() {
            "invalid_prompt" => Refusal::invalid("invalid_prompt", said("message")),
            "invalid_settings" => Refusal::invalid("invalid_settings", said("message")),
            "disk_full" => Refusal::disk(said("message")),
            "not_finite" => Refusal::internal("not_finite", said("message")),
            _ => Refusal::internal("internal", said("message")),
        }),
        State::Queued | State::Running => Err(Refusal::unavailable(
            "draining",
            "the server ends before the picture is made; ask again",
        )),
    }
}

/// A picture as the answer holds it.
pub(super) fn datum(app: &App, wanted: &Wanted, view: &View) -> Result<Value, Refusal> {
    let own = json!({
        "job": view.id,
        "seed": view.request["seed"],
        "item": view.request["item"],
    });
    if wanted.url {
        let base = app
            .config
            .public_url
            .as_deref()
            .unwrap_or("")
            .trim_end_matches('/');
        let path = match wanted.output {
            Output::Gif => format!("motion?format={}", wanted.output.name()),
            Output::Picture(_) => format!("picture?format={}", wanted.output.name()),
        };
        return Ok(
            json!({"url": format!("{base}/api/v1/jobs/{}/{path}", view.id), "flowinone": own}),
        );
    }
    let bytes = match wanted.output {
        Output::Gif => motion(app, &view.id, Motion::Gif)?,
        Output::Picture(format) => format.of_file(
            &app.engine.store.picture(&view.id),
            wanted.compression.max(1),
        )?,
    };
    Ok(json!({"b64_json": base64(&bytes), "flowinone": own}))
}

/// What the pictures cost, in the units that clients count in: tokens of the vision tower in,
/// places of the latent out.
pub(super) fn usage(app: &App, pictures: usize) -> Value {
    let config = &app.engine.info.config;
    let tokens_in = config.encoder.tokens() * pictures;
    let tokens_out = config.flow.latent_side.pow(2) * pictures;
    json!({
        "input_tokens": tokens_in,
        "output_tokens": tokens_out,
        "total_tokens": tokens_in + tokens_out,
        "input_tokens_details": {"image_tokens": tokens_in, "text_tokens": 0},
    })
}

/// The size of a picture as clients read it.
pub(super) fn size(view: &View) -> String {
    format!("{}x{}", view.width.unwrap_or(0), view.height.unwrap_or(0))
}

/// The whole answer.
pub(super) async fn answer(
    app: Shared,
    wanted: Wanted,
    tickets: Vec<Ticket>,
) -> Result<Response, Refusal> {
    let patience = Patience::new(&app.engine, &tickets);
    let begun = now();
    let mut views = vec![];
    for ticket in &tickets {
        views.push(ended(&app, &ticket.id).await?);
    }
    patience.keep();
    let body = app
        .drawing(move |app| {
            let data = views
                .iter()
                .map(|view| datum(app, &wanted, view))
                .collect::<Result<Vec<Value>, Refusal>>()?;
            Ok(json!({
                "created": now() / 1000,
                "data": data,
                "background": "opaque",
                "output_format": wanted.output.name(),
                "quality": wanted.quality,
                "size": views.first().map_or(String::new(), size),
                "usage": usage(app, views.len()),
                "flowinone": {"seconds": (now() - begun) as f64 / 1000.0},
            }))
        })
        .await?;
    Ok(answer_json(StatusCode::OK, &body))
}
