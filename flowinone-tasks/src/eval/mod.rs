//! Scores of results: against the ground truth of procedural pairs, and before a vision model.

mod change;
mod class;
mod coarse;
mod error;
mod fit;
mod item;
pub mod judge;
mod likeness;
mod region;
mod scorer;
mod summary;
mod thresholds;

pub use error::Error;
pub use item::{Failure, Gone, ItemScore, ObjectScore, Place, Tint};
pub use scorer::{Scorer, Work};
pub use summary::{Score, Summary, TaskScore};
pub use thresholds::Thresholds;
