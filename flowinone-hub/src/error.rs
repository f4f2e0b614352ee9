//! What can go wrong between the Hub and a file.

use std::path::PathBuf;

/// An error of a download.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused to read or write a file.
    #[error(transparent)]
    File(#[from] flowinone_files::Error),
    /// A server refuses, does not answer, or answers what cannot be used.
    #[error("{address}: {reason}")]
    Server {
        /// What was asked for, without the signature of a redirection.
        address: String,
        /// What it says, and what to do.
        reason: String,
    },
    /// A file is not the one that was asked for.
    #[error("{path}: {reason}", path = path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// A setting, a name or a catalogue that cannot be used.
    #[error("{0}")]
    Setting(String),
    /// What is asked for is not here, and the network is not to be used.
    #[error("HF_HUB_OFFLINE is set, and {0}")]
    Offline(String),
}

impl Error {
    pub(crate) fn server(address: &str, reason: impl Into<String>) -> Self {
        Self::Server {
            address: crate::address::shown(address).into(),
            reason: reason.into(),
        }
    }
}
