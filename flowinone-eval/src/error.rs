//! What can go wrong with scores and with the judge.

#[cfg(feature = "judge")]
use std::path::Path;
use std::path::PathBuf;

use flowinone_data as data;

/// An error of scoring or judging.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Icons, scenes or data files cannot be used.
    #[error(transparent)]
    Data(#[from] data::Error),
    /// A picture or another file cannot be read or written.
    #[error(transparent)]
    Picture(#[from] flowinone_image::Error),
    /// A picture that should be square is not.
    #[error("the {what} of item {key} has {width} x {height} pixels, expected a square")]
    Shape {
        /// "prompt", "result" or "reachable target".
        what: &'static str,
        /// The item.
        key: String,
        /// Its width in pixels.
        width: u32,
        /// Its height in pixels.
        height: u32,
    },
    /// A ground truth that contradicts itself.
    #[error("the ground truth of item {key} is damaged: {reason}")]
    Truth {
        /// The item.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A benchmark's folder or one of its files has the wrong form.
    #[error("{path}: {reason}", path = path.display())]
    Benchmark {
        /// The folder or file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// A benchmark's Parquet file cannot be read.
    #[cfg(feature = "parquet")]
    #[error(transparent)]
    Table(#[from] flowinone_parquet::Error),
    /// There is nothing to score.
    #[error("{0}")]
    Nothing(String),
    /// The operating system refused to read or write a file.
    #[error("cannot {action} {path}: {source}", path = path.display())]
    Io {
        /// What was being done, as a verb ("read", "write").
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The judge's address or key cannot be used at all, so that no item was or will be judged.
    #[error("{url}: {reason}")]
    Endpoint {
        /// The address.
        url: String,
        /// What it answered, and what to do.
        reason: String,
    },
}

impl Error {
    #[cfg(feature = "judge")]
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    #[cfg(feature = "judge")]
    pub(crate) fn benchmark(path: &Path, reason: impl Into<String>) -> Self {
        Self::Benchmark {
            path: path.to_path_buf(),
            reason: reason.into(),
        }
    }
}
