//! What happens in a run of jobs, and what it costs.

use std::time::Duration;

use image::RgbImage;
use serde::Serialize;

use crate::{Error, Record};

/// What happened; `job` is the place of a job in its run, from 0 on.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// The weights were loaded, once in a session.
    Loaded {
        /// The time it took.
        time: Duration,
    },
    /// A batch took a step.
    Step {
        /// The jobs of the batch.
        jobs: Vec<usize>,
        /// Steps taken.
        step: usize,
        /// Steps in all; `None` where the solver decides on the way.
        steps: Option<usize>,
        /// Time reached, from 0 to 1.
        t: f64,
    },
    /// An unfinished picture, if [previews](crate::Run::preview_every) are wanted.
    Preview {
        /// The job.
        job: usize,
        /// The picture of the state, decoded.
        picture: RgbImage,
        /// How it was made.
        record: Box<Record>,
    },
    /// A picture is finished.
    Done {
        /// The job.
        job: usize,
        /// The picture.
        picture: RgbImage,
        /// How it was made.
        record: Box<Record>,
        /// What its batch cost, with the job's own evaluations.
        cost: Cost,
    },
    /// An unfinished picture could not be written; its job goes on.
    NoPreview {
        /// The job.
        job: usize,
        /// Why.
        error: Error,
    },
    /// The picture was there already and was not made again.
    Skipped {
        /// The job.
        job: usize,
    },
    /// No picture could be made.
    Failed {
        /// The job.
        job: usize,
        /// Why.
        error: Error,
    },
    /// The run was [asked to stop](crate::Run::until); nothing comes after this.
    Stopped,
    /// All items of a batch are settled.
    Batch {
        /// What it cost; its evaluations are those of the item that took most.
        cost: Cost,
    },
}

/// What a batch cost; every item of it reports the same, except for its own evaluations.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Cost {
    /// Items in the batch.
    pub batch: usize,
    /// Solver steps.
    pub steps: usize,
    /// Network evaluations of one branch.
    pub evaluations: usize,
    /// Seconds in the vision encoder, the whole batch.
    pub vision_seconds: f64,
    /// Seconds in the autoencoder's encoder, the whole batch.
    pub structure_seconds: f64,
    /// Seconds of the solve, the whole batch.
    pub solve_seconds: f64,
    /// Seconds in the decoder, the whole batch.
    pub decode_seconds: f64,
    /// Seconds in the network that enlarges pictures, the whole batch; 0 if none does.
    #[serde(skip_serializing_if = "is_zero")]
    pub upscale_seconds: f64,
    /// Peak memory of the process so far, in bytes, where the system tells it.
    pub peak_bytes: Option<u64>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(seconds: &f64) -> bool {
    *seconds == 0.0
}
