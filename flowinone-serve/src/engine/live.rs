//! A job that is not over, and what is told of it while it lives.

use std::io::Cursor;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use flowinone_tasks::Job;
use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::Engine;
use crate::asked::Asked;

/// A preview costs at most this share of the time between two.
const PREVIEW_SHARE: u32 = 5;
/// Quality of previews.
const PREVIEW_QUALITY: u8 = 85;

/// A job that waits or is computed.
pub(crate) struct Live {
    pub(super) id: String,
    pub(super) asked: Asked,
    /// What the model computes: one, or one for each frame.
    pub(super) jobs: Vec<Job>,
    /// Never with others: it was there when a process died.
    pub(super) alone: bool,
    pub(super) accepted: Instant,
    /// Set once, by whoever ends the job: the picture, an error, or the one who cancels.
    pub(super) settled: AtomicBool,
    pub(super) watchers: AtomicUsize,
    pub(super) progress: Mutex<Progress>,
    pub(super) over: watch::Sender<bool>,
}

/// How far a job is.
#[derive(Debug, Clone, Default)]
pub(super) struct Progress {
    pub(super) began: Option<Instant>,
    /// Steps taken, over all frames.
    pub(super) step: usize,
    /// Steps in all; `None` where the solver decides on the way.
    pub(super) steps: Option<usize>,
    /// The share that is done, from 0 to 1.
    pub(super) share: f64,
    /// Frames that are finished.
    pub(super) frames: usize,
    pub(super) bytes: u64,
    /// How far the finished picture is made larger, while it is.
    pub(super) upscaling: Option<Upscaling>,
    preview_asked: Option<Instant>,
    preview_came: Option<Instant>,
    preview_cost: Duration,
}

/// How far a finished picture is made larger.
#[derive(Debug, Clone, Copy)]
pub(super) struct Upscaling {
    pub(super) since: Instant,
    /// The share that is done, from 0 to 1.
    pub(super) share: f64,
}

impl Progress {
    /// Seconds until the picture is there, or until it is larger, from the pace so far.
    pub(super) fn seconds_left(&self) -> Option<f64> {
        let (since, share) = match self.upscaling {
            Some(Upscaling { since, share }) => (since, share),
            None => (self.began?, self.share),
        };
        let spent = since.elapsed().as_secs_f64();
        (share > 0.0).then(|| spent / share * (1.0 - share))
    }
}

impl Live {
    pub(super) fn new(id: String, asked: Asked, jobs: Vec<Job>, alone: bool) -> Self {
        Self {
            id,
            asked,
            jobs,
            alone,
            accepted: Instant::now(),
            settled: AtomicBool::new(false),
            watchers: AtomicUsize::new(0),
            progress: Mutex::default(),
            over: watch::channel(false).0,
        }
    }

    pub(super) fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_settled(&self) -> bool {
        self.settled.load(Ordering::Relaxed)
    }

    /// Whether the state after `step` is to be decoded: where the request wants a partial picture,
    /// or where someone watches and it would not cost much of the time.
    pub(super) fn wants_preview(&self, step: usize, watched: bool) -> bool {
        let partial = self.asked.partial_steps().any(|wanted| wanted == step);
        let mut progress = self.progress();
        let due = || match progress.preview_came {
            Some(came) => came.elapsed() >= PREVIEW_SHARE * progress.preview_cost,
            None => true,
        };
        let wanted = !self.is_settled() && (partial || (watched && due()));
        if wanted {
            progress.preview_asked = Some(Instant::now());
        }
        wanted
    }

    /// A preview came.
    pub(super) fn previewed(&self) {
        let mut progress = self.progress();
        progress.preview_cost = progress
            .preview_asked
            .map_or(Duration::ZERO, |asked| asked.elapsed());
        progress.preview_came = Some(Instant::now());
    }
}

/// Something that happened to a job.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    /// Its number among all events of the process.
    pub(crate) number: u64,
    /// The job.
    pub(crate) job: Arc<str>,
    /// What happened.
    pub(crate) kind: Kind,
}

/// What happened.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// It waits, and this many jobs are taken up to and with it.
    Queued { position: usize },
    /// Its computing began.
    Started,
    /// A step was taken.
    Step {
        step: usize,
        steps: Option<usize>,
        share: f64,
        seconds_left: Option<f64>,
    },
    /// The finished picture is made larger.
    Upscaling {
        share: f64,
        seconds_left: Option<f64>,
    },
    /// An unfinished picture.
    Preview { step: usize, picture: Arc<RgbImage> },
    /// The picture is there.
    Done,
    /// No picture could be made.
    Failed { code: String, message: String },
    /// It was cancelled.
    Cancelled,
    /// It was forgotten, with its picture.
    Forgotten,
}

impl Kind {
    /// Its name on the wire.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Queued { .. } => "queued",
            Self::Started => "started",
            Self::Step { .. } => "step",
            Self::Upscaling { .. } => "upscaling",
            Self::Preview { .. } => "preview",
            Self::Done => "done",
            Self::Failed { .. } => "failed",
            Self::Cancelled => "cancelled",
            Self::Forgotten => "forgotten",
        }
    }

    /// Whether nothing more happens to the job.
    pub(crate) fn is_last(&self) -> bool {
        matches!(
            self,
            Self::Done | Self::Failed { .. } | Self::Cancelled | Self::Forgotten
        )
    }

    /// What it says on the wire besides the job.
    pub(crate) fn data(&self) -> Value {
        match self {
            Self::Queued { position } => json!({"position": position}),
            Self::Step {
                step,
                steps,
                share,
                seconds_left,
            } => {
                json!({"step": step, "steps": steps, "share": share, "seconds_left": seconds_left})
            }
            Self::Upscaling {
                share,
                seconds_left,
            } => json!({"upscaled": share, "seconds_left": seconds_left}),
            Self::Preview { step, picture } => {
                let mut jpeg = Cursor::new(vec![]);
                let encoder = JpegEncoder::new_with_quality(&mut jpeg, PREVIEW_QUALITY);
                // Pixels in memory become a JPEG; were they not to, nothing is shown.
                let _ = picture.write_with_encoder(encoder);
                json!({"step": step, "picture": crate::wire::data_url("image/jpeg", jpeg.get_ref())})
            }
            Self::Failed { code, message } => json!({"error": {"code": code, "message": message}}),
            _ => json!({}),
        }
    }
}

/// While it is held, previews of a job, or of all jobs, are made.
pub(crate) enum Watching {
    /// One job.
    Job(Arc<Live>),
    /// All jobs.
    All(Arc<Engine>),
}

impl Engine {
    /// Watches a job that is not over.
    pub(crate) fn watch(&self, id: &str) -> Option<Watching> {
        let job = self.queue().by_id.get(id).cloned()?;
        job.watchers.fetch_add(1, Ordering::Relaxed);
        Some(Watching::Job(job))
    }

    /// Watches all jobs.
    pub(crate) fn watch_all(self: &Arc<Self>) -> Watching {
        self.watchers.fetch_add(1, Ordering::Relaxed);
        Watching::All(Arc::clone(self))
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        match self {
            Self::Job(job) => job.watchers.fetch_sub(1, Ordering::Relaxed),
            Self::All(engine) => engine.watchers.fetch_sub(1, Ordering::Relaxed),
        };
    }
}
