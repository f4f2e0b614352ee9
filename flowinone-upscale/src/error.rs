//! What can go wrong between a file of weights and an enlarged picture.

use std::path::{Path, PathBuf};

/// An error of an upscaling model, its settings or its pictures.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused to read a file.
    #[error(transparent)]
    File(#[from] flowinone_files::Error),
    /// Weights that cannot be read or do not fit.
    #[error(transparent)]
    Weights(#[from] flowinone_weights::Error),
    /// A checkpoint of a network that is not one of those here.
    #[error("{path} is no upscaling model that is read here: {reason}", path = path.display())]
    Architecture {
        /// The file.
        path: PathBuf,
        /// What it is instead, and what to do.
        reason: String,
    },
    /// A name that is neither a model nor a file.
    #[error("{0}")]
    Name(String),
    /// A factor, size or tile that makes no sense, or a picture that would become too large.
    #[error("{0}")]
    Settings(String),
    /// The network's result is not finite.
    #[error(
        "{0} values of the enlarged picture are not finite: the weights are damaged, or the precision is too low (f32 is safe)"
    )]
    NotFinite(usize),
    /// The work was asked to stop.
    #[error("stopped")]
    Stopped,
}

impl Error {
    pub(crate) fn architecture(path: &Path, reason: impl Into<String>) -> Self {
        Self::Architecture {
            path: path.to_path_buf(),
            reason: reason.into(),
        }
    }
}
