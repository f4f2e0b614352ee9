//! `flowinone batch`: a file of prompts to pictures.

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::options::Options;
use crate::output::reason;
use crate::report::Report;
use crate::{Outcome, interrupt, lines};

/// Turn a file of prompts, one JSON object a line, into pictures.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The prompts; `--save-prompt FILE.json` of the prompt commands writes such lines. Relative
    /// paths start at its folder
    #[arg(value_name = "FILE.jsonl")]
    file: PathBuf,
    /// Directory to write into; a line's "output" names its picture there
    #[arg(long, short, value_name = "DIR")]
    output: PathBuf,
    /// Side of the prompt pictures, in pixels, where a line does not say its "side" [default: the
    /// model's]
    #[arg(long, value_name = "PIXELS")]
    side: Option<u32>,
    /// Pictures computed together; the result does not depend on it
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    batch_size: u16,
    /// Report of every item as JSON lines [default: report.jsonl in the output directory]
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Replace pictures in the output directory that were made with other settings
    #[arg(long)]
    overwrite: bool,
    #[command(flatten)]
    options: Options,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let convention = args.options.convention()?;
    let side = args.side.unwrap_or(convention.side);
    let mut jobs = lines::read(&args.file, &args.output, side)?;
    for job in &mut jobs.list {
        job.source.follow(&convention);
    }
    let file = args.file.display();
    if args.output.is_file() {
        bail!(
            "output {} is a file, not a directory",
            args.output.display()
        );
    }
    if jobs.list.is_empty() {
        for refused in &jobs.refused {
            tell!("failed: {}: {}", refused.place, reason(&refused.error));
        }
        match jobs.refused.len() {
            0 => bail!("{file} is empty; write one prompt a line, as JSON"),
            _ => bail!("no line of {file} is a prompt"),
        }
    }
    let run = args.options.run(args.batch_size, args.overwrite)?;
    let mut report = Report::beside(&jobs, args.report.as_deref(), run.preview_every.is_some())?;
    interrupt::listen();
    run.all(&jobs, &mut report)
}
