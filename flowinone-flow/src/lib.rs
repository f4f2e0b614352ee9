#![doc = include_str!("../README.md")]

mod attention;
mod bench_hooks;
mod config;
mod convnext;
mod cross;
mod error;
mod field;
mod indicator;
mod input;
mod keys;
mod layout;
mod mlp;
mod network;
mod norm;
mod output;
mod skips;
mod source;
pub mod squares;
mod states;
mod structure;
mod time;
#[cfg(feature = "train")]
pub mod train;
mod transformer;
mod upsample;

#[cfg(all(test, feature = "cpu"))]
mod reference_tests;

pub use config::{Codebook, ConvNextConfig, FlowConfig, SourceConfig, TransformerConfig, TwoTimes};
pub use error::Error;
pub use field::{FlowField, FlowModel};
pub use keys::{default_init, map_key, published_key};
pub use network::{FlowNetwork, StageVelocities, VelocityNetwork};
pub use source::{Source, SourceEncoder};
pub use structure::{Structure, StructureTokens};
pub use time::Time;
