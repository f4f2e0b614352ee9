//! Many pictures into files: which prompt becomes which file, what is there already, and what
//! became of each.
//!
//! [`expand`] and [`read_lines`] find the jobs, [`run`] settles them. A run that was interrupted
//! goes on when it is started again: a picture whose record says the same is not made again.

mod enlarge;
mod expand;
mod find;
mod jobs;
mod lines;
mod merge;
mod number;
mod numbered;
mod place;
mod report;
#[cfg(feature = "parquet")]
mod rows;
mod runner;
mod shard;

pub use enlarge::{Enlarging, EnlargingSummary, enlarge};
pub use expand::{check_png, expand};
pub use find::{Found, find};
pub use jobs::{BatchJob, Jobs};
pub use lines::{BatchLine, NamedLine, parse_lines, read_lines};
pub use merge::merge_reports;
pub use number::number;
pub use numbered::numbered;
pub use place::{LinePlace, Place, Refused};
pub use report::{Line, Report, Status, Target};
#[cfg(feature = "parquet")]
pub use rows::{expand_rows, parquet_files};
pub use runner::{BatchRun, Options, run};
pub use shard::{Shard, ShardHeader};
