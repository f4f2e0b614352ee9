//! `flowinone plot`: the journals of runs as a picture.

use std::path::{Path, PathBuf};

use anyhow::Result;
use flowinone_train::{LogEntry, Plot, read_metric_log};

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
    /// Draw means over so many neighbouring entries
    #[arg(long, value_name = "N", default_value_t = 1)]
    smooth: usize,
    /// Draw on a logarithmic scale
    #[arg(long)]
    log: bool,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let journals: Result<Vec<_>> = args.journals.iter().map(|path| read(path)).collect();
    let plot = Plot::new(&journals?, &args.numbers)?.smooth(args.smooth);
    let plot = match args.log {
        true => plot.logarithmic(),
        false => plot,
    };
    plot.save(&args.output)?;
    println!("{}", args.output.display());
    Ok(Outcome::Done)
}

/// A journal, named by its run's folder.
fn read(path: &Path) -> Result<(String, Vec<LogEntry>)> {
    let (folder, file) = match path.is_dir() {
        true => (Some(path), path.join("journal.jsonl")),
        false => (path.parent(), path.to_path_buf()),
    };
    let name = folder.filter(|folder| folder.file_name().is_some());
    let name = name.unwrap_or(&file).display().to_string();
    Ok((name, read_metric_log(&file)?))
}
