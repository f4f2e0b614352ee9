//! What can go wrong between a file and a picture.

use std::path::{Path, PathBuf};

/// An error of the pipeline, its pictures, or its model directory.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused to read or write a file.
    #[error(transparent)]
    File(#[from] flowinone_files::Error),
    /// A picture cannot be read or written.
    #[error(transparent)]
    Picture(#[from] flowinone_image::Error),
    /// A PNG carries no settings to replay.
    #[error("{path} carries no flowinone settings ({reason}); only PNG files written by flowinone can be replayed", path = path.display())]
    NoRecord {
        /// The file.
        path: PathBuf,
        /// What was found instead.
        reason: String,
    },
    /// A model directory is incomplete, damaged, or of another version.
    #[error("model directory {path}: {reason}", path = path.display())]
    Directory {
        /// The directory or the file in it.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// Settings that contradict each other or the model.
    #[error("{0}")]
    Settings(String),
    /// A decoded picture is not finite.
    #[error("item {0} of the batch: {1}; nothing was written for it")]
    Decode(usize, #[source] flowinone_vae::Error),
    /// Weights that cannot be read or do not fit.
    #[error(transparent)]
    Weights(#[from] flowinone_weights::Error),
    /// The sampler refused its settings, or met a number that is not finite.
    #[error(transparent)]
    Sampler(#[from] flowinone_sampler::Error),
}

impl Error {
    pub(crate) fn directory(path: &Path, reason: impl Into<String>) -> Self {
        Self::Directory {
            path: path.to_path_buf(),
            reason: reason.into(),
        }
    }
}
