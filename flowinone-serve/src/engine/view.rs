//! A job as it is told on the wire: what the journal says, and how far it is.

use flowinone_prompts::Prompt;
use flowinone_tasks::Adjustment;
use serde::Serialize;
use serde_json::{Value, json};

use super::Engine;
use crate::asked::Asked;
use crate::refusal::Refusal;
use crate::store::{Entry, State, StoreError};

/// A job as clients see it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct View {
    pub(crate) id: String,
    pub(crate) task: String,
    pub(crate) state: State,
    /// Times in milliseconds since 1970.
    pub(crate) created: u64,
    pub(crate) started: Option<u64>,
    pub(crate) finished: Option<u64>,
    /// Jobs that are taken up to and with it, while it waits.
    pub(crate) position: Option<usize>,
    pub(crate) step: Option<usize>,
    pub(crate) steps: Option<usize>,
    pub(crate) share: Option<f64>,
    /// The share of making the finished picture larger that is done, while that lasts.
    pub(crate) upscaled: Option<f64>,
    pub(crate) seconds_left: Option<f64>,
    pub(crate) width: Option<u32>,
    pub(crate) height: Option<u32>,
    pub(crate) frames: Option<u32>,
    pub(crate) error: Option<Value>,
    /// What was asked for: post it again and it becomes the same picture.
    pub(crate) request: Value,
    pub(crate) links: Value,
}

impl Engine {
    /// A job as clients see it.
    pub(crate) fn view(&self, id: &str) -> Result<Option<View>, StoreError> {
        Ok(self.store.job(id)?.map(|entry| self.view_of(entry)))
    }

    /// Jobs as clients see them, newest first.
    pub(crate) fn views(&self, before: Option<&str>, limit: u32) -> Result<Vec<View>, StoreError> {
        let entries = self.store.list(before, limit)?;
        Ok(entries
            .into_iter()
            .map(|entry| self.view_of(entry))
            .collect())
    }

    /// Jobs that wait or are computed.
    pub(crate) fn unfinished(&self) -> Result<Vec<View>, StoreError> {
        let entries = self.store.left_over()?;
        Ok(entries
            .into_iter()
            .map(|entry| self.view_of(entry))
            .collect())
    }

    /// What was asked for.
    pub(crate) fn asked(&self, id: &str) -> Result<Option<Asked>, Refusal> {
        let entry = self.store.job(id).map_err(|e| self.refused(&e))?;
        let read = |entry: Entry| {
            serde_json::from_str(&entry.request)
                .map_err(|e| Refusal::internal("journal", format!("job {id} cannot be read: {e}")))
        };
        entry.map(read).transpose()
    }

    fn view_of(&self, entry: Entry) -> View {
        let asked: Option<Asked> = serde_json::from_str(&entry.request).ok();
        let queue = self.queue();
        let live = queue.by_id.get(&entry.id).cloned();
        let position = queue.waiting.iter().position(|job| job.id == entry.id);
        drop(queue);
        let progress = live.map(|job| job.progress().clone());
        let progress =
            progress.filter(|progress| progress.began.is_some() && !entry.state.is_over());
        let error = entry
            .code
            .map(|code| json!({"code": code, "message": entry.error}));
        let mut links = json!({
            "self": format!("api/v1/jobs/{}", entry.id),
            "events": format!("api/v1/jobs/{}/events", entry.id),
            "prompt": format!("api/v1/jobs/{}/prompt", entry.id),
        });
        if entry.state == State::Done {
            links["picture"] = format!("api/v1/jobs/{}/picture", entry.id).into();
            links["thumbnail"] = format!("api/v1/jobs/{}/thumbnail", entry.id).into();
            if asked.as_ref().is_some_and(|asked| asked.frames.is_some()) {
                links["motion"] = format!("api/v1/jobs/{}/motion", entry.id).into();
            }
        }
        View {
            position: position.map(|ahead| ahead + 1),
            step: progress.as_ref().map(|progress| progress.step),
            steps: progress.as_ref().and_then(|progress| progress.steps),
            share: progress.as_ref().map(|progress| progress.share),
            upscaled: progress
                .as_ref()
                .and_then(|progress| progress.upscaling)
                .map(|upscaling| upscaling.share),
            seconds_left: progress.and_then(|progress| progress.seconds_left()),
            width: entry.size.map(|size| size[0]),
            height: entry.size.map(|size| size[1]),
            frames: asked.as_ref().and_then(|asked| asked.frames),
            error,
            request: asked.map_or(Value::Null, |asked| request(&asked)),
            links,
            id: entry.id,
            task: entry.task,
            state: entry.state,
            created: entry.created,
            started: entry.started,
            finished: entry.finished,
        }
    }
}

/// What was asked for, as a client would ask for it again.
pub(crate) fn request(asked: &Asked) -> Value {
    let mut prompt = asked.prompt.clone();
    prompt.each_file(|file| *file = reference(file).into());
    let mut value = json!(Line {
        prompt: &prompt,
        side: asked.side,
        seed: asked.seed,
        item: asked.item,
        settings: Adjustment::of(&asked.settings),
    });
    if let Some(frames) = asked.frames {
        value["frames"] = frames.into();
        value["frame_rate"] = asked.frame_rate.into();
    }
    if let Some(name) = &asked.name {
        value["output"] = name.as_str().into();
    }
    value
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    prompt: &'a Prompt,
    side: u32,
    seed: u64,
    item: u64,
    settings: Adjustment,
}

/// How a request names a picture that was sent: by the digest in its file's name.
fn reference(file: &std::path::Path) -> String {
    let stem = file.file_stem().unwrap_or_default();
    format!("picture:{}", stem.to_string_lossy())
}
