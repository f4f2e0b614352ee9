//! What can go wrong in training.

use std::path::{Path, PathBuf};

/// A value that a configuration cannot have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key} {reason}")]
pub struct Fault {
    /// The key, its tables joined by dots.
    pub key: &'static str,
    /// The value and what is expected instead.
    pub reason: String,
}

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file cannot be read or written.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The configuration makes no sense.
    #[error("training configuration: {0}")]
    Config(String),
    /// A file is damaged or of another kind.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// Loss or gradient were not finite too many times in a row.
    #[error(
        "{count} steps in a row had a loss or gradient that is not finite, the last one step {step}; {}",
        remedy(checkpoint.as_deref())
    )]
    Diverged {
        /// The last such step.
        step: u64,
        /// How many there were.
        count: u32,
        /// Where the last good state lies, if one was written.
        checkpoint: Option<PathBuf>,
    },
    /// Training data cannot be used.
    #[error(transparent)]
    Data(#[from] flowinone_data::Error),
    /// Weights cannot be read or written.
    #[error(transparent)]
    Weights(#[from] flowinone_weights::Error),
    /// A picture cannot be written.
    #[error(transparent)]
    Picture(#[from] flowinone_image::Error),
    /// A decoded picture is not finite.
    #[error(transparent)]
    Decode(#[from] flowinone_vae::Error),
    /// An adapter cannot be made or written.
    #[error(transparent)]
    Lora(#[from] flowinone_lora::Error),
    /// A model directory cannot be used.
    #[error(transparent)]
    Model(#[from] flowinone_tasks::Error),
}

fn remedy(checkpoint: Option<&Path>) -> String {
    match checkpoint {
        Some(path) => format!(
            "the last good checkpoint is {}: lower the learning rate and resume from it",
            path.display()
        ),
        None => "no checkpoint was written before: start again with a lower learning rate or a \
                 longer warm-up"
            .into(),
    }
}

impl From<flowinone_files::Error> for Error {
    fn from(error: flowinone_files::Error) -> Self {
        Self::io(error.action, &error.path)(error.source)
    }
}

impl From<flowinone_files::Collision> for Error {
    fn from(collision: flowinone_files::Collision) -> Self {
        Self::Config(collision.to_string())
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::Config(fault.to_string())
    }
}

impl Error {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    pub(crate) fn file(path: &Path, reason: impl Into<String>) -> Self {
        Self::File {
            path: path.to_path_buf(),
            reason: reason.into(),
        }
    }
}
