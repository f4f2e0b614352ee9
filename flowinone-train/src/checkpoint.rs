//! Checkpoints of a run: everything that it needs to go on as if it had never stopped. Each is a
//! folder that appears whole, `step-00001200/`, with the weights, their moving average (EMA), the
//! optimiser's moments and the progress (step, data position, skipped steps).

use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::FloatDType;
use flowinone_data::MixPosition;
use flowinone_flow::train::Ema;
use flowinone_weights::{Checkpoint, restore, save_module};
use serde::{Deserialize, Serialize};

use crate::labels::CLASS_BIASES;
use crate::{Error, Optimiser};

const WEIGHTS: &str = "weights.safetensors";
const AVERAGE: &str = "average.safetensors";
const MOMENTS: &str = "moments.bpk";
const PROGRESS: &str = "progress.json";
const PREFIX: &str = "step-";
/// What a process that was killed may leave behind.
const LEFT_BEHIND: [&str; 2] = [".checkpoint-", ".removed-"];

/// How far a run has come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// Steps done.
    pub step: u64,
    /// Batches drawn; the random numbers of the next follow from it.
    pub batches: u64,
    /// Steps that were skipped because loss or gradient was not finite.
    pub skipped: u64,
    /// How many of them came last, with no good step since.
    #[serde(default)]
    pub skipped_last: u32,
    /// Updates of the moving average.
    pub updates: u64,
    /// Seconds of training.
    pub seconds: f64,
    /// Where the data stands.
    pub data: Option<MixPosition>,
}

/// A checkpoint of a run on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunCheckpoint {
    path: PathBuf,
    step: u64,
}

/// The checkpoints in a folder, oldest first; none if there is no such folder.
///
/// # Errors
/// The folder cannot be read.
pub fn checkpoints(folder: &Path) -> Result<Vec<RunCheckpoint>, Error> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(vec![]),
        Err(e) => return Err(Error::io("read", folder)(e)),
    };
    let mut found = vec![];
    for entry in entries {
        let path = entry.map_err(Error::io("read", folder))?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let step = name.and_then(|name| name.strip_prefix(PREFIX)?.parse().ok());
        if let Some(step) = step {
            found.push(RunCheckpoint { path, step });
        }
    }
    found.sort_by_key(|checkpoint| checkpoint.step);
    Ok(found)
}

/// The newest checkpoint of the run in a folder, if there is one.
///
/// # Errors
/// The folder cannot be read.
pub fn newest_checkpoint(run: &Path) -> Result<Option<RunCheckpoint>, Error> {
    Ok(checkpoints(&run.join("checkpoints"))?.pop())
}

/// Removes what processes that were killed while they wrote a checkpoint have left in a folder.
///
/// # Errors
/// The folder cannot be read or changed.
pub(crate) fn tidy(folder: &Path) -> Result<(), Error> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Ok(()); // no checkpoint was ever written
    };
    for entry in entries {
        let path = entry.map_err(Error::io("read", folder))?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if name.is_some_and(|name| LEFT_BEHIND.iter().any(|prefix| name.starts_with(prefix))) {
            std::fs::remove_dir_all(&path).map_err(Error::io("remove", &path))?;
        }
    }
    Ok(())
}

