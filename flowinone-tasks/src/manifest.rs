//! The manifest of a model directory: which files, of what digest, from where.

use std::collections::BTreeMap;
use std::fmt;

use burn::tensor::FloatDType;
use serde::{Deserialize, Serialize};

use crate::{Dtype, Error};

/// The three files of weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Component {
    /// Vision tower and aligner.
    Encoder,
    /// Autoencoder.
    Vae,
    /// Source encoder and velocity network.
    Flow,
}

impl Component {
    /// All components.
    pub const ALL: [Self; 3] = [Self::Encoder, Self::Vae, Self::Flow];

    /// Name of its file in a model directory.
    pub fn file(self) -> String {
        format!("{self}.safetensors")
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Encoder => "encoder",
            Self::Vae => "vae",
            Self::Flow => "flow",
        })
    }
}

/// What a model directory holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of the directory format.
    pub format: u32,
    /// Program that wrote it.
    pub created_by: String,
    /// SHA-256 of the networks' configuration (encoder, vae, flow, picture side), so that an
    /// edit that the weights do not match is noticed; sampling defaults may be edited.
    pub networks_sha256: String,
    /// The files of weights.
    pub components: BTreeMap<Component, ComponentRecord>,
}

/// One file of weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComponentRecord {
    /// Element type as stored.
    pub precision: Dtype,
    /// SHA-256 of the file.
    pub sha256: String,
    /// Size of the file in bytes.
    pub bytes: u64,
    /// Where the weights came from.
    pub source: Origin,
}

/// Where weights came from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Origin {
    /// A published checkpoint.
    Checkpoint {
        /// File name of the checkpoint.
        file: String,
        /// The checkpoint's name of every parameter.
        names: BTreeMap<String, String>,
    },
    /// Training.
    Trained {
        /// Steps of the optimiser.
        steps: u64,
    },
    /// Random values.
    Random {
        /// Their seed.
        seed: u64,
    },
    /// The same component of another model, with adapters in its weights.
    Merged {
        /// Digest of that model.
        base: String,
        /// SHA-256 of the factors of each adapter, and what its change was multiplied with.
        adapters: Vec<(String, f32)>,
    },
}

/// Burn's type of weights that are stored, or computed with as tensors.
///
/// # Errors
/// [`Error::Settings`] for 8 bits.
pub(crate) fn tensor_type(dtype: Dtype) -> Result<FloatDType, Error> {
    dtype.float().ok_or_else(|| {
        Error::Settings(format!(
            "weights are stored as f32, f16 or bf16, not {dtype}: it is chosen when pictures are made, from any of these"
        ))
    })
}
