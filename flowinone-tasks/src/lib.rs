#![doc = include_str!("../README.md")]

mod arithmetic;
mod config;
mod directory;
mod error;
mod files;
mod make;
mod manifest;
mod noise;
mod pipeline;
mod precision;
#[cfg(feature = "prompts")]
mod record;
mod settings;

pub use arithmetic::Arithmetic;
pub use config::{FORMAT, ModelConfig};
pub use directory::{FlowInOne, ModelDirectory, read_config};
pub use error::Error;
pub use make::{Networks, Report, Sources, assemble, convert, init, untrained};
pub use manifest::{Component, ComponentRecord, Manifest, Source};
pub use pipeline::{Item, Pipeline, Start};
pub use precision::Precision;
#[cfg(feature = "prompts")]
pub use record::{Input, Record, read_record, write_png};
pub use settings::Settings;
