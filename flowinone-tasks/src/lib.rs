#![doc = include_str!("../README.md")]

mod adjustment;
#[cfg(feature = "prompts")]
pub mod batch;
mod config;
pub mod device;
mod directory;
mod dtype;
mod error;
mod files;
#[cfg(feature = "prompts")]
mod job;
mod make;
mod manifest;
mod memory;
mod noise;
mod pipeline;
#[cfg(feature = "prompts")]
mod record;
#[cfg(feature = "prompts")]
mod replay;
#[cfg(feature = "prompts")]
mod run;
#[cfg(feature = "prompts")]
mod session;
mod settings;
pub mod tune;
#[cfg(feature = "prompts")]
mod upscaling;
mod weight_dtype;

pub use adjustment::Adjustment;
pub use config::{FORMAT, ModelConfig};
pub use directory::{FlowInOne, ModelDirectory, read_config};
pub use dtype::Dtype;
pub use error::Error;
#[cfg(feature = "prompts")]
pub use job::{Job, Routing, Source};
pub use make::{Networks, Report, Sources, assemble, convert, init, untrained};
pub use manifest::{Component, ComponentRecord, Manifest, Origin};
pub use memory::peak_memory;
pub use pipeline::{Item, Pipeline, Start, to_pictures};
#[cfg(feature = "prompts")]
pub use record::{Input, Record, read_record, write_png};
#[cfg(feature = "prompts")]
pub use replay::again;
#[cfg(feature = "prompts")]
pub use run::{Cost, Event, Run};
#[cfg(feature = "prompts")]
pub use session::Session;
pub use settings::Settings;
#[cfg(feature = "prompts")]
pub use upscaling::{EnlargedRecord, UpscaleRecord, Upscaling, read_enlarged, write_enlarged};
pub use weight_dtype::WeightDtype;
