//! `flowinone report`: the reports of runs.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Subcommand;
use flowinone_eval::merge_scores;
use flowinone_files::{keep_apart, make_parent, write_atomically};
use flowinone_tasks::batch::merge_reports;

use crate::Outcome;

/// Merge the reports of the shards of a run.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make one report of those of all shards: of batch and generate (JSON lines), or of score
    /// (--json). Overlaps, gaps and other settings are refused
    Merge {
        /// The reports, such as report-*-of-8.jsonl
        #[arg(value_name = "FILE", required = true)]
        reports: Vec<PathBuf>,
        /// File to write
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,
    },
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let Command::Merge { reports, output } = &args.command;
    keep_apart(reports.iter().map(PathBuf::as_path), [output.as_path()])?;
    let first = std::fs::read(&reports[0])
        .with_context(|| format!("cannot read {}", reports[0].display()))?;
    // Scores are one object, a report is one object a line.
    let scores = serde_json::from_slice::<serde_json::Value>(&first)
        .is_ok_and(|whole| whole.get("rules").is_some());
    let (text, items) = match scores {
        true => {
            let merged = merge_scores(reports)?;
            let items = merged["items"].as_array().map_or(0, Vec::len);
            (serde_json::to_string_pretty(&merged)?, items)
        }
        false => {
            let merged = merge_reports(reports)?;
            let items = merged.lines().count();
            (merged, items)
        }
    };
    make_parent(output)?;
    write_atomically(output, text.as_bytes())?;
    out!(
        "{}: {items} items of {} shards",
        output.display(),
        reports.len()
    );
    Ok(Outcome::Done)
}
