//! The report of a run: one JSON line an item, written as soon as the item is settled.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

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
    pub(super) seed: u64,
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
    /// directory of the jobs, if they have one, which is made if need be.
    ///
    /// # Errors
    /// Names the folder that cannot be made, or the file that cannot be written.
    pub fn beside(jobs: &Jobs, path: Option<&Path>) -> Result<Self, Error> {
        if let Some(directory) = &jobs.directory {
            std::fs::create_dir_all(directory)
                .map_err(flowinone_files::Error::of("create", directory))?;
        }
        let usual = jobs.directory.as_ref().map(|d| d.join("report.jsonl"));
        let Some(path) = path.map(Path::to_path_buf).or(usual) else {
            return Ok(Self::none());
        };
        let file = File::create(&path).map_err(failed(&path))?;
        Ok(Self(Some((path, file))))
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

fn failed(path: &Path) -> impl FnOnce(std::io::Error) -> flowinone_files::Error {
    flowinone_files::Error::of("write the report", path)
}
