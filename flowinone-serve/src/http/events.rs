//! What happens, as server-sent events: first how everything stands, then every change.
//!
//! A listener that falls behind is told how everything stands anew, so nothing is missed for good.

use axum::extract::{Path, State};
use axum::http::{Method, Uri};
use axum::response::Response;
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio::time::interval;

use super::jobs::found;
use super::sse::{HEARTBEAT, Writer, stream};
use crate::app::Shared;
use crate::engine::{Event, Kind, Watching};
use crate::operation::Operation;
use crate::refusal::Refusal;
use crate::route::{Route, query};

pub(crate) fn routes() -> Vec<Route> {
    let described = |id, summary| {
        Operation::new(id, summary)
            .query("previews", json!({"type": "boolean"}), "Whether unfinished pictures are wanted.")
            .answer(
                200,
                "Events: `snapshot` first, then `queued` (with position), `started`, `step` (with seconds_left), `preview`, `upscaling` (with upscaled, the share that is done, and seconds_left), `done`, `failed`, `cancelled`, `forgotten`; `draining` when the server ends.",
                "text/event-stream",
                json!({"type": "string"}),
            )
    };
    vec![
        Route::new(
            Method::GET,
            "/api/v1/jobs/{id}/events",
            get(of_job),
            described("job_events", "What happens to a job, until it is over"),
        ),
        Route::new(
            Method::GET,
            "/api/v1/events",
            get(of_all),
            described("events", "What happens to all jobs"),
        ),
    ]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    #[serde(default)]
    previews: bool,
}

async fn of_job(
    State(app): State<Shared>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, Refusal> {
    let wanted: Wanted = query(&uri)?;
    // Heard from before the state is read, so that nothing falls between the two.
    let events = app.engine.events();
    let watching = if wanted.previews {
        app.engine.watch(&id)
    } else {
        None
    };
    let job = id.clone();
    let snapshot = app.blocking(move |app| found(app, &job)).await?;
    let over = snapshot.state.is_over();
    let (writer, response) = stream();
    tokio::spawn(async move {
        if writer.event("snapshot", None, &json!(snapshot)).await && !over {
            follow(&app, &writer, events, Some(&id), wanted.previews).await;
        }
        drop(watching);
    });
    Ok(response)
}

async fn of_all(State(app): State<Shared>, uri: Uri) -> Result<Response, Refusal> {
    let wanted: Wanted = query(&uri)?;
    let events = app.engine.events();
    let watching: Option<Watching> = wanted.previews.then(|| app.engine.watch_all());
    let snapshot = snapshot(&app, None).await?;
    let (writer, response) = stream();
    tokio::spawn(async move {
        if writer.event("snapshot", None, &snapshot).await {
            follow(&app, &writer, events, None, wanted.previews).await;
        }
        drop(watching);
    });
    Ok(response)
}

/// How a job stands, or all that are not over.
async fn snapshot(app: &Shared, id: Option<&str>) -> Result<Value, Refusal> {
    let id = id.map(str::to_string);
    app.blocking(move |app| match id {
        Some(id) => Ok(json!(found(app, &id)?)),
        None => {
            let jobs = app
                .engine
                .unfinished()
                .map_err(|e| app.engine.refused(&e))?;
            Ok(json!({"jobs": jobs}))
        }
    })
    .await
}

/// Writes events until the job is over, the listener gone, or the server about to end.
async fn follow(
    app: &Shared,
    writer: &Writer,
    mut events: Receiver<Event>,
    job: Option<&str>,
    previews: bool,
) {
    let mut heartbeat = interval(HEARTBEAT);
    heartbeat.reset();
    let mut ending = app.ending.subscribe();
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Ok(event) => {
                    let ours = job.is_none_or(|job| job == &*event.job);
                    if !ours || (!previews && matches!(event.kind, Kind::Preview { .. })) {
                        continue;
                    }
                    let mut data = event.kind.data();
                    data["job"] = (&*event.job).into();
                    let read = writer.event(event.kind.name(), Some(event.number), &data).await;
                    if !read || (job.is_some() && event.kind.is_last()) {
                        return;
                    }
                }
                Err(RecvError::Lagged(_)) => {
                    let Ok(snapshot) = snapshot(app, job).await else { return };
                    let over = snapshot["finished"].is_u64();
                    if !writer.event("snapshot", None, &snapshot).await || over {
                        return;
                    }
                }
                Err(RecvError::Closed) => return,
            },
            _ = heartbeat.tick() => if !writer.comment().await { return },
            () = writer.closed() => return,
            () = until(&mut ending) => {
                writer.event("draining", None, &json!({})).await;
                return;
            }
        }
    }
}

/// Until a value becomes true.
async fn until(value: &mut watch::Receiver<bool>) {
    // The sender lives as long as the app.
    let _ = value.wait_for(|value| *value).await;
}
