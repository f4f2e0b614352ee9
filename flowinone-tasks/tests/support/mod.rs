//! Models for tests: those of the fixture folders, converted as a user would, and the tiny one.

use flowinone_parity::Folder;
use flowinone_tasks::{ModelConfig, Settings, Sources};

/// The configuration of a fixture folder's networks.
pub(crate) fn config(folder: &Folder) -> ModelConfig {
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
pub(crate) fn sources(folder: &Folder, extension: &str) -> Option<Sources> {
    let file = |stem: &str| folder.file(&format!("{stem}.{extension}"));
    let sources = Sources {
        flow: file("nnet"),
        vae: file("autoencoder_kl"),
        encoder: file("janus_vision"),
    };
    let all = [&sources.flow, &sources.vae, &sources.encoder];
    all.iter().all(|path| path.is_file()).then_some(sources)
}
