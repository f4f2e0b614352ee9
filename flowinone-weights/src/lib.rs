#![doc = include_str!("../README.md")]

mod arrange;
mod atomic;
mod checkpoint;
mod digest;
mod error;
mod identity;
mod plan;
mod pytorch;
mod random;
mod safetensors;
mod shards;
mod slots;
mod unfinished;

pub use atomic::{AtomicFile, AtomicFolder};
pub use checkpoint::{Checkpoint, Entry, Format};
pub use digest::{sha256, sha256_of};
pub use error::{Error, Mismatch};
pub use identity::{Collision, Identity, keep_apart};
pub use plan::{Key, LoadOptions, Plan, load, restore};
pub use random::{Random, randomize};
pub use safetensors::{Saved, save, save_module};
pub use slots::{Layout, Slot, fill, slots, values};
pub use unfinished::{abandon, tidy};
