//! What happens to a worker, for whoever shows it.

use std::time::Duration;

use flowinone_tasks::Cost;

use crate::Error;

/// What happens to a worker.
#[derive(Debug)]
#[non_exhaustive]
pub enum Told<'a> {
    /// The weights were loaded; jobs are taken from now on.
    Loaded {
        /// The time it took.
        time: Duration,
    },
    /// A picture was written.
    Done {
        /// Where.
        place: &'a str,
    },
    /// A picture was there.
    Skipped {
        /// Where.
        place: &'a str,
    },
    /// A try failed.
    Failed {
        /// The line of the batch file.
        input: &'a str,
        /// Why.
        error: &'a str,
        /// Which try it was.
        attempt: u32,
        /// Whether it was the last.
        last: bool,
    },
    /// A batch was computed.
    Batch {
        /// What it cost.
        cost: Cost,
    },
    /// A job was taken over from a worker that was lost.
    TakenOver {
        /// Which try it is now.
        attempt: u32,
    },
    /// Other workers took over jobs that this one computes.
    LeaseLost {
        /// How many.
        jobs: usize,
    },
    /// A step took more than half of the lease.
    Slow {
        /// The time it took.
        step: Duration,
    },
    /// A picture could not be written; it is tried again.
    Rewrite {
        /// Why.
        error: &'a Error,
    },
    /// Jobs were given back unfinished.
    GaveBack {
        /// How many.
        jobs: u64,
    },
}
