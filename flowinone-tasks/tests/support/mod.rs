//! Models for tests: those of the fixture folders, converted as a user would, and the tiny one.

use std::path::Path;

use burn::tensor::Device;
use flowinone_parity::Folder;
use flowinone_tasks::{ModelConfig, ModelDirectory, Precision, Settings, Sources, convert};

/// The configuration of a fixture folder's networks.
pub fn config(folder: &Folder) -> ModelConfig {
    ModelConfig {
        name: folder.name(),
        encoder: serde_json::from_value(folder.encoder_config()).unwrap(),
        vae: serde_json::from_value(folder.vae_config()).unwrap(),
        flow: serde_json::from_value(folder.flow_config()).unwrap(),
        sampling: Settings::published(),
        ..ModelConfig::tiny()
    }
}

/// The checkpoints of a fixture folder, as `.pth` or `.safetensors`.
pub fn sources(folder: &Folder, extension: &str) -> Option<Sources> {
    let file = |stem: &str| folder.file(&format!("{stem}.{extension}"));
    let sources = Sources {
        flow: file("nnet"),
        vae: file("autoencoder_kl"),
        encoder: file("janus_vision"),
    };
    let all = [&sources.flow, &sources.vae, &sources.encoder];
    all.iter().all(|path| path.is_file()).then_some(sources)
}

/// Converts a fixture folder's checkpoints into a model directory at `target`.
pub fn converted(
    folder: &Folder,
    sources: &Sources,
    precision: Precision,
    target: &Path,
) -> ModelDirectory {
    let config = config(folder);
    let device = Device::flex();
    convert(sources, &config, precision, false, target, &device, |_| {}).unwrap()
}
