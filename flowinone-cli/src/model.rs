//! The model of a run: a directory, or the small one that is built in.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Result;
#[cfg(feature = "train")]
use flowinone_tasks::Settings;
use flowinone_tasks::{Arithmetic, FlowInOne, ModelConfig, ModelDirectory};

use crate::device::Found;

/// A model and what a record says about it; its weights are loaded when they are first needed.
pub(crate) struct Model {
    pub(crate) config: ModelConfig,
    pub(crate) path: PathBuf,
    pub(crate) digest: String,
    directory: ModelDirectory,
    pipeline: OnceCell<FlowInOne>,
}

/// Opens the model at `path`, or the built-in one, without its weights.
pub(crate) fn open(path: Option<&Path>) -> Result<Model> {
    let directory = match path {
        Some(path) if path != Path::new(flowinone_mini::NAME) => ModelDirectory::open(path)?,
        _ => ModelDirectory::held(flowinone_mini::NAME, flowinone_mini::FILES)?,
    };
    Ok(Model {
        config: directory.config().clone(),
        path: directory.path().to_path_buf(),
        digest: directory.digest(),
        directory,
        pipeline: OnceCell::new(),
    })
}

impl Model {
    /// Stores a fast setting in the model directory.
    #[cfg(feature = "train")]
    pub(crate) fn store_fast(&self, fast: Settings) -> Result<()> {
        Ok(self.directory.clone().store_fast(fast)?)
    }

    /// The networks. The first call loads them, and says what was loaded and whether its pictures
    /// can mean anything.
    pub(crate) fn pipeline(&self, device: &Found, arithmetic: Arithmetic) -> Result<&FlowInOne> {
        if let Some(loaded) = self.pipeline.get() {
            return Ok(loaded);
        }
        let begin = Instant::now();
        let loaded = self.directory.prepare(&device.device, arithmetic)?;
        tell!(
            "model {} ({}) on {} in {arithmetic}, loaded in {:.1} s",
            self.config.name,
            self.path.display(),
            device.choice,
            begin.elapsed().as_secs_f64()
        );
        if !self.config.trained {
            tell!(
                "note: the weights of this model are random, not trained: every step is real, the picture is noise. `flowinone convert` makes a model directory from the published weights."
            );
        }
        Ok(self.pipeline.get_or_init(|| loaded))
    }
}
