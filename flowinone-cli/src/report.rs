//! The report of a run: one JSON line an item, written as soon as the item is settled.

use std::fs::{File, TryLockError};
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};
use flowinone_files::AtomicFile;
use serde::Serialize;

use crate::jobs::Jobs;

/// What became of one item.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    /// The prompt picture, or the batch file.
    pub(crate) input: String,
    /// In a batch file: the line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<usize>,
    #[serde(flatten)]
    pub(crate) target: Option<Target>,
    pub(crate) seed: u64,
    #[serde(flatten)]
    pub(crate) status: Status,
}

/// Which picture an item was to become; a line that is no prompt has none.
#[derive(Debug, Serialize)]
pub(crate) struct Target {
    pub(crate) output: String,
    pub(crate) item: u64,
}

/// How an item was settled.
#[derive(Debug, Serialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub(crate) enum Status {
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

/// What a batch cost; every item of it reports the same, but for its own evaluations.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Cost {
    /// Items in the batch.
    pub(crate) batch: usize,
    /// Solver steps.
    pub(crate) steps: usize,
    /// Network evaluations of one branch.
    pub(crate) evaluations: usize,
    /// Seconds in the vision encoder, the whole batch.
    pub(crate) vision_seconds: f64,
    /// Seconds in the autoencoder's encoder, the whole batch.
    pub(crate) structure_seconds: f64,
    /// Seconds of the solve, the whole batch.
    pub(crate) solve_seconds: f64,
    /// Seconds in the decoder, the whole batch.
    pub(crate) decode_seconds: f64,
    /// Peak memory of the process so far, in bytes, where the system tells it.
    pub(crate) peak_bytes: Option<u64>,
}

/// A report file, or none.
pub(crate) struct Report(Option<File>);

impl Report {
    /// No report.
    pub(crate) fn none() -> Self {
        Self(None)
    }

    /// The report at `path`, or `report.jsonl` in the directory of the jobs, over that of an earlier run.
    ///
    /// Everything that stands against writing is found here, before anything is computed: an output that
    /// is an input, a place that cannot be written to, another run that writes there.
    pub(crate) fn beside(jobs: &Jobs, path: Option<&Path>, previews: bool) -> Result<Self> {
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
        Ok(Self(path.map(|path| held(path)).transpose()?))
    }

    /// Adds a line.
    pub(crate) fn add(&mut self, line: &Line) -> Result<()> {
        if let Some(file) = &mut self.0 {
            let mut text = serde_json::to_string(line)?;
            text.push('\n');
            file.write_all(text.as_bytes())
                .context("cannot write the report")?;
        }
        Ok(())
    }
}

/// Makes the folder of a file that will be written, and tries whether it can be.
pub(crate) fn writable(file: &Path) -> Result<()> {
    make_parent(file)?;
    AtomicFile::create(file)
        .map(drop)
        .with_context(|| format!("cannot write {}", file.display()))
}

/// Makes the folder that a file shall lie in.
pub(crate) fn make_parent(path: &Path) -> Result<()> {
    let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty()) else {
        return Ok(());
    };
    std::fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))
}

/// An empty report; one run at a time holds it.
fn held(path: &Path) -> Result<File> {
    let cannot = || format!("cannot write the report {}", path.display());
    make_parent(path)?;
    let open = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path);
    let file = open.with_context(cannot)?;
    match file.try_lock() {
        // Some network file systems know no locks.
        Ok(()) | Err(TryLockError::Error(_)) => {}
        Err(TryLockError::WouldBlock) => bail!(
            "another run writes to {} now; wait for it, or choose another output",
            path.display()
        ),
    }
    if file.metadata().is_ok_and(|there| there.is_file()) {
        file.set_len(0).with_context(cannot)?;
    }
    Ok(file)
}
