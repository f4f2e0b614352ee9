//! What can go wrong with a Parquet file.

use std::path::{Path, PathBuf};

/// An error of a Parquet file, or of a picture that is read in place of one in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused to read a file.
    #[error(transparent)]
    File(#[from] flowinone_files::Error),
    /// A picture file cannot be read.
    #[error(transparent)]
    Picture(#[from] flowinone_image::Error),
    /// A file is no Parquet file, is damaged, or has other columns than pairs have.
    #[error("{path}: {reason}", path = path.display())]
    Table {
        /// The file, or the row in it.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        reason: String,
    },
}

impl Error {
    pub(crate) fn table(path: &Path, reason: impl Into<String>) -> Self {
        Self::Table {
            path: path.to_path_buf(),
            reason: reason.into(),
        }
    }
}
