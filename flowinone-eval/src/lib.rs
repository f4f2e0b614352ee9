#![doc = include_str!("../README.md")]

mod change;
mod class;
mod coarse;
mod error;
mod fit;
mod item;
#[cfg(feature = "judge")]
pub mod judge;
mod likeness;
mod look;
mod merge;
mod pairs;
mod region;
mod report;
mod rules;
mod run;
mod scorer;
mod sharpness;
mod summary;
mod thresholds;
pub mod walk_in;

pub use error::Error;
pub use item::{Failure, Gone, ItemScore, Kept, ObjectScore, Place, Tint};
pub use merge::{ShardOfScores, merge_scores};
pub use pairs::{Known, Pairs, result_of};
pub use report::Report;
pub use rules::{Rules, Scored};
pub use run::{Results, score};
pub use scorer::{Scorer, Work};
pub use summary::{Score, Summary, TaskScore};
pub use thresholds::Thresholds;
