//! What survives the process: accepted jobs and their history in SQLite, pictures and uploads in
//! files beside it.
//!
//! ```text
//! DATA/journal.sqlite      jobs, inputs, which job needs which input
//! DATA/inputs/SHA256.EXT   pictures that were sent, each once
//! DATA/pictures/ID.png     results; ID/0001.png .. the frames of a motion
//! ```
//!
//! A job is in the journal before its acceptance is told, and its picture is on the disk before the
//! journal says done. The journal is in WAL mode with `synchronous = NORMAL`: the end of the
//! process at any moment loses nothing; the end of the power may lose the last moments.

mod history;
mod inputs;
mod jobs;
mod keep;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

pub(crate) use inputs::StoredInput;
pub(crate) use jobs::{Entry, State};

/// Version of the tables.
const VERSION: i32 = 1;

const TABLES: &str = "
CREATE TABLE jobs (
    id TEXT PRIMARY KEY, task TEXT NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL,
    request TEXT NOT NULL, created INTEGER NOT NULL, started INTEGER, finished INTEGER,
    width INTEGER, height INTEGER, bytes INTEGER NOT NULL DEFAULT 0,
    code TEXT, error TEXT, key TEXT UNIQUE
) WITHOUT ROWID;
CREATE INDEX jobs_by_state ON jobs (state, id);
CREATE TABLE inputs (
    sha256 TEXT PRIMARY KEY, file TEXT NOT NULL, bytes INTEGER NOT NULL,
    width INTEGER NOT NULL, height INTEGER NOT NULL, used INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE needs (
    job TEXT NOT NULL, sha256 TEXT NOT NULL, PRIMARY KEY (job, sha256)
) WITHOUT ROWID;
CREATE INDEX needs_by_input ON needs (sha256);
";

/// Why the store does not do what it is asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// The disk is full, or less is free than shall be.
    #[error("the disk of {0} is full: {1}")]
    Full(PathBuf, String),
    /// Anything else.
    #[error("{0}: {1}")]
    Broken(PathBuf, String),
}

/// The journal and its files.
#[derive(Debug)]
pub(crate) struct Store {
    folder: PathBuf,
    journal: Mutex<Connection>,
    least_free: u64,
}

