//! What can go wrong with an adapter, said so that a person can act on it.

use std::path::{Path, PathBuf};

/// An error while reading, matching or writing an adapter.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file of factors cannot be read.
    #[error(transparent)]
    Weights(#[from] flowinone_weights::Error),
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] flowinone_files::Error),
    /// It is no adapter of this model, or one of another kind.
    #[error("{path} is no adapter that fits this model: {reason}", path = path.display())]
    Adapter {
        /// The file or folder.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// A choice that was not understood.
    #[error("{0}")]
    Choice(String),
}

impl Error {
    pub(crate) fn adapter(path: &Path, reason: impl Into<String>) -> Self {
        Self::Adapter {
            path: path.to_path_buf(),
            reason: reason.into(),
        }
    }
}
