//! The model of a run: a directory, or the small untrained one that is built in.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Result;
use flowinone_tasks::{FlowInOne, ModelConfig, ModelDirectory, Precision, untrained};

use crate::device::Found;

/// How records name the built-in model.
const BUILT_IN: &str = "built-in:tiny";
/// Seed of its weights.
const BUILT_IN_SEED: u64 = 0;

/// A loaded model and what a record says about it.
pub(crate) struct Model {
    pub(crate) pipeline: FlowInOne,
    pub(crate) config: ModelConfig,
    pub(crate) path: PathBuf,
    pub(crate) digest: String,
}

/// The configuration of the model at `path`, or of the built-in one, without its weights.
pub(crate) fn config(path: Option<&Path>) -> Result<ModelConfig> {
    match path {
        Some(path) if path != Path::new(BUILT_IN) => {
            Ok(ModelDirectory::open(path)?.config().clone())
        }
        _ => Ok(ModelConfig::tiny()),
    }
}

/// Loads the model at `path`, or the built-in one; says on the way what was loaded, and whether
/// its pictures can mean anything.
pub(crate) fn load(path: Option<&Path>, device: &Found, precision: Precision) -> Result<Model> {
    let begin = Instant::now();
    let model = match path {
        Some(path) if path != Path::new(BUILT_IN) => {
            let directory = ModelDirectory::open(path)?;
            Model {
                pipeline: directory.load(&device.device, precision)?,
                config: directory.config().clone(),
                path: path.to_path_buf(),
                digest: directory.digest(),
            }
        }
        _ => {
            let config = config(None)?;
            Model {
                pipeline: untrained(&config, BUILT_IN_SEED, &device.device, precision)?,
                config,
                path: BUILT_IN.into(),
                digest: format!("{BUILT_IN}, seed {BUILT_IN_SEED}"),
            }
        }
    };
    eprintln!(
        "model {} ({}) on {} in {precision}, loaded in {:.1} s",
        model.config.name,
        model.path.display(),
        device.choice,
        begin.elapsed().as_secs_f64()
    );
    if !model.config.trained {
        eprintln!(
            "note: the weights of this model are random, not trained: every step is real, the picture is noise. `flowinone convert` makes a model directory from the published weights."
        );
    }
    Ok(model)
}
