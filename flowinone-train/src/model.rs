//! The model that a run starts from.

use std::path::PathBuf;

use burn::tensor::Device;
use flowinone_tasks::{
    Dtype, FlowInOne, ModelConfig, ModelDirectory, read_config as read_model_config, untrained,
};
use serde::{Deserialize, Serialize};

use crate::Error;

/// The model that a run starts from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModelSource {
    /// A preset with random weights.
    Preset(Preset),
    /// A model configuration (JSON) with random weights.
    Config(PathBuf),
    /// A model directory, trained or converted, or a model by its name.
    Directory(PathBuf),
}

/// Sizes of a model that are known by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// The small model for pictures of 64 x 64 pixels.
    Mini,
    /// The same for pictures of 256 x 256 pixels.
    #[serde(rename = "mini-256")]
    Mini256,
    /// The smallest sensible widths at 256 x 256 pixels, for tests.
    Tiny,
}

/// The configuration and networks of a source, in float32 on `device`; random weights follow
/// `seed`. With a `packing`, for networks that stay as they are, and where the device packs, linear
/// layers are packed in that type and the rest lies on the same device without gradients.
///
/// # Errors
/// A file that cannot be used.
pub fn initialise(
    source: &ModelSource,
    seed: u64,
    packing: Option<Dtype>,
    device: &Device,
) -> Result<(ModelConfig, FlowInOne), Error> {
    let plain = device.clone().inner();
    let packing = packing.filter(|dtype| dtype.is_packed_on(&plain));
    let device = packing.map_or(device, |_| &plain);
    let config = match source {
        ModelSource::Preset(Preset::Mini) => ModelConfig::mini(),
        ModelSource::Preset(Preset::Mini256) => ModelConfig::mini_256(),
        ModelSource::Preset(Preset::Tiny) => ModelConfig::tiny(),
        ModelSource::Config(path) => read_model_config(path)?,
        ModelSource::Directory(path) => {
            let directory = ModelDirectory::named(path)?;
            let networks = match packing {
                Some(dtype) => directory.prepare(device, dtype)?,
                None => directory.load(device, Dtype::F32)?,
            };
            return Ok((directory.config().clone(), networks));
        }
    };
    let networks = untrained(&config, seed, device, Dtype::F32)?;
    let networks = match packing {
        Some(dtype) => networks.packed(dtype),
        None => networks,
    };
    Ok((config, networks))
}
