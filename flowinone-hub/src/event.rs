//! What a download tells while it goes on.

use std::path::Path;
use std::time::Duration;

/// Something that a person waits for, or should know.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// Bytes that are here already are compared with the digest.
    Checking {
        /// The file.
        name: &'a str,
        /// Bytes read so far.
        done: u64,
        /// Bytes of the file.
        total: u64,
    },
    /// Bytes of a file that are here.
    Received {
        /// The file.
        name: &'a str,
        /// Bytes so far, those of earlier runs included.
        done: u64,
        /// Bytes of the file.
        total: u64,
    },
    /// A try failed; another follows.
    Waiting {
        /// The file, or its address.
        name: &'a str,
        /// Why it failed.
        reason: &'a str,
        /// How long until then.
        wait: Duration,
    },
    /// A file that is here already is used where it is.
    Kept {
        /// The file.
        name: &'a str,
        /// Where it is.
        path: &'a Path,
    },
    /// Another process works in the folder; this one waits for it.
    Locked {
        /// The folder.
        path: &'a Path,
    },
}
