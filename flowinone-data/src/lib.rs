//! Pairs of prompt and target without end, with exact ground truth, and their files.
//!
//! A [`Scene`] is named icons on a ground, complete as data. An [`Operation`] on it is what a prompt
//! asks for; it makes the target scene. [`PairSampler`] draws both from a seed, so that pair number
//! `index` is always the same, on any number of threads. [`Holdout`] names what training never sees.
//! [`ShardWriter`], [`FolderWriter`] and [`Source`] write and read the files, and [`Mixer`] makes
//! batches of several sources.
//!
//! ```
//! use flowinone_tasks::data::{Icons, PairConfig, PairSampler};
//!
//! # fn main() -> Result<(), flowinone_tasks::data::Error> {
//! let sampler = PairSampler::new(Icons::builtin().into(), PairConfig::new(7))?;
//! let pair = sampler.pair(6)?; // the seventh task: a push
//! assert_eq!(pair.target.dimensions(), (256, 256));
//! assert_eq!(pair.truth.expected.len(), pair.truth.gone.len());
//! # Ok(())
//! # }
//! ```

mod caption;
mod colour;
mod damage;
mod draft;
mod draw;
mod dynamics;
mod error;
mod everyday;
mod folder;
mod ground;
mod iconify;
mod icons;
mod mix;
mod new_folder;
mod operation;
mod outline;
mod pair;
mod place;
mod sample;
mod sampler;
mod scene;
mod shard;
mod shard_stream;
mod shard_writer;
mod sheet;
mod split;
mod stream;
mod truth;
mod variety;
mod walk;

pub use colour::{Colour, ColourName};
pub use damage::Damage;
pub use dynamics::{Disc, Physics};
pub use error::Error;
pub use folder::{FolderStream, FolderWriter};
pub use ground::{Ground, Pattern};
pub use icons::Icons;
pub use mix::{MixPosition, Mixer};
pub use new_folder::NewFolder;
pub use operation::{Edit, Mark, Operation, Path, Push};
pub use place::Place;
pub use sample::{Encoded, Example, Sample};
pub use sampler::{Classes, Pair, PairConfig, PairSampler};
pub use scene::{Object, PixelBox, Rect, Scene};
pub use shard::shards;
pub use shard_stream::ShardStream;
pub use shard_writer::ShardWriter;
pub use sheet::ContactSheet;
pub use split::{Axis, Holdout, Split};
pub use stream::{Part, Position, ProceduralStream, Source, StreamConfig};
pub use truth::{Lettering, Seen, Truth};
pub use variety::{CaptionKind, EditKind, Variety};
pub use walk::{Layout, Walk};
#[cfg(feature = "eval")]
pub(crate) use {everyday::NAMES as EVERYDAY, icons::Sprite};
