//! How a wish is judged that somebody types: does the picture show it, wherever and however sharp?
//!
//! The scorer beside this module measures results against one expected picture. A model that
//! answers in its own size and place, as people's wishes leave open, is judged by rules instead, on
//! means of 64 x 64 areas of a result of any size:
//!
//! - **ground**: the median of the border. Where another is asked for, it has the name of the
//!   nearest shade in Lab; otherwise it lies within 20 of Lab of what it was. What differs from it
//!   by more than 15 is foreground.
//! - **thing**: of all known things, drawn at 0.7 to 1.4 of the expected size within 7 areas of the
//!   place, the one with the least squared error after a mean of 3 x 3 is the right one, explains
//!   65 % of what is seen there, and lies within 8 % of the side of its place. Names and captions
//!   give no place: the box of the foreground is the place, and several things are as many
//!   connected parts. Things in the shades of one colour are compared by outline and lightness, and
//!   the peak of their hues has that name. A thing that is to grow or shrink is nearer to its new
//!   size than to the old one.
//! - **gone**: of an old footprint, less what lies there now, at most 20 % is foreground.
//! - **kept**: what is to stay is found by the same rule as a new thing.
//! - **nothing else**: at most 4 % of the picture is foreground away from the things.
//!
//! ```
//! use std::sync::Arc;
//!
//! use flowinone_data::{Classes, Icons, PairConfig, PairSampler};
//! use flowinone_eval::walk_in::{Judge, Table};
//!
//! # fn main() -> Result<(), flowinone_eval::Error> {
//! let icons = Arc::new(Icons::builtin());
//! let pair = PairSampler::new(icons.clone(), PairConfig::new(7))?.pair(6)?; // a push
//! let judge = Judge::new(icons, &Classes::Everyday)?;
//! let perfect = judge.item("6", &pair.truth, &pair.target)?;
//! let unedited = judge.item("6", &pair.truth, &pair.prompt)?;
//! assert!(perfect.passes() && !unedited.passes());
//! println!("{}", Table::of(&[perfect, unedited]));
//! # Ok(())
//! # }
//! ```

mod areas;
mod find;
mod ground;
mod hue;
mod judge;
mod known;
mod limits;
mod mask;
mod shade;
mod spots;
mod surface;
mod table;
mod verdict;

pub use judge::Judge;
pub use limits::Limits;
pub use table::{Row, Table, TaskRow};
pub use verdict::{Failure, Left, SeenGround, Thing, Verdict};
