//! The report of a run: one JSON line an item, written as soon as the item is settled.

use std::fs::{File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use flowinone_files::{make_parent, writable};
use serde::Serialize;

use super::jobs::Jobs;
use super::shard::{Shard, ShardHeader};
use crate::{Cost, Error};

/// What became of one item: a line of the report.
#[derive(Debug, Serialize)]
pub struct Line {
    /// The prompt picture, or the batch file.
    pub input: String,
    /// In a batch file: the line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Which picture it was to become; `None` for a line that is no prompt.
    #[serde(flatten)]
    pub target: Option<Target>,
    /// Seed of the noise, if there is any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// How it was settled.
    #[serde(flatten)]
    pub status: Status,
}

impl Line {
    /// It as JSON, without an end of line.
    pub fn json(&self) -> String {
        serde_json::to_string(self).expect("plain data")
    }
}

/// Which picture an item was to become.
#[derive(Debug, Serialize)]
pub struct Target {
    /// Its file.
    pub output: String,
    /// The number of the item, which selects the noise.
    pub item: u64,
}

/// How an item was settled.
#[derive(Debug, Serialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum Status {
    /// A new picture was written.
    Done(Cost),
    /// A picture was enlarged.
    #[serde(rename = "done")]
    Enlarged {
        /// Width of the new picture.
        width: u32,
        /// Its height.
        height: u32,
        /// What it took.
        seconds: f64,
        /// Peak memory of the process so far, in bytes, where the system tells it.
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
    /// directory of the jobs, if they have one, and for a shard `report-2-of-8.jsonl`.
    ///
    /// Everything that stands against writing is found here, before anything is computed: an output
    /// that is an input, a place that cannot be written to, another run that writes there.
    ///
    /// # Errors
    /// Names the file.
    pub fn beside(
        jobs: &Jobs,
        path: Option<&Path>,
        shard: Option<Shard>,
        previews: bool,
    ) -> Result<Self, Error> {
        let name = shard.map_or("report.jsonl".into(), |shard| shard.report());
        let usual = jobs.directory.as_ref().map(|d| d.join(name));
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

    /// Begins the report of a shard.
    ///
    /// # Errors
    /// Names the file that cannot be written.
    pub fn begin(&mut self, header: &ShardHeader) -> Result<(), Error> {
        self.write(serde_json::to_string(header).expect("plain data"))
    }

    /// Adds a line.
    pub(super) fn add(&mut self, line: &Line) -> Result<(), Error> {
        self.write(line.json())
    }

    fn write(&mut self, mut text: String) -> Result<(), Error> {
        if let Some((path, file)) = &mut self.0 {
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
