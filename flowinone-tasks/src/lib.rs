#![doc = include_str!("../README.md")]

mod adjustment;
#[cfg(feature = "prompts")]
pub mod batch;
mod config;
pub mod device;
mod directory;
#[cfg(feature = "prompts")]
mod enlarged;
mod error;
#[cfg(feature = "prompts")]
mod event;
mod files;
#[cfg(feature = "prompts")]
mod inputs;
#[cfg(feature = "prompts")]
mod job;
mod known_models;
mod larger;
mod make;
mod manifest;
mod memory;
#[cfg(feature = "prompts")]
mod metrics;
mod models_folder;
mod noise;
mod pipeline;
mod provenance;
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

pub use adjustment::Adjustment;
pub use config::{Distilled, FORMAT, ModelConfig, Student};
pub use directory::{ModelDirectory, read_config};
#[cfg(feature = "prompts")]
pub use enlarged::{EnlargedRecord, read_enlarged, write_enlarged};
pub use error::Error;
#[cfg(feature = "prompts")]
pub use event::{Cost, Event};
pub use flowinone_kernels::Dtype;
pub use flowinone_lora::Choice as AdapterChoice;
#[cfg(feature = "prompts")]
pub use job::{Job, Routing, Source};
pub use known_models::{KnownModel, ModelSummary, known_models};
pub use make::{Networks, Report, Sources, assemble, convert, init, merge, untrained};
pub use manifest::{Component, ComponentRecord, Manifest, Origin};
pub use memory::{peak_memory, resident_memory};
#[cfg(feature = "prompts")]
pub use metrics::{Metric, Metrics};
pub use models_folder::{models_folder, named_model};
pub use pipeline::{FlowInOne, Item, Pipeline, Start, to_pictures};
pub use provenance::{LicenceNote, Provenance};
#[cfg(feature = "prompts")]
pub use record::{
    AdapterRecord, Input, Record, UpscaleRecord, decode_record, encode_png, read_record, write_png,
};
#[cfg(feature = "prompts")]
pub use replay::again;
#[cfg(feature = "prompts")]
pub use run::Run;
#[cfg(feature = "prompts")]
pub use session::Session;
pub use settings::Settings;
#[cfg(feature = "prompts")]
pub use upscaling::Upscaling;
