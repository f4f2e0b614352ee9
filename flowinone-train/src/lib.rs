#![doc = include_str!("../README.md")]

mod autoencoder;
mod auxiliary_losses;
mod batch_rng;
mod cache;
mod checkpoint;
mod config;
mod data_parallel;
mod error;
mod flow;
mod frozen_features;
mod gradients;
mod labels;
mod loader;
mod metric_log;
mod model;
mod muon;
mod optimiser;
mod plot;
mod read;
mod schedule;
mod shared;
mod train_task;
mod trainable_flow;
mod trainer;
mod training_data;
mod validation_set;

pub use autoencoder::{AutoencoderLesson, Pictures, Reconstruction, latent_deviation};
pub use auxiliary_losses::Aids;
pub use batch_rng::Chance;
pub use cache::{Cache, CacheKey, CacheReport, digest};
pub use checkpoint::{Checkpoint, Progress, checkpoints, newest};
pub use config::{
    AutoencoderConfig, Checkpoints, DataConfig, Evaluations, FlowConfig, Half, Kind, Part,
    Procedural, Products, RunConfig,
};
pub use data_parallel::{Descent, pools};
pub use error::Error;
pub use flow::{FlowBatch, FlowLesson};
pub use gradients::{Accumulated, gathered, limited, norm};
pub use labels::{LabelHeads, Labels, Vocabulary};
pub use loader::Loader;
pub use metric_log::{Entry, Journal, read_journal};
pub use model::{ModelSource, Preset, initialise};
pub use optimiser::{Matrices, Optimiser, OptimiserConfig};
pub use plot::Plot;
pub use read::{Configuration, Fault, read_config};
pub use schedule::{Decay, Schedule};
pub use train_task::{Lesson, Losses, Prepare};
pub use trainable_flow::FlowModel;
pub use trainer::{Ending, Trainer};
pub use training_data::{Material, material};
pub use validation_set::{Group, HeldOut};
