#![doc = include_str!("../README.md")]

mod arrange;
mod checkpoint;
mod entry;
mod error;
mod init;
mod params;
mod plan;
mod pytorch;
mod safetensors;
mod shards;

pub use checkpoint::{Checkpoint, Format};
pub use entry::Entry;
pub use error::{Error, Mismatch};
pub use init::{Init, randomize};
pub use params::{Layout, ParamSpec, fill, param_specs, values};
pub use plan::{Key, LoadOptions, Plan, load, restore};
pub use safetensors::{Saved, save, save_module};
