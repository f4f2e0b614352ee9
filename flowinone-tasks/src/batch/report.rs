//! The report of a run: one JSON line an item, written as soon as the item is settled.

use std::fs::{File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use flowinone_files::{make_parent, writable};
use serde::Serialize;

use super::jobs::Jobs;
use crate::{Cost, Error};

/// What became of one item.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    /// The prompt picture, or the batch file.
    pub(super) input: String,
    /// In a batch file: the line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) line: Option<usize>,
    #[serde(flatten)]
    pub(super) target: Option<Target>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seed: Option<u64>,
    #[serde(flatten)]
    pub(super) status: Status,
}

/// Which picture an item was to become; a line that is no prompt has none.
#[derive(Debug, Serialize)]
pub(super) struct Target {
    pub(super) output: String,
    pub(super) item: u64,
}

/// How an item was settled.
#[derive(Debug, Serialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub(super) enum Status {
    /// A new picture was written.
    Done(Cost),
    /// A picture was enlarged.
    #[serde(rename = "done")]
    Enlarged {
        width: u32,
        height: u32,
        seconds: f64,
        peak_bytes: Option<u64>,
    },
    /// The same picture was there already.
    Skipped,
    /// No picture was written.
    Failed {
        /// Why.
        error: String,
    },
}

/// A report file, or none.
#[derive(Debug)]
pub struct Report(Option<(PathBuf, File)>);

impl Report {
    /// No report.
    pub fn none() -> Self {
        Self(None)
    }

    /// The report at `path`, over that of an earlier run; without a path `report.jsonl` in the
    /// directory of the jobs, if they have one.
    ///
    /// Everything that stands against writing is found here, before anything is computed: an output
    /// that is an input, a place that cannot be written to, another run that writes there.
    ///
    /// # Errors
    /// Names the file.
    pub fn beside(jobs: &Jobs, path: Option<&Path>, previews: bool) -> Result<Self, Error> {
        let usual = jobs.directory.as_ref().map(|d| d.join("report.jsonl"));
        let path = path.or(usual.as_deref());
        let writes: Vec<&Path> = path.into_iter().collect();
        jobs.keep_apart(&[], &writes, previews)?;
        for output in jobs.directory.iter().map(|folder| folder.join(".report")) {
            writable(&output)?;
        }
        if let (None, [job]) = (&jobs.directory, jobs.list.as_slice()) {
            writable(&job.output)?;
        }
        if let Some(directory) = &jobs.directory {
            flowinone_files::tidy(directory);
        }
        let file = |path: &Path| Ok::<_, Error>((path.to_path_buf(), held(path)?));
        Ok(Self(path.map(file).transpose()?))
    }

    /// Adds a line.
    pub(super) fn add(&mut self, line: &Line) -> Result<(), Error> {
        if let Some((path, file)) = &mut self.0 {
            let mut text = serde_json::to_string(line).expect("plain data");
            text.push('\n');
            file.write_all(text.as_bytes()).map_err(failed(path))?;
        }
        Ok(())
    }
}

/// An empty report; one run at a time holds it.
fn held(path: &Path) -> Result<File, Error> {
    make_parent(path)?;
    let open = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path);
    let file = open.map_err(failed(path))?;
    match file.try_lock() {
        // Some network file systems know no locks.
        Ok(()) | Err(TryLockError::Error(_)) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(Error::Jobs(format!(
                "another run writes to {} now; wait for it, or choose another output",
                path.display()
            )));
        }
    }
    if file.metadata().is_ok_and(|there| there.is_file()) {
        file.set_len(0).map_err(failed(path))?;
    }
    Ok(file)
}

fn failed(path: &Path) -> impl FnOnce(std::io::Error) -> flowinone_files::Error {
    flowinone_files::Error::of("write the report", path)
}
