//! The description of a training run; unknown keys are refused. Keys that had another name in
//! earlier versions are still read by that name.

use std::collections::BTreeMap;
use std::path::PathBuf;

use flowinone_data::PairConfig;
use flowinone_flow::train::Objective;
use flowinone_kernels::{Dtype, in_bfloat16};
use flowinone_tasks::Settings;
use serde::{Deserialize, Serialize};

use crate::{
    AuxiliaryLosses, LoraConfig, ModelSource, OptimiserConfig, Reconstruction, Schedule, Trained,
};

/// What every run needs, whatever it trains.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// Folder of the run: metric log, checkpoints, pictures and, in the end, the model.
    pub folder: PathBuf,
    /// Seed of all random numbers in training; the data has its own.
    pub seed: u64,
    /// Steps of the optimiser.
    pub steps: u64,
    /// Examples in a batch.
    pub batch: usize,
    /// Batches whose gradients make one step.
    #[serde(default = "one")]
    pub accumulate: u64,
    /// Decay of the exponential moving average of the weights (EMA), which rises to this value.
    #[serde(default = "ema_decay", alias = "average")]
    pub ema_decay: f64,
    /// Learning rate.
    pub schedule: Schedule,
    /// Optimiser.
    #[serde(default)]
    pub optimiser: OptimiserConfig,
    /// Type of the factors of matrix products in a step, f32 or bf16: those of the networks' linear
    /// layers and of Muon, and the convolutions of an autoencoder that encodes streamed pictures.
    /// Weights, moments, sums and the validated model stay in float32.
    #[serde(default, alias = "products")]
    pub matmul_precision: Dtype,
    /// When checkpoints are written.
    #[serde(default)]
    pub checkpoints: CheckpointConfig,
    /// When the model is validated.
    #[serde(default, alias = "evaluations")]
    pub validation: ValidationConfig,
}

fn one() -> u64 {
    1
}

fn ema_decay() -> f64 {
    0.9999
}

/// Runs `work`, and the gradients that it computes, with the factors of its matrix products in that
/// type: float32, or bfloat16 where the processor multiplies bfloat16.
pub fn multiplying_in<R>(dtype: Dtype, work: impl FnOnce() -> R) -> R {
    match dtype {
        Dtype::Bf16 => in_bfloat16(work),
        _ => work(),
    }
}

/// When checkpoints are written.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CheckpointConfig {
    /// Seconds of training between two checkpoints.
    pub seconds: u64,
    /// How many of the newest are kept.
    pub keep: usize,
}

impl Default for CheckpointConfig {
    fn default() -> Self {
        Self {
            seconds: 240,
            keep: 2,
        }
    }
}

/// When the model is validated, and on what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ValidationConfig {
    /// Steps between two validations; the last step is always followed by one.
    pub steps: u64,
    /// Examples of each task; 0 turns validation off.
    pub examples: usize,
    /// Shards or a folder of pairs that training does not see. If `None`, pairs held out of the
    /// first procedural source.
    pub source: Option<PathBuf>,
}

impl Default for ValidationConfig {
    fn default() -> Self {
        Self {
            steps: 1000,
            examples: 4,
            source: None,
        }
    }
}

/// Where examples come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DataConfig {
    /// Relative share of the source in every batch, a whole number.
    #[serde(default = "weight")]
    pub weight: u32,
    /// The classes that the pictures of files show, to be listed among those that the model knows;
    /// procedural pairs name theirs themselves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// Which kind of source.
    #[serde(flatten)]
    pub kind: Kind,
}

fn weight() -> u32 {
    1
}

/// A kind of source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// `WebDataset` shards, or a folder with `input/` and `output/`.
    Files(PathBuf),
    /// Pairs made on the fly.
    Procedural(Box<Procedural>),
}

/// Pairs made on the fly.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Procedural {
    /// Iconify JSON files; the built-in icons if empty.
    #[serde(default)]
    pub icons: Vec<PathBuf>,
    /// Other names for icons, by name.
    #[serde(default)]
    pub names: BTreeMap<String, String>,
    /// Which pairs are made.
    pub pairs: PairConfig,
}

