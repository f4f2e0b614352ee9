#![doc = include_str!("../README.md")]

mod arrange;
mod checkpoint;
mod error;
mod plan;
mod pytorch;
mod random;
mod safetensors;
mod shards;
mod slots;

pub use checkpoint::{Checkpoint, Entry, Format};
pub use error::{Error, Mismatch};
pub use plan::{Key, LoadOptions, Plan, load, restore};
pub use random::{Random, randomize};
pub use safetensors::{Saved, save, save_module};
pub use slots::{Layout, Slot, fill, slots, values};
