//! What can go wrong with icons, scenes, and files of pairs.

use std::path::{Path, PathBuf};

/// An error of procedural data or of its files.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
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
    /// An icon file or one of its icons cannot be used.
    #[error("icons {from}: {reason}")]
    Icons {
        /// The file, or the name of the set.
        from: String,
        /// What is wrong, naming the icon.
        reason: String,
    },
    /// A scene names an icon that was not loaded, or numbers that make no sense.
    #[error("scene: {0}")]
    Scene(String),
    /// A name with dots, where readers of shards would end it.
    #[error("the name {0:?} has a dot, where readers of shards would end it; rename the file")]
    Dots(String),
    /// A word that names no split, classes, holdout or variety.
    #[error("{0}")]
    Name(String),
    /// A configuration that can give no pairs.
    #[error("pairs: {0}")]
    Config(String),
    /// A prompt could not be drawn.
    #[error("the prompt of pair {index} cannot be drawn: {reason}")]
    Prompt {
        /// Number of the pair.
        index: u64,
        /// The drawing's own reason.
        reason: String,
    },
    /// A folder or shard file has the wrong form, or would be overwritten.
    #[error("{path}: {reason}", path = path.display())]
    Layout {
        /// The folder or file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// More of a source is damaged than was allowed.
    #[error(
        "{name}: {bad} of {seen} {what} are damaged, more than the share {share} allowed; the last: {last}"
    )]
    Damaged {
        /// Name of the source.
        name: String,
        /// How many are damaged.
        bad: u64,
        /// How many were looked at.
        seen: u64,
        /// "samples" or "shards".
        what: &'static str,
        /// The share that was allowed.
        share: f64,
        /// The last damaged thing, by name and reason.
        last: String,
    },
    /// A saved position does not belong to these files or settings.
    #[error("cannot resume: {0}")]
    Resume(String),
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

    pub(crate) fn icons(from: &str, reason: impl Into<String>) -> Self {
        Self::Icons {
            from: from.into(),
            reason: reason.into(),
        }
    }

    pub(crate) fn layout(path: &Path, reason: impl Into<String>) -> Self {
        Self::Layout {
            path: path.to_path_buf(),
            reason: reason.into(),
        }
    }
}
