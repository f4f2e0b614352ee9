//! Many pictures into files: which prompt becomes which file, what is there already, and what
//! became of each.
//!
//! [`expand`] and [`read_lines`] find the jobs, [`run`] settles them. A run that was interrupted
//! goes on when it is started again: a picture whose record says the same is not made again.

mod enlarge;
mod find;
mod jobs;
mod lines;
mod report;
mod runner;

pub use enlarge::{Enlarging, EnlargingSummary, enlarge};
pub use find::{Found, find};
pub use jobs::{BatchJob, Jobs, Place, Refused, check_png, expand, number};
pub use lines::{BatchLine, LinePlace, read_lines};
pub use report::Report;
pub use runner::{BatchRun, Options, run};
