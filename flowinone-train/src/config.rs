//! What describes a training run; unknown keys are refused.

use std::collections::BTreeMap;
use std::path::PathBuf;

use flowinone_flow::train::Objective;
use flowinone_kernels::{Precision, in_bfloat16};
use flowinone_tasks::Settings;
use flowinone_tasks::data::PairConfig;
use serde::{Deserialize, Serialize};

use crate::{Aids, ModelSource, OptimiserConfig, Reconstruction, Schedule};

/// What every run needs, whatever it trains.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// Folder of the run: journal, checkpoints, pictures and, in the end, the model.
    pub folder: PathBuf,
    /// Seed of all chance in training; the data has its own.
    pub seed: u64,
    /// Steps of the optimiser.
    pub steps: u64,
    /// Examples of a batch.
    pub batch: usize,
    /// Batches whose gradients make one step.
    #[serde(default = "one")]
    pub accumulate: u64,
    /// Share that the average of the weights keeps at each step; it rises to that.
    #[serde(default = "average")]
    pub average: f64,
    /// Learning rate.
    pub schedule: Schedule,
    /// Optimiser.
    #[serde(default)]
    pub optimiser: OptimiserConfig,
    /// How the products of linear layers are computed.
    #[serde(default)]
    pub products: Products,
    /// When checkpoints are written.
    #[serde(default)]
    pub checkpoints: Checkpoints,
    /// When the model is judged.
    #[serde(default)]
    pub evaluations: Evaluations,
}

fn one() -> u64 {
    1
}

fn average() -> f64 {
    0.9999
}

/// How the products of the networks' linear layers are computed in a step, those of Muon, and the convolutions of an
/// autoencoder whose pictures come once; weights, moments, sums and the judged model stay in float32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Products {
    /// As they are.
    #[default]
    Float32,
    /// With factors rounded to bfloat16 where the processor multiplies that, for a faster step;
    /// elsewhere as they are.
    Bfloat16,
}

impl Products {
    /// The precision of convolutions in such a run.
    pub fn precision(self) -> Precision {
        match self {
            Self::Float32 => Precision::Float32,
            Self::Bfloat16 => Precision::BFloat16,
        }
    }

    /// Does `work` so, and whatever gradients it asks for.
    pub fn of<R>(self, work: impl FnOnce() -> R) -> R {
        match self {
            Self::Float32 => work(),
            Self::Bfloat16 => in_bfloat16(work),
        }
    }
}

/// When checkpoints are written.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Checkpoints {
    /// After so many seconds of training.
    pub seconds: u64,
    /// The newest that are kept.
    pub keep: usize,
}

impl Default for Checkpoints {
    fn default() -> Self {
        Self {
            seconds: 240,
            keep: 2,
        }
    }
}

/// When the model is judged, and by what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Evaluations {
    /// After so many steps, and at the end.
    pub steps: u64,
    /// Examples of each task; with 0 nothing is judged.
    pub examples: usize,
    /// Shards or a folder of pairs that training does not see; without, pairs held out of the first
    /// procedural source.
    pub source: Option<PathBuf>,
}

impl Default for Evaluations {
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
    /// Share of the source in every batch, in whole numbers.
    #[serde(default = "weight")]
    pub weight: u32,
    /// What the pictures of files show, so that the model is said to know it; procedural pairs say
    /// that themselves.
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
    /// Iconify JSON files; the built-in icons if there are none.
    #[serde(default)]
    pub icons: Vec<PathBuf>,
    /// Other names for icons, by name.
    #[serde(default)]
    pub names: BTreeMap<String, String>,
    /// What pairs are made.
    pub pairs: PairConfig,
}

/// Which networks a run changes.
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

/// Which parts of an autoencoder a run changes.
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

/// Parts that an autoencoder is to have besides its own; those that it has in that size already stay.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Extension {
    /// Channels of the levels that make its pictures finer, as in
    /// [`VaeConfig`](flowinone_vae::VaeConfig::fine_channels).
    pub fine_channels: Vec<usize>,
    /// Channels of the network that takes from the prompt what stays.
    pub compositor_channels: Option<usize>,
}

/// A run of `flowinone train-vae`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AutoencoderConfig {
    /// The model whose autoencoder is trained.
    pub model: ModelSource,
    /// What it is to have besides.
    pub extend: Option<Extension>,
    /// Which of its parts change. All but the encoder get better at the latents that there are, so the
    /// model's other networks still fit it.
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
pub struct FlowConfig {
    /// The model that training starts from.
    pub model: ModelSource,
    /// A run of the same networks whose newest averaged weights training starts from instead; the
    /// autoencoder is the model's.
    pub start: Option<PathBuf>,
    /// Which of its networks change; the autoencoder never does.
    pub train: Vec<Part>,
    /// Which of its networks begin with random weights, whatever the model has; source encoder and
    /// velocity network so that a token finds its place.
    #[serde(default)]
    pub anew: Vec<Part>,
    /// The run.
    pub run: RunConfig,
    /// The objective of the flow.
    #[serde(default = "Objective::reference")]
    pub objective: Objective,
    /// What helps a model that starts from nothing.
    #[serde(default)]
    pub aids: Aids,
    /// How pictures are sampled when the model is judged; the model's own settings without.
    pub sampling: Option<Settings>,
    /// Folder for what networks that do not change say about the pictures of files; nothing is kept
    /// without.
    pub cache: Option<PathBuf>,
    /// Where examples come from.
    pub data: Vec<DataConfig>,
}

impl DataConfig {
    /// Whether its examples come again with every pass; those made on the fly never do.
    pub fn repeats(&self) -> bool {
        matches!(self.kind, Kind::Files(_))
    }
}

impl AutoencoderConfig {
    /// Whether the run changes a part.
    pub fn trains(&self, part: VaePart) -> bool {
        self.train.contains(&part)
    }
}

impl FlowConfig {
    /// Whether the run changes a network.
    pub fn trains(&self, part: Part) -> bool {
        self.train.contains(&part)
    }
}
