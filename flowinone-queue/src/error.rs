//! What can go wrong between a queue, a worker and its outputs.

use std::path::PathBuf;

/// An error that no single job is guilty of.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An address of a queue or of outputs that is none.
    #[error("{0}")]
    Address(String),
    /// Redis refuses: a wrong password, a missing right, a version that is too old.
    #[error("{address}: {reason}")]
    Refused {
        /// Where it is, without its password.
        address: String,
        /// What it said, and what to do.
        reason: String,
    },
    /// Redis cannot be reached, for longer than is waited for.
    #[error("{address} cannot be reached for {seconds} s: {reason}")]
    Away {
        /// Where it should be, without its password.
        address: String,
        /// For how long it was tried.
        seconds: u64,
        /// The last error.
        reason: String,
    },
    /// A picture cannot be written or looked for.
    #[error("{place}: {reason}")]
    Output {
        /// The picture, or where pictures go.
        place: String,
        /// Why.
        reason: String,
    },
    /// The queue's pictures are made by another model than this worker has.
    #[error("{0}")]
    OtherModel(String),
    /// A batch file that holds no prompt.
    #[error("{path}: {reason}", path = .path.display())]
    Nothing {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A port for metrics that cannot be listened on.
    #[error("cannot listen for metrics at {address}: {reason}")]
    Listen {
        /// The address.
        address: String,
        /// Why.
        reason: String,
    },
    /// The model, its weights or the files of prompts.
    #[error(transparent)]
    Task(#[from] flowinone_tasks::Error),
    /// The operating system refused to read or write a file.
    #[error(transparent)]
    File(#[from] flowinone_files::Error),
}
