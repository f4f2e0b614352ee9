//! `flowinone replay`: the same picture again, from the settings inside its PNG.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use flowinone_files::{sha256, writable};
use flowinone_image::{Profiles, largest_difference, read_picture};
use flowinone_tasks::batch::{self, Jobs, Options, Report, check_png};
use flowinone_tasks::device::{self, Choice, NamedDevice};
use flowinone_tasks::{
    AdapterChoice, AdapterRecord, Dtype, EnlargedRecord, Error, Job, Routing, Session, Source,
    UpscaleRecord, Upscaling, again, read_enlarged, read_record,
};

use crate::Outcome;
use crate::commands::upscale;
use crate::show::{show, with_hint};

/// Make a picture again from the settings inside its PNG.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A picture that flowinone made
    picture: PathBuf,
    /// Where to write it [default: NAME.replay.png next to it]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Model directory, if it is no longer where the picture says
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// Adapters (LoRA), in order and with their weights, if they are no longer where the picture
    /// says
    #[arg(long, value_name = "FILE[:WEIGHT]")]
    lora: Vec<AdapterChoice>,
    /// Prompt picture, or pictures that the prompt is drawn on, if they are no longer where the
    /// picture says
    #[arg(long, short, value_name = "FILE", num_args = 1..)]
    input: Vec<PathBuf>,
    /// Upscaling model, if it is no longer where the picture says
    #[arg(long, value_name = "FILE")]
    upscale_model: Option<PathBuf>,
    /// auto, cpu, or wgpu, vulkan, metal, cuda with an optional number, as wgpu:1
    #[arg(long, value_name = "NAME", default_value = "auto")]
    device: Choice,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    if let Ok(record) = read_enlarged(&args.picture) {
        return enlarge(args, &record);
    }
    let record = read_record(&args.picture)?;
    if let Some(step) = record.preview {
        bail!(
            "{} is a preview after step {step}; replay the finished picture instead",
            args.picture.display()
        );
    }
    let source = again(&record, &args.input).map_err(|error| match error {
        Error::NotTheInput(path) => anyhow!(
            "{} is not the prompt that {} was made from (its SHA-256 differs); --input names the right one",
            path.display(),
            args.picture.display()
        ),
        error => anyhow!("{error}: the prompt picture is needed again; --input says where it is now"),
    })?;
    let output = args
        .output
        .clone()
        .unwrap_or_else(|| args.picture.with_extension("replay.png"));
    let jobs = Jobs::single(
        Job {
            source,
            seed: record.seed,
            number: record.item,
            profiles: Profiles::ignored(record.ignore_profiles),
        },
        output.clone(),
    );
    jobs.keep_apart(&[&args.picture], &[], false)?;
    check_png(&output)?;
    writable(&output)?;
    let path = args.model.clone().unwrap_or_else(|| record.model.clone());
    let device = device::open(args.device).map_err(with_hint)?;
    let adapters: Vec<AdapterChoice> = match args.lora.as_slice() {
        [] => record.adapters.iter().map(AdapterRecord::choice).collect(),
        given => given.to_vec(),
    };
    let session = Session::adapted(&path, &adapters, &device, record.precision);
    let session = session.map_err(with_hint)?;
    if session.digest() != record.model_digest {
        let (with, names) = match record.adapters.is_empty() && adapters.is_empty() {
            true => ("", "--model names"),
            false => (", with its adapters,", "--model and --lora name"),
        };
        bail!(
            "{}{with} is another model than the one that made {}; {names} the right one",
            path.display(),
            args.picture.display()
        );
    }
    let session = match &record.upscale {
        None => session,
        Some(upscale) => {
            let upscaling = upscaling(args, upscale, &device, record.precision)?;
            session.upscaled(upscaling).map_err(with_hint)?
        }
    };
    let run = batch::run(
        &session,
        jobs,
        &record.settings,
        Options::default(),
        Report::none(),
    );
    let outcome = show(&session, run, 1)?;
    if matches!(outcome, Outcome::Done) {
        compare(&args.picture, &output)?;
    }
    Ok(outcome)
}

/// The model that enlarged a picture.
fn upscaling(
    args: &Args,
    record: &UpscaleRecord,
    device: &NamedDevice,
    dtype: Dtype,
) -> Result<Upscaling> {
    let path = args.upscale_model.as_ref().unwrap_or(&record.model);
    let upscaling = Upscaling::open(path, record.settings, device, dtype);
    let upscaling =
        upscaling.map_err(|e| anyhow!("{e}; --upscale-model says where the model is now"))?;
    if upscaling.upscaler().digest() != record.model_digest {
        bail!(
            "{} is another upscaling model than the one that made {}; --upscale-model names the right one",
            path.display(),
            args.picture.display()
        );
    }
    Ok(upscaling)
}

/// Enlarges a picture in a file again.
fn enlarge(args: &Args, record: &EnlargedRecord) -> Result<Outcome> {
    let input = match args.input.as_slice() {
        [] => &record.enlarged,
        [input] => input,
        _ => bail!(
            "{} was enlarged from one picture; --input names it",
            args.picture.display()
        ),
    };
    let digest = sha256(input).map_err(|e| {
        anyhow!("{e}: the small picture is needed again; --input says where it is now")
    })?;
    if digest != record.enlarged_sha256 {
        bail!(
            "{} is not the picture that {} was enlarged from (its SHA-256 differs); --input names the right one",
            input.display(),
            args.picture.display()
        );
    }
    let output = args
        .output
        .clone()
        .unwrap_or_else(|| args.picture.with_extension("replay.png"));
    let routing = Routing {
        task: None,
        structure: false,
    };
    let job = Job {
        source: Source::Picture {
            file: input.clone(),
            routing,
        },
        seed: 0,
        number: 0,
        profiles: Profiles::Ignore,
    };
    let jobs = Jobs::single(job, output.clone());
    jobs.keep_apart(&[&args.picture], &[], false)?;
    check_png(&output)?;
    writable(&output)?;
    let device = device::open(args.device).map_err(with_hint)?;
    let upscaling = upscaling(args, &record.upscale, &device, record.precision)?;
    let outcome = upscale::show(&upscaling, jobs, false, Report::none())?;
    if matches!(outcome, Outcome::Done) {
        compare(&args.picture, &output)?;
    }
    Ok(outcome)
}

fn compare(before: &Path, after: &Path) -> Result<()> {
    let (a, b) = (read_picture(before)?, read_picture(after)?);
    match largest_difference(&a, &b) {
        None => tell!("the pictures differ in size"),
        Some(0) => tell!("equal to {}, pixel by pixel", before.display()),
        Some(largest) => tell!(
            "differs from {} by at most {largest} of 255 (another device or program version rounds differently)",
            before.display()
        ),
    }
    Ok(())
}
