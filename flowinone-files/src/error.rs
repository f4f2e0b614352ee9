//! The one thing that can go wrong with a file: the operating system refuses.

use std::io;
use std::path::{Path, PathBuf};

/// A file or folder that cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {path}: {source}", path = path.display())]
pub struct Error {
    /// What was being done, as a verb ("open", "read", "write").
    pub action: &'static str,
    /// The file or folder.
    pub path: PathBuf,
    /// The system's reason.
    pub source: io::Error,
}

impl Error {
    /// Names the file in an error of the system, for `map_err`.
    ///
    /// ```
    /// use flowinone_files::Error;
    ///
    /// let error = std::fs::read("absent.png").map_err(Error::of("read", "absent.png"));
    /// assert!(error.unwrap_err().to_string().starts_with("cannot read absent.png: "));
    /// ```
    pub fn of(action: &'static str, path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| Self {
            action,
            path,
            source,
        }
    }
}
