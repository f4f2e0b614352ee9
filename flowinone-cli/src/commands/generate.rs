//! `flowinone generate`: prompt pictures to pictures.

use std::path::PathBuf;

use anyhow::Result;
use flowinone_prompts::Task;
use flowinone_tasks::Routing;
use flowinone_tasks::batch::{self, Jobs, Report, expand};

use crate::Outcome;
use crate::options::Options;
use crate::shard::{ShardOptions, only};
use crate::show::show;
use crate::upscaling::on_or_off;

/// Turn prompt pictures into pictures.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Prompt pictures: files, directories, or patterns in quotes; with the feature `parquet` also
    /// Parquet files with VP-Bench's columns, or a directory of them
    #[arg(long, short, value_name = "FILE|DIR|GLOB", num_args = 1.., required = true)]
    input: Vec<PathBuf>,
    /// A .png for one picture, else a directory that mirrors the inputs
    #[arg(long, short, value_name = "FILE|DIR")]
    output: PathBuf,
    /// Pictures computed together; the result does not depend on it
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    batch_size: u16,
    /// Keep the structure of the input (on for edits, off for text or class prompts) [default: on;
    /// of a benchmark's Parquet files as each subset asks]
    #[arg(long, value_name = "on|off", value_parser = on_or_off, action = clap::ArgAction::Set)]
    structure: Option<bool>,
    /// What the prompts ask for; decides --structure
    #[arg(long, value_name = "NAME", conflicts_with = "structure")]
    task: Option<Task>,
    /// Report of every item as JSON lines [default: report.jsonl in an output directory]
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
    // Everything that can be refused is refused before the model is loaded.
    let shard = args.shard.chosen()?;
    let mut jobs = jobs(args)?;
    let session = args.options.session()?;
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

fn jobs(args: &Args) -> Result<Jobs> {
    let (seed, profiles) = (args.options.seed(), args.options.profiles());
    let routing = args.task.map(Routing::of).or_else(|| {
        Some(Routing {
            task: None,
            structure: args.structure?,
        })
    });
    #[cfg(feature = "parquet")]
    {
        let files = batch::parquet_files(&args.input)?;
        if !files.is_empty() {
            return Ok(batch::expand_rows(
                &files,
                &args.output,
                routing,
                seed,
                profiles,
            )?);
        }
    }
    let routing = routing.unwrap_or(Routing {
        task: None,
        structure: true,
    });
    Ok(expand(&args.input, &args.output, routing, seed, profiles)?)
}