impl Store {
    /// Opens the store in a folder, or makes it there.
    ///
    /// # Errors
    /// A folder that cannot be written to, one that another process uses, or a journal that is
    /// damaged or of a later version.
    pub(crate) fn open(folder: &Path, least_free: u64) -> Result<Self, StoreError> {
        let folder = flowinone_files::absolute(folder);
        let broken = |reason: String| StoreError::Broken(folder.clone(), reason);
        for part in ["inputs", "pictures"] {
            std::fs::create_dir_all(folder.join(part)).map_err(|e| broken(e.to_string()))?;
        }
        let file = folder.join("journal.sqlite");
        let journal = Connection::open(&file).map_err(|e| broken(e.to_string()))?;
        let of = |error: rusqlite::Error| match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DatabaseBusy) => {
                broken("another server uses this folder; choose another with --data".into())
            }
            _ => broken(format!("the journal cannot be used ({error})")),
        };
        // One process owns the journal, so that no job is made twice.
        journal
            .pragma_update(None, "locking_mode", "EXCLUSIVE")
            .map_err(of)?;
        journal
            .pragma_update(None, "journal_mode", "WAL")
            .map_err(of)?;
        journal
            .pragma_update(None, "synchronous", "NORMAL")
            .map_err(of)?;
        let version: i32 = journal
            .query_row("PRAGMA user_version", [], |row| row.get(0))
            .map_err(of)?;
        match version {
            VERSION => {}
            0 => {
                journal
                    .execute_batch(&format!(
                        "BEGIN;{TABLES}PRAGMA user_version = {VERSION};COMMIT"
                    ))
                    .map_err(of)?;
            }
            later => {
                return Err(broken(format!(
                    "the journal has version {later}, and this program reads {VERSION}; use the program that wrote it or another --data"
                )));
            }
        }
        // Takes the lock now, also of a journal that was there.
        journal
            .execute_batch("BEGIN IMMEDIATE; COMMIT")
            .map_err(of)?;
        let store = Self {
            folder: folder.clone(),
            journal: Mutex::new(journal),
            least_free,
        };
        store.sweep()?;
        Ok(store)
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder of pictures that were sent.
    pub(crate) fn inputs(&self) -> PathBuf {
        self.folder.join("inputs")
    }

    /// The picture of a job; of a motion its last frame.
    pub(crate) fn picture(&self, id: &str) -> PathBuf {
        self.folder.join("pictures").join(format!("{id}.png"))
    }

    /// The folder of a motion's frames.
    pub(crate) fn frames(&self, id: &str) -> PathBuf {
        self.folder.join("pictures").join(id)
    }

    fn journal(&self) -> MutexGuard<'_, Connection> {
        // A statement that panicked left no transaction open: each is one call.
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn error(&self, error: rusqlite::Error) -> StoreError {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => {
                StoreError::Full(self.folder.clone(), error.to_string())
            }
            _ => StoreError::Broken(self.folder.clone(), error.to_string()),
        }
    }

    /// The error of a file that cannot be written.
    fn file_error(&self, error: &std::io::Error) -> StoreError {
        match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                StoreError::Full(self.folder.clone(), error.to_string())
            }
            _ => StoreError::Broken(self.folder.clone(), error.to_string()),
        }
    }

    /// Refuses where less space is free than shall be, so that what was accepted can be finished.
    pub(crate) fn room(&self) -> Result<(), StoreError> {
        match free_bytes(&self.folder) {
            Some(free) if free < self.least_free => Err(StoreError::Full(
                self.folder.clone(),
                format!(
                    "{free} bytes are free, and {} shall stay so (--least-free)",
                    self.least_free
                ),
            )),
            _ => Ok(()),
        }
    }

    /// Removes what an ended process left: files that were not finished, and pictures that no job
    /// of the journal has.
    fn sweep(&self) -> Result<(), StoreError> {
        let pictures = self.folder.join("pictures");
        for folder in [&pictures, &self.inputs()] {
            flowinone_files::tidy(folder);
        }
        let entries = std::fs::read_dir(&pictures).map_err(|e| self.file_error(&e))?;
        for entry in entries.flatten() {
            let path = entry.path();
            let name = path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if crate::id::is_id(&name)
                && self.job(&name)?.is_none_or(|job| job.state != State::Done)
            {
                remove(&path);
            }
        }
        Ok(())
    }
}

/// Removes a file or a folder with all that is in it; what is not there is removed already.
fn remove(path: &Path) {
    let _ = match path.is_dir() {
        true => std::fs::remove_dir_all(path),
        false => std::fs::remove_file(path),
    };
}

/// Bytes that an ordinary user may still write to the disk of a folder, where the system tells it.
#[cfg(unix)]
#[allow(unsafe_code, reason = "statvfs is a call of the C library")]
fn free_bytes(folder: &Path) -> Option<u64> {
    use std::os::unix::ffi::OsStrExt;
    let path = std::ffi::CString::new(folder.as_os_str().as_bytes()).ok()?;
    let mut told = std::mem::MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: the path ends in a null byte, and a result of 0 says that all fields were written.
    let told = unsafe {
        match libc::statvfs(path.as_ptr(), told.as_mut_ptr()) {
            0 => told.assume_init(),
            _ => return None,
        }
    };
    #[allow(
        clippy::unnecessary_cast,
        reason = "the fields are narrower on some systems"
    )]
    Some(told.f_bavail as u64 * told.f_frsize as u64)
}

/// Bytes that may still be written: not told here.
#[cfg(not(unix))]
fn free_bytes(_: &Path) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests;
