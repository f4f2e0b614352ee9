//! What can go wrong between a file and its pixels.

use std::path::{Path, PathBuf};

/// An error of a picture file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused to read or write a file.
    #[error(transparent)]
    File(#[from] flowinone_files::Error),
    /// A file is not a usable picture.
    #[error("{path} is not a usable picture: {reason}", path = path.display())]
    Picture {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A PNG file that carries no text of a keyword.
    #[error("{path} carries no text {keyword:?}: {reason}", path = path.display())]
    NoText {
        /// The file.
        path: PathBuf,
        /// The keyword.
        keyword: &'static str,
        /// What was found instead.
        reason: String,
    },
    /// A frame rate outside its range, or no number.
    #[error("{0}")]
    FrameRate(String),
}

impl Error {
    /// A file that is not a usable picture, and why.
    pub fn picture(path: impl AsRef<Path>, reason: impl Into<String>) -> Self {
        Self::Picture {
            path: path.as_ref().to_path_buf(),
            reason: reason.into(),
        }
    }
}
