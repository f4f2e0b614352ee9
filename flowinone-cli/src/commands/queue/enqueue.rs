//! `flowinone enqueue`: a file of prompts into a queue.

use std::path::PathBuf;

use anyhow::Result;
use flowinone_queue::{Common, enqueue};

use super::QueueOptions;
use crate::Outcome;
use crate::sampling::Sampling;

/// Put a file of prompts into a queue that workers share.
///
/// Lines that the queue knows already are left as they are: after a failure, the same command adds
/// the rest.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The prompts, as for batch. Workers read the pictures that they name by their paths
    #[arg(value_name = "FILE.jsonl")]
    file: PathBuf,
    #[command(flatten)]
    queue: QueueOptions,
    /// Side of the prompt pictures, in pixels, where a line does not say its "side" [default: the
    /// model's]
    #[arg(long, value_name = "PIXELS")]
    side: Option<u32>,
    /// Take the numbers of pictures as they are, also where an embedded colour profile gives them
    /// another meaning than sRGB
    #[arg(long)]
    ignore_profiles: bool,
    #[command(flatten)]
    sampling: Sampling,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let mut queue = args.queue.open()?;
    let common = Common {
        side: args.side,
        seed: args.sampling.seed,
        settings: args.sampling.said(),
        ignore_profiles: args.ignore_profiles,
    };
    let enqueued = enqueue(&mut queue, &args.file, &common)?;
    for refused in &enqueued.refused {
        tell!("failed: {}: {}", refused.place, refused.reason);
    }
    if enqueued.known > 0 {
        tell!("{} were in the queue already", enqueued.known);
    }
    out!("{} jobs added to {}", enqueued.added, queue.name());
    Ok(match enqueued.refused.is_empty() {
        true => Outcome::Done,
        false => Outcome::Incomplete,
    })
}
