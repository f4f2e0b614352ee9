//! `flowinone replay`: the same picture again, from the settings inside its PNG.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use flowinone_tasks::{read_picture, read_record};
use flowinone_weights::sha256;

use crate::device::{self, Choice};
use crate::jobs::{Job, Jobs};
use crate::report::Report;
use crate::runner::Run;
use crate::{Outcome, interrupt, model};

/// Make a picture again from the settings inside its PNG.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A picture that flowinone made
    picture: PathBuf,
    /// Where to write it [default: NAME.replay.png beside it]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Model directory, if it is no longer where the picture says
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// Prompt picture, if it is no longer where the picture says
    #[arg(long, short, value_name = "FILE")]
    input: Option<PathBuf>,
    /// auto, cpu, or wgpu, vulkan, metal, cuda with an optional number, as wgpu:1
    #[arg(long, value_name = "NAME", default_value = "auto")]
    device: Choice,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let record = read_record(&args.picture)?;
    if let Some(step) = record.preview {
        bail!(
            "{} is a preview after step {step}; replay the finished picture instead",
            args.picture.display()
        );
    }
    let input = args.input.clone().unwrap_or_else(|| record.input.clone());
    let digest = sha256(&input)
        .context("the prompt picture is needed again; --input says where it is now")?;
    if digest != record.input_sha256 {
        bail!(
            "{} is not the prompt that {} was made from (its SHA-256 differs); --input names the right one",
            input.display(),
            args.picture.display()
        );
    }
    let output = args
        .output
        .clone()
        .unwrap_or_else(|| args.picture.with_extension("replay.png"));
    if output == args.picture {
        bail!("the output would replace the picture itself; choose another --output");
    }
    let path = args.model.clone().unwrap_or_else(|| record.model.clone());
    let found = device::open(args.device)?;
    interrupt::listen();
    let model = model::load(Some(&path), &found, record.precision)?;
    if model.digest != record.model_digest {
        bail!(
            "{} is another model than the one that made {}; --model names the right one",
            path.display(),
            args.picture.display()
        );
    }
    let run = Run {
        model: &model,
        device: &found,
        precision: record.precision,
        settings: record.settings,
        task: record.task,
        structure: record.structure,
        seed: record.seed,
        batch_size: 1,
        preview_every: None,
        overwrite: true,
    };
    let job = Job {
        input,
        output: output.clone(),
        number: record.item,
    };
    let jobs = Jobs {
        list: vec![job],
        directory: None,
    };
    let outcome = run.all(&jobs, &mut Report::create(None)?)?;
    if matches!(outcome, Outcome::Done) {
        compare(&args.picture, &output)?;
    }
    Ok(outcome)
}

fn compare(before: &std::path::Path, after: &std::path::Path) -> Result<()> {
    let (a, b) = (read_picture(before)?, read_picture(after)?);
    let largest = a
        .as_raw()
        .iter()
        .zip(b.as_raw())
        .map(|(a, b)| a.abs_diff(*b))
        .max();
    if a.dimensions() != b.dimensions() {
        eprintln!("the pictures differ in size");
    } else if a == b {
        eprintln!("equal to {}, pixel by pixel", before.display());
    } else {
        eprintln!(
            "differs from {} by at most {} of 255 (another device or program version rounds differently)",
            before.display(),
            largest.unwrap_or(0)
        );
    }
    Ok(())
}
