//! The answer as events: unfinished pictures on the way, and each picture when it is there.

use std::collections::HashMap;

use axum::response::Response;
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::interval;

use super::reply::{Patience, datum, ended, size, usage};
use super::wanted::{Output, Wanted};
use crate::app::Shared;
use crate::engine::{Event, Kind, Ticket};
use crate::http::capabilities::sizes;
use crate::http::sse::{HEARTBEAT, Writer, stream};
use crate::id::now;
use crate::refusal::Refusal;
use crate::wire::base64;

/// A stream of the pictures of jobs. `steps` are those whose unfinished pictures are wanted.
pub(super) fn answer(
    app: Shared,
    wanted: Wanted,
    tickets: Vec<Ticket>,
    told: Receiver<Event>,
    steps: Vec<usize>,
    prefix: &'static str,
) -> Response {
    let (writer, response) = stream();
    let patience = Patience::new(&app.engine, &tickets);
    tokio::spawn(async move {
        let telling = Telling {
            app,
            wanted,
            steps,
            prefix,
            writer,
        };
        // Nobody reads any more: the jobs are cancelled.
        if telling.all(&tickets, told).await {
            patience.keep();
        }
    });
    response
}

struct Telling {
    app: Shared,
    wanted: Wanted,
    steps: Vec<usize>,
    prefix: &'static str,
    writer: Writer,
}

impl Telling {
    /// Tells everything of all jobs; false if nobody reads any more.
    async fn all(&self, tickets: &[Ticket], mut told: Receiver<Event>) -> bool {
        let mut places: HashMap<&str, usize> = tickets
            .iter()
            .enumerate()
            .map(|(place, ticket)| (ticket.id.as_str(), place))
            .collect();
        let mut partials = 0;
        // Jobs that were there before and are over tell nothing more.
        for (place, ticket) in tickets.iter().enumerate() {
            if self.app.engine.until_over(&ticket.id).is_none() {
                places.remove(ticket.id.as_str());
                if !self.end(&ticket.id, place).await {
                    return false;
                }
            }
        }
        let mut heartbeat = interval(HEARTBEAT);
        while !places.is_empty() {
            let event = tokio::select! {
                event = told.recv() => event,
                _ = heartbeat.tick() => match self.writer.comment().await {
                    true => continue,
                    false => return false,
                },
                () = self.writer.closed() => return false,
            };
            match event {
                Ok(event) => {
                    let Some(&place) = places.get(&*event.job) else {
                        continue;
                    };
                    let open = match &event.kind {
                        Kind::Preview { step, picture } if self.steps.contains(step) => {
                            partials += 1;
                            self.partial(picture, partials - 1, place).await
                        }
                        kind if kind.is_last() => {
                            places.remove(&*event.job);
                            self.end(&event.job, place).await
                        }
                        _ => true,
                    };
                    if !open {
                        return false;
                    }
                }
                // Too far behind: what is over is told, the rest goes on.
                Err(_) => {
                    let over: Vec<&str> = places
                        .keys()
                        .copied()
                        .filter(|id| self.app.engine.until_over(id).is_none())
                        .collect();
                    for id in over {
                        let place = places.remove(id).unwrap_or(0);
                        if !self.end(id, place).await {
                            return false;
                        }
                    }
                    if matches!(event, Err(RecvError::Closed)) {
                        return true;
                    }
                }
            }
        }
        true
    }

    async fn partial(&self, picture: &image::RgbImage, index: usize, place: usize) -> bool {
        let Output::Picture(format) = self.wanted.output else {
            return true;
        };
        let Ok(bytes) = format.of(picture, self.wanted.compression.max(1)) else {
            return true;
        };
        let size = sizes(&self.app).remove(0);
        let event =
            json!({"b64_json": base64(&bytes), "partial_image_index": index, "image_index": place});
        self.tell("partial_image", event, size).await
    }

    /// A job is over: its picture, or why there is none.
    async fn end(&self, id: &str, place: usize) -> bool {
        let picture = match ended(&self.app, id).await {
            Ok(view) => {
                let wanted = self.wanted.clone();
                let size = size(&view);
                let made = self
                    .app
                    .drawing(move |app| datum(app, &wanted, &view))
                    .await;
                made.map(|datum| (datum, size))
            }
            Err(refusal) => Err(refusal),
        };
        match picture {
            Ok((mut event, size)) => {
                event["image_index"] = place.into();
                event["usage"] = usage(&self.app, 1);
                self.tell("completed", event, size).await
            }
            Err(refusal) => self.fail(&refusal).await,
        }
    }

    async fn fail(&self, refusal: &Refusal) -> bool {
        self.writer
            .event("error", None, &json!({"type": "error", "error": refusal}))
            .await
    }

    async fn tell(&self, what: &str, mut event: Value, size: String) -> bool {
        let name = format!("{}.{what}", self.prefix);
        event["type"] = name.as_str().into();
        event["created_at"] = (now() / 1000).into();
        event["background"] = "opaque".into();
        event["output_format"] = self.wanted.output.name().into();
        event["quality"] = self.wanted.quality.into();
        event["size"] = size.into();
        self.writer.event(&name, None, &event).await
    }
}
