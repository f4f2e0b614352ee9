//! How good results are: against the exact ground truth of procedural pairs, and before a judge.
//!
//! A [`Scorer`] compares one result with the ground truth of its pair: which class each object looks
//! like, where it is, what is gone, what has stayed. A [`Summary`] is the table of many. The module
//! [`judge`] asks a vision model instead.
//!
//! ```
//! use std::sync::Arc;
//!
//! use flowinone_tasks::data::{Classes, Icons, PairConfig, PairSampler};
//! use flowinone_tasks::eval::{Scorer, Summary};
//!
//! # fn main() -> Result<(), flowinone_tasks::eval::Error> {
//! let icons = Arc::new(Icons::builtin());
//! let config = PairConfig { side: 64, ..PairConfig::new(7) };
//! let pair = PairSampler::new(icons.clone(), config)?.pair(6)?; // the seventh task: a push
//! let scorer = Scorer::new(icons, Classes::Everyday)?;
//! let perfect = scorer.item(&pair.truth, &pair.prompt, &pair.target)?;
//! let unedited = scorer.item(&pair.truth, &pair.prompt, &pair.prompt)?;
//! assert!(perfect.passes() && !unedited.passes());
//! println!("{}", Summary::of(&[perfect, unedited]));
//! # Ok(())
//! # }
//! ```

mod change;
mod class;
mod coarse;
mod error;
mod fit;
mod item;
pub mod judge;
mod likeness;
mod look;
mod region;
mod scorer;
mod summary;
mod thresholds;

pub use error::Error;
pub use item::{Failure, Gone, ItemScore, Kept, ObjectScore, Place, Tint};
pub use scorer::{Scorer, Work};
pub use summary::{Score, Summary, TaskScore};
pub use thresholds::Thresholds;
