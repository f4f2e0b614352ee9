#![doc = include_str!("../README.md")]
// What happens in a run is an event; whoever watches prints it.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod autoencoder;
mod auxiliary_losses;
mod batch_rng;
mod cache;
mod checkpoint;
mod config;
mod data_parallel;
mod distil;
mod error;
mod events;
mod extend;
mod finer;
mod flow;
mod flow_batch;
mod flow_made;
mod frozen_features;
mod gradients;
mod heads;
mod labels;
mod layout;
mod layout_grid;
mod layout_start;
mod letters;
mod loader;
mod lora;
mod metric_log;
mod model;
mod muon;
mod optimiser;
mod origin;
mod owners;
mod plot;
mod read;
mod reconstruction;
mod run;
mod run_folder;
mod scene;
mod schedule;
mod shared;
mod spelling;
mod steepness;
mod things;
mod train_task;
mod trainable_flow;
mod trained;
mod trainer;
mod training_data;
mod upscale;
mod validation_set;
mod ways;

pub use autoencoder::{AutoencoderTrainTask, Pictures, latent_deviation};
pub use auxiliary_losses::AuxiliaryLosses;
pub use batch_rng::BatchRng;
pub use cache::{Cache, CacheKey, CacheReport, digest};
pub use checkpoint::{Progress, RunCheckpoint, checkpoints, newest_checkpoint};
pub use config::{
    AutoencoderTrainingConfig, CheckpointConfig, DataConfig, Extension, FlowTrainingConfig, Kind,
    Part, Procedural, RunConfig, VaePart, ValidationConfig, multiplying_in,
};
pub use data_parallel::{DataParallelStep, device_pools};
pub use distil::{
    AdapterDistillationTask, DistillationConfig, DistillationMethod, DistillationTask,
    NetworkDistillationTask, StudentConfig, Teacher, TeacherConfig, TeacherPaths, TimePair,
    TimePairs,
};
pub use error::{Error, Fault};
pub use events::{StopReason, TrainEvent};
pub use flow::FlowTrainTask;
pub use flow_batch::FlowBatch;
pub use flow_made::FlowMade;
pub use gradients::{AccumulatedGradients, all_reduce, clip_grad_norm, grad_norm};
pub use labels::{LabelHeads, Labels, Vocabulary};
pub use letters::{LetterGrid, LetterHead};
pub use loader::Loader;
pub use lora::{AdapterFactors, LayerFactors, LoraConfig, LoraTrainTask};
pub use metric_log::{LogEntry, MetricLog, read_metric_log};
pub use model::{ModelSource, Preset, initialise};
pub use optimiser::{Matrices, Optimiser, OptimiserConfig};
pub use origin::Origin;
pub use plot::Plot;
pub use read::{Configuration, read_training_config};
pub use reconstruction::Reconstruction;
pub use run_folder::{place_of_adapter, place_of_model};
pub use schedule::{Decay, Schedule};
pub use spelling::{Spelling, SpellingHead};
pub use train_task::{Batcher, Losses, TrainTask};
pub use trainable_flow::TrainableFlow;
pub use trained::Trained;
pub use trainer::Trainer;
pub use training_data::TrainingData;
pub use upscale::{
    Sizes, UpscaleNetwork, UpscaleObjective, UpscaleTrainTask, UpscaleTrainingConfig,
};
pub use validation_set::{ValidationGroup, ValidationSet};
