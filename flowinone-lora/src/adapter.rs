//! One adapter: the factors of some layers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

/// Who wrote an adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// Hugging Face's peft: `adapter_config.json` beside `adapter_model.safetensors`.
    Peft,
    /// Hugging Face's diffusers: `pytorch_lora_weights.safetensors`.
    Diffusers,
    /// kohya's scripts.
    Kohya,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Peft => "peft",
            Self::Diffusers => "diffusers",
            Self::Kohya => "kohya",
        })
    }
}

/// The change of one layer, `scale * A^T B^T` of its weights `[input, output]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Factors {
    /// `A`, `[rank, input]`.
    pub down: Vec<f32>,
    /// `B`, `[output, rank]`.
    pub up: Vec<f32>,
    /// Inputs and outputs of the layer.
    pub sizes: [usize; 2],
    /// Rows of `A`.
    pub rank: usize,
    /// What the product is multiplied with: `alpha / rank`, or `alpha / sqrt(rank)` with rsLoRA.
    pub scale: f32,
}

/// The factors of some layers of a flow, by module path.
#[derive(Debug, Clone)]
pub struct Adapter {
    pub(crate) path: PathBuf,
    pub(crate) sha256: String,
    pub(crate) format: Format,
    pub(crate) base: Option<String>,
    pub(crate) student: Option<serde_json::Value>,
    pub(crate) layers: BTreeMap<String, Factors>,
}

impl Adapter {
    /// The folder or file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// SHA-256 of the file of factors.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Who wrote it.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The digest of the model that it was trained on, if it says so.
    pub fn base(&self) -> Option<&str> {
        self.base.as_deref()
    }

    /// What becomes of the model's configuration, if the model is a distilled student with it.
    pub fn student(&self) -> Option<&serde_json::Value> {
        self.student.as_ref()
    }

    /// The factors, by module path.
    pub fn layers(&self) -> &BTreeMap<String, Factors> {
        &self.layers
    }

    /// Number of values in all factors.
    pub fn parameters(&self) -> usize {
        let of = |factors: &Factors| factors.down.len() + factors.up.len();
        self.layers.values().map(of).sum()
    }
}

/// In words for people: who wrote it, how many layers it changes, with which ranks and scales.
impl fmt::Display for Adapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ranks: BTreeSet<usize> = self.layers.values().map(|layer| layer.rank).collect();
        let scales: BTreeSet<String> = self
            .layers
            .values()
            .map(|layer| layer.scale.to_string())
            .collect();
        let listed = |values: Vec<String>| values.join(", ");
        write!(
            f,
            "{} layers, rank {}, scale {}, {} parameters, {}",
            self.layers.len(),
            listed(ranks.iter().map(usize::to_string).collect()),
            listed(scales.into_iter().collect()),
            self.parameters(),
            self.format
        )?;
        match self.student {
            Some(_) => f.write_str(", a distilled student"),
            None => Ok(()),
        }
    }
}
