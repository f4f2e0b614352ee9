#![doc = include_str!("../README.md")]

mod aids;
mod autoencoder;
mod cache;
mod chance;
mod checkpoint;
mod config;
mod descent;
mod error;
mod extend;
mod finer;
mod flow;
mod flow_model;
mod frozen;
mod gradients;
mod held_out;
mod journal;
mod labels;
mod lesson;
mod loader;
mod material;
mod model;
mod muon;
mod optimiser;
mod plot;
mod read;
mod schedule;
mod shared;
mod trainer;

pub use aids::Aids;
pub use autoencoder::{AutoencoderLesson, Pictures, Reconstruction, latent_deviation};
pub use cache::{Cache, CacheKey, CacheReport, digest};
pub use chance::Chance;
pub use checkpoint::{Checkpoint, Progress, checkpoints, newest};
pub use config::{
    AutoencoderConfig, Checkpoints, DataConfig, Evaluations, Extension, FlowConfig, Kind, Part,
    Procedural, Products, RunConfig, VaePart,
};
pub use descent::{Descent, pools};
pub use error::Error;
pub use flow::{FlowBatch, FlowLesson};
pub use flow_model::FlowModel;
pub use gradients::{Accumulated, gathered, limited, norm};
pub use held_out::{Group, HeldOut};
pub use journal::{Entry, Journal, read_journal};
pub use labels::{LabelHeads, Labels, Vocabulary};
pub use lesson::{Lesson, Losses, Prepare};
pub use loader::Loader;
pub use material::{Material, material};
pub use model::{ModelSource, Preset, initialise};
pub use optimiser::{Matrices, Optimiser, OptimiserConfig};
pub use plot::Plot;
pub use read::{Configuration, Fault, read_config};
pub use schedule::{Decay, Schedule};
pub use trainer::{Ending, Trainer};
