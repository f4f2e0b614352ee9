//! The report of a run: one JSON line an item, written as soon as the item is settled.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
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

    /// Starts the report at `path`, over that of an earlier run.
    fn create(path: Option<&Path>) -> Result<Self> {
        let open = |path: &Path| {
            File::create(path)
                .with_context(|| format!("cannot write the report {}", path.display()))
        };
        Ok(Self(path.map(open).transpose()?))
    }

    /// The report at `path`, or `report.jsonl` in the directory of the jobs, which is made if need be.
    pub(crate) fn beside(jobs: &Jobs, path: Option<&Path>) -> Result<Self> {
        if let Some(directory) = &jobs.directory {
            std::fs::create_dir_all(directory)
                .with_context(|| format!("cannot create {}", directory.display()))?;
        }
        let usual = jobs.directory.as_ref().map(|d| d.join("report.jsonl"));
        Self::create(path.or(usual.as_deref()))
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
