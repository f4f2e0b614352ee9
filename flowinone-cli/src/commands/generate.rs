//! `flowinone generate`: prompt pictures to pictures.

use std::path::PathBuf;

use anyhow::Result;
use flowinone_tasks::{Precision, Task};

use crate::Outcome;
use crate::device::{self, Choice};
use crate::report::Report;
use crate::runner::Run;
use crate::sampling::Sampling;
use crate::{interrupt, jobs, model};

/// Turn prompt pictures into pictures.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Model directory (see `convert`); without it a small untrained model that is built in
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// Prompt pictures: files, directories, or patterns in quotes
    #[arg(long, short, value_name = "FILE|DIR|GLOB", num_args = 1.., required = true)]
    input: Vec<String>,
    /// A .png for one picture, else a directory that mirrors the inputs
    #[arg(long, short, value_name = "FILE|DIR")]
    output: PathBuf,
    #[command(flatten)]
    sampling: Sampling,
    /// Pictures computed together; the result does not depend on it
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    batch_size: u16,
    /// Keep the structure of the input (on for edits, off for text or class prompts)
    #[arg(long, value_name = "on|off", default_value = "on", value_parser = on_or_off, action = clap::ArgAction::Set)]
    structure: bool,
    /// What the prompts ask for; decides --structure
    #[arg(long, value_name = "NAME", conflicts_with = "structure")]
    task: Option<Task>,
    /// Element type of the weights: f32, f16 or bf16
    #[arg(long, value_name = "TYPE", default_value_t = Precision::F32)]
    dtype: Precision,
    /// auto, cpu, or wgpu, vulkan, metal, cuda with an optional number, as wgpu:1
    #[arg(long, value_name = "NAME", default_value = "auto")]
    device: Choice,
    /// Also write the unfinished picture every N steps, as NAME.step0010.png
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    preview_every: Option<u32>,
    /// Report of every item as JSON lines [default: report.jsonl in an output directory]
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Replace pictures in the output directory that were made with other settings
    #[arg(long)]
    overwrite: bool,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    // Everything that can be refused is refused before the model is loaded.
    let jobs = jobs::expand(&args.input, &args.output)?;
    let found = device::open(args.device)?;
    let config = model::config(args.model.as_deref())?;
    let settings = args.sampling.settings(&config.sampling)?;
    if let Some(directory) = &jobs.directory {
        std::fs::create_dir_all(directory)?;
    }
    let default_report = jobs.directory.as_ref().map(|d| d.join("report.jsonl"));
    let mut report = Report::create(
        args.report
            .as_ref()
            .or(default_report.as_ref())
            .map(|p| &**p),
    )?;
    interrupt::listen();
    let model = model::load(args.model.as_deref(), &found, args.dtype)?;
    let run = Run {
        model: &model,
        device: &found,
        precision: args.dtype,
        settings,
        task: args.task,
        structure: args.task.map_or(args.structure, Task::keeps_structure),
        seed: args.sampling.seed,
        batch_size: args.batch_size.into(),
        preview_every: args.preview_every.map(|n| n as usize),
        overwrite: args.overwrite,
    };
    run.all(&jobs, &mut report)
}

fn on_or_off(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("use on or off".into()),
    }
}
