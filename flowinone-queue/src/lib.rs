#![doc = include_str!("../README.md")]

#[cfg(not(unix))]
compile_error!("flowinone-queue needs a Unix system: its workers hear SIGTERM");

mod ending;
mod endpoint;
mod enqueue;
mod error;
mod job;
mod link;
mod name;
mod output;
mod queue;
mod report;
#[cfg(feature = "cloud")]
mod store;
mod work;

pub use ending::{Ending, Wish};
pub use endpoint::listen;
pub use enqueue::{Common, Enqueued, enqueue};
pub use error::Error;
pub use job::QueuedJob;
pub use name::worker_name;
pub use output::Output;
pub use queue::{Held, Outcome, Queue, State, WorkerState};
pub use report::{QueueReport, report};
#[cfg(feature = "cloud")]
pub use store::Store;
pub use work::{Options, Summary, Told, Worker, metrics};