impl RunCheckpoint {
    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Steps done when it was written.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// Writes a checkpoint into `folder` and removes all but the newest `keep`. One of the same
    /// step that is there already stays as it is.
    ///
    /// # Errors
    /// It cannot be written; older checkpoints then stay as they are.
    pub fn write<M: Module>(
        folder: &Path,
        keep: usize,
        progress: &Progress,
        model: &M,
        ema: &Ema<M>,
        optimiser: &Optimiser,
    ) -> Result<Self, Error> {
        let path = folder.join(format!("{PREFIX}{:08}", progress.step));
        let step = progress.step;
        if path.exists() {
            return Ok(Self { path, step });
        }
        std::fs::create_dir_all(folder).map_err(Error::io("write", folder))?;
        let building = tempfile::Builder::new()
            .prefix(LEFT_BEHIND[0])
            .tempdir_in(folder)
            .map_err(Error::io("write", folder))?;
        let inside = building.path();
        save_module(&inside.join(WEIGHTS), model, FloatDType::F32)?;
        save_module(&inside.join(AVERAGE), ema.module(), FloatDType::F32)?;
        optimiser.save(&inside.join(MOMENTS))?;
        let json = serde_json::to_vec_pretty(progress).expect("plain data");
        let progress = inside.join(PROGRESS);
        std::fs::write(&progress, json).map_err(Error::io("write", &progress))?;
        // Whole on the disk, and only then under its name.
        for file in [&inside.join(MOMENTS), &progress] {
            synchronise(file)?;
        }
        std::fs::rename(inside, &path).map_err(Error::io("write", &path))?;
        synchronise(folder)?;
        let all = checkpoints(folder)?;
        for old in &all[..all.len().saturating_sub(keep)] {
            old.remove(folder)?;
        }
        Ok(Self { path, step })
    }

    /// Removes it; it is never seen in part.
    fn remove(&self, folder: &Path) -> Result<(), Error> {
        let hidden = folder.join(format!("{}{}", LEFT_BEHIND[1], self.step));
        std::fs::rename(&self.path, &hidden).map_err(Error::io("remove", &self.path))?;
        std::fs::remove_dir_all(&hidden).map_err(Error::io("remove", &hidden))
    }

    /// The progress that it holds.
    ///
    /// # Errors
    /// The file is missing or damaged.
    pub fn progress(&self) -> Result<Progress, Error> {
        let path = self.path.join(PROGRESS);
        let json = std::fs::read(&path).map_err(Error::io("read", &path))?;
        serde_json::from_slice(&json).map_err(|e| Error::file(&path, format!("damaged: {e}")))
    }

    /// `model` with the weights that were trained last.
    ///
    /// # Errors
    /// The file is damaged or belongs to another model.
    pub fn weights<M: Module>(&self, model: M) -> Result<M, Error> {
        self.read(WEIGHTS, model)
    }

    /// `model` with the moving average of the weights.
    ///
    /// # Errors
    /// The file is damaged or belongs to another model.
    pub fn ema<M: Module>(&self, model: M) -> Result<M, Error> {
        self.read(AVERAGE, model)
    }

    /// Number of classes of the label heads, if there are heads.
    ///
    /// # Errors
    /// The file is damaged.
    pub fn classes(&self) -> Result<Option<usize>, Error> {
        let weights = Checkpoint::open(self.path.join(AVERAGE))?;
        let biases = weights.entry(CLASS_BIASES);
        Ok(biases.map(|biases| biases.len().saturating_sub(1)))
    }

    /// Whether it has a parameter of this name.
    pub(crate) fn has(&self, parameter: &str) -> Result<bool, Error> {
        let weights = Checkpoint::open(self.path.join(AVERAGE))?;
        Ok(weights.entry(parameter).is_some())
    }

    /// The optimiser with its moments.
    ///
    /// # Errors
    /// The file is damaged.
    pub fn optimiser(&self, optimiser: Optimiser) -> Result<Optimiser, Error> {
        optimiser.resume(&self.path.join(MOMENTS))
    }

    fn read<M: Module>(&self, file: &str, model: M) -> Result<M, Error> {
        let weights = Checkpoint::open(self.path.join(file))?;
        Ok(restore(model, &weights, FloatDType::F32)?)
    }
}

/// Brings a file or the names in a folder to the disk.
fn synchronise(path: &Path) -> Result<(), Error> {
    let opened = std::fs::File::open(path);
    #[cfg(windows)] // folders cannot be opened there, nor files that are read be written out
    return opened.map(drop).or(Ok(()));
    #[cfg(not(windows))]
    opened
        .and_then(|file| file.sync_all())
        .map_err(Error::io("write", path))
}
