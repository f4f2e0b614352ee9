//! `flowinone replay`: the same picture again, from the settings inside its PNG.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use flowinone_files::sha256;
use flowinone_image::read_picture;
use flowinone_tasks::{Input, Record, read_record};

use crate::device::{self, Choice};
use crate::jobs::Jobs;
use crate::report::Report;
use crate::runner::Run;
use crate::source::{Drawn, Routing, Source};
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
    /// Prompt picture, or pictures that the prompt is drawn on, if they are no longer where the picture says
    #[arg(long, short, value_name = "FILE", num_args = 1..)]
    input: Vec<PathBuf>,
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
    let source = source(args, &record)?;
    let output = args
        .output
        .clone()
        .unwrap_or_else(|| args.picture.with_extension("replay.png"));
    if output == args.picture {
        bail!("the output would replace the picture itself; choose another --output");
    }
    let path = args.model.clone().unwrap_or_else(|| record.model.clone());
    let found = device::open(args.device)?;
    record.precision.check(&found.device)?;
    interrupt::listen();
    let model = model::open(Some(&path))?;
    if model.digest != record.model_digest {
        bail!(
            "{} is another model than the one that made {}; --model names the right one",
            path.display(),
            args.picture.display()
        );
    }
    let run = Run {
        model,
        device: found,
        arithmetic: record.precision,
        settings: record.settings,
        seed: record.seed,
        batch_size: 1,
        preview_every: None,
        overwrite: true,
    };
    let jobs = Jobs::single(source, output.clone(), record.item);
    let outcome = run.all(&jobs, &mut Report::none())?;
    if matches!(outcome, Outcome::Done) {
        compare(&args.picture, &output)?;
    }
    Ok(outcome)
}

/// What the picture was made from, found again and proved by digest.
fn source(args: &Args, record: &Record) -> Result<Source> {
    let needed = record.input.files();
    let mut given = BTreeMap::new(); // path by digest
    for path in &args.input {
        let digest = sha256(path)?;
        if !needed.values().any(|other| *other == digest) {
            bail!(other_prompt(path, &args.picture));
        }
        given.insert(digest, path.clone());
    }
    let mut places = BTreeMap::new(); // path now by path before
    for (before, digest) in &needed {
        let now = given.get(digest).unwrap_or(before);
        let found = sha256(now)
            .context("the prompt picture is needed again; --input says where it is now")?;
        if found != *digest {
            bail!(other_prompt(now, &args.picture));
        }
        places.insert(before, now.clone());
    }
    let moved = |path: &Path| places.get(&path.to_path_buf()).cloned().unwrap_or_default();
    Ok(match record.input.clone().moved(moved) {
        Input::Picture { file, .. } => Source::Picture {
            file,
            routing: Routing {
                task: record.task,
                structure: record.structure,
            },
        },
        Input::Prompt { prompt, side, .. } => Source::Prompt(Box::new(Drawn {
            prompt: *prompt,
            side,
            line: None,
        })),
    })
}

fn other_prompt(path: &Path, picture: &Path) -> String {
    format!(
        "{} is not the prompt that {} was made from (its SHA-256 differs); --input names the right one",
        path.display(),
        picture.display()
    )
}

fn compare(before: &Path, after: &Path) -> Result<()> {
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
