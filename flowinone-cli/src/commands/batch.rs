//! `flowinone batch`: a file of prompts to pictures.

use std::path::PathBuf;

use anyhow::{Result, bail};
use flowinone_tasks::batch::{self, BatchJob, Jobs, Report, read_lines};
use flowinone_tasks::{Session, Source};

use crate::Outcome;
use crate::options::Options;
use crate::shard::{ShardOptions, only};
use crate::show::show;

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
    shard: ShardOptions,
    #[command(flatten)]
    options: Options,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let shard = args.shard.chosen()?;
    let session = args.options.session()?;
    let (style, seed) = (session.style(), args.options.seed());
    let side = args.side.unwrap_or(style.side);
    let mut jobs = read_lines(
        &args.file,
        &args.output,
        style,
        side,
        seed,
        args.options.profiles(),
    )?;
    warn(&session, &jobs);
    let file = args.file.display();
    if args.output.is_file() {
        bail!(
            "output {} is a file, not a directory",
            args.output.display()
        );
    }
    if jobs.list.is_empty() {
        for refused in &jobs.refused {
            tell!("failed: {}: {}", refused.place, refused.reason);
        }
        match jobs.refused.len() {
            0 => bail!("{file} is empty; write one prompt a line, as JSON"),
            _ => bail!("no line of {file} is a prompt"),
        }
    }
    let settings = args.options.settings(&session)?;
    let options = args.options.batch(args.batch_size, args.overwrite);
    let report = Report::beside(
        &jobs,
        args.report.as_deref(),
        shard,
        args.options.previews(),
    )?;
    let report = only(shard, &mut jobs, report, &session, &settings)?;
    let total = jobs.len();
    let run = batch::run(&session, jobs, &settings, options, report);
    show(&session, run, total)
}

/// Warns of what the model does not know.
fn warn(session: &Session, jobs: &Jobs) {
    for BatchJob { job, line, .. } in &jobs.list {
        let Source::Prompt { prompt, .. } = &job.source else {
            continue;
        };
        for warning in session.style().warnings(prompt) {
            match line {
                Some(line) => tell!("warning: {line}: {warning}"),
                None => tell!("warning: {warning}"),
            }
        }
    }
}
