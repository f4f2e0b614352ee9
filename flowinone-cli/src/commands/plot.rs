//! `flowinone plot`: the journals of runs as a picture.

use std::path::{Path, PathBuf};

use anyhow::Result;
use flowinone_files::keep_apart;
use flowinone_train::{LogEntry, Plot, read_metric_log};

use super::data::within;
use crate::Outcome;

/// Draw the journals of training runs.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// journal.jsonl of a run, or the run's folder; several are drawn together
    #[arg(required = true, value_name = "JOURNAL")]
    journals: Vec<PathBuf>,
    /// File to write, .png or .svg
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Numbers to draw, one panel each
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        default_value = "loss"
    )]
    numbers: Vec<String>,
    /// Draw moving means over N neighbouring entries
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = |text: &str| within(text, 1, 1_000_000))]
    smooth: usize,
    /// Draw on a logarithmic scale
    #[arg(long)]
    log: bool,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let files: Vec<PathBuf> = args.journals.iter().map(|path| journal(path)).collect();
    keep_apart(files.iter().map(PathBuf::as_path), [args.output.as_path()])?;
    let journals: Result<Vec<_>> = args.journals.iter().map(|path| read(path)).collect();
    let plot = Plot::new(&journals?, &args.numbers)?.smooth(args.smooth);
    let plot = match args.log {
        true => plot.logarithmic(),
        false => plot,
    };
    plot.save(&args.output)?;
    out!("{}", args.output.display());
    Ok(Outcome::Done)
}

/// The file of a journal, or of the run in a folder.
fn journal(path: &Path) -> PathBuf {
    match path.is_dir() {
        true => path.join("journal.jsonl"),
        false => path.to_path_buf(),
    }
}

/// A journal, named by its run's folder.
fn read(path: &Path) -> Result<(String, Vec<LogEntry>)> {
    let file = journal(path);
    let folder = match path.is_dir() {
        true => Some(path),
        false => path.parent(),
    };
    let name = folder.filter(|folder| folder.file_name().is_some());
    let name = name.unwrap_or(&file).display().to_string();
    Ok((name, read_metric_log(&file)?))
}
