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
    /// A prompt cannot be drawn.
    #[cfg(feature = "prompts")]
    #[error(transparent)]
    Prompt(#[from] flowinone_prompts::PromptError),
    /// A Parquet file that holds no pairs, or is damaged.
    #[cfg(feature = "parquet")]
    #[error(transparent)]
    Table(#[from] flowinone_parquet::Error),
    /// Inputs and outputs that make no jobs.
    #[error("{0}")]
    Jobs(String),
    /// A file would be written over one that is read, or over another that is written.
    #[error(transparent)]
    Collision(#[from] flowinone_files::Collision),
    /// A picture that was made of something else lies where one is to be written.
    #[error("{path} exists but was not made from this input with these settings", path = .0.display())]
    OtherPicture(PathBuf),
    /// A file is not the one that a picture was made from.
    #[error("{path} is not the prompt that the picture was made from (its SHA-256 differs)", path = .0.display())]
    NotTheInput(PathBuf),
    /// A device that is not there, or not built in.
    #[error("{0}")]
    Device(String),
    /// Settings that contradict each other or the model.
    #[error("{0}")]
    Settings(String),
    /// A decoded picture is not finite.
    #[error("item {0} of the batch: {1}; nothing was written for it")]
    Decode(usize, #[source] flowinone_vae::Error),
    /// An adapter cannot be read, or does not fit.
    #[error(transparent)]
    Lora(#[from] flowinone_lora::Error),
    /// A picture cannot be enlarged, or the model that would do it cannot be opened.
    #[error(transparent)]
    Upscale(#[from] flowinone_upscale::Error),
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