/// The networks that a run can train.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// Vision tower and aligner.
    Encoder,
    /// Source encoder.
    Source,
    /// Velocity network.
    Velocity,
}

/// The parts of an autoencoder that a run can train.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VaePart {
    /// Picture to latent.
    Encoder,
    /// Latent to picture, as large as the encoder sees it.
    Decoder,
    /// From there to the whole picture.
    Fine,
    /// What takes from the prompt what stays.
    Compositor,
}

fn both() -> Vec<VaePart> {
    vec![VaePart::Encoder, VaePart::Decoder]
}

/// Parts that an autoencoder is to have besides its own; those that it has in that size already
/// stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Extension {
    /// Channels of the levels that make its pictures finer, as in
    /// [`VaeConfig`](flowinone_vae::VaeConfig::fine_channels).
    pub fine_channels: Vec<usize>,
    /// Channels of the network that takes from the prompt what stays.
    pub compositor_channels: Option<usize>,
    /// How much larger than decoded ones the pictures are that it works on, as in
    /// [`VaeConfig`](flowinone_vae::VaeConfig::compositor_scale).
    pub compositor_scale: usize,
}

impl Default for Extension {
    fn default() -> Self {
        Self {
            fine_channels: vec![],
            compositor_channels: None,
            compositor_scale: 1,
        }
    }
}

/// A run of `flowinone train-vae`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AutoencoderTrainingConfig {
    /// The model whose autoencoder is trained.
    pub model: ModelSource,
    /// What it is to have besides.
    pub extend: Option<Extension>,
    /// Which of its parts are trained. If the encoder is not, the latents stay the same and the
    /// model's other networks still fit them.
    #[serde(default = "both")]
    pub train: Vec<VaePart>,
    /// The run.
    pub run: RunConfig,
    /// What makes a reconstruction good.
    #[serde(default)]
    pub reconstruction: Reconstruction,
    /// Where pictures come from.
    pub data: Vec<DataConfig>,
}

/// A run of `flowinone train`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlowTrainingConfig {
    /// The model that training starts from.
    pub model: ModelSource,
    /// A run of the same networks whose newest averaged weights training starts from instead; the
    /// autoencoder is the model's.
    #[serde(alias = "start")]
    pub init_from: Option<PathBuf>,
    /// A file of the heads of auxiliary losses that training starts with, as an exported model has
    /// it beside its networks (`heads.safetensors`): just those that this run's losses ask for.
    pub init_heads: Option<PathBuf>,
    /// Which of its networks are trained, or an adapter beside them; the autoencoder never is.
    pub train: Trained,
    /// Which of its networks are reinitialised at random, whatever weights the model has. Source
    /// encoder and velocity network are then initialised so that each token starts at its own
    /// place.
    #[serde(default, alias = "anew")]
    pub reinit: Vec<Part>,
    /// The run.
    pub run: RunConfig,
    /// The objective of the flow.
    #[serde(default = "Objective::reference")]
    pub objective: Objective,
    /// Losses that help a model trained from scratch.
    #[serde(default, alias = "aids")]
    pub auxiliary_losses: AuxiliaryLosses,
    /// How pictures are sampled in validation. If `None`, by the model's own settings.
    pub sampling: Option<Settings>,
    /// Cache directory for features of the frozen networks (visual tokens, latents) of pictures
    /// read from files. `None` disables the cache.
    pub cache: Option<PathBuf>,
    /// Where examples come from.
    pub data: Vec<DataConfig>,
}

impl DataConfig {
    /// Whether its examples come again in every epoch; those made on the fly never do.
    pub fn repeats(&self) -> bool {
        matches!(self.kind, Kind::Files(_))
    }
}

impl AutoencoderTrainingConfig {
    /// Whether the run trains a part.
    pub fn trains(&self, part: VaePart) -> bool {
        self.train.contains(&part)
    }
}

impl FlowTrainingConfig {
    /// Whether the run changes a network.
    pub fn trains(&self, part: Part) -> bool {
        matches!(&self.train, Trained::Parts(parts) if parts.contains(&part))
    }

    /// The adapter that the run trains, if it does.
    pub fn adapter(&self) -> Option<&LoraConfig> {
        self.train.adapter()
    }
}
