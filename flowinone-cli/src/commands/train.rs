//! `flowinone train`: train a model, or fine-tune one, on pairs of prompt and target.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use burn::tensor::Device;
use flowinone_prompts::Convention;
use flowinone_tasks::{FlowInOne, ModelConfig, Networks, Precision, assemble};
use flowinone_train::{
    Ending, FlowConfig, FlowLesson, FlowModel, Material, RunConfig, Trainer, initialise, material,
    newest, read_config,
};

use crate::device::{self, Choice};
use crate::{Outcome, interrupt};

/// Train a model, or fine-tune one, on pairs of prompt and target.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Description of the run (TOML); it resumes where it was stopped
    #[arg(long, value_name = "FILE.toml")]
    config: PathBuf,
    /// Only write the newest checkpoint's averaged weights as a model directory, and train nothing;
    /// the run may go on meanwhile
    #[arg(long, value_name = "DIR")]
    export: Option<PathBuf>,
    /// Element type of the weights in the model directory: f32, f16 or bf16
    #[arg(long, value_name = "TYPE", default_value_t = Precision::F32)]
    dtype: Precision,
    #[command(flatten)]
    computing: Computing,
}

/// Where training computes.
#[derive(clap::Args)]
pub(crate) struct Computing {
    /// auto, cpu, or wgpu, vulkan, metal, cuda with an optional number, as wgpu:1
    #[arg(long, value_name = "NAME", default_value = "auto")]
    device: Choice,
    /// Share every batch among several devices of that kind, by number: 0,1; the processor is 0,0 for two
    /// shares, each with half of its threads
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    devices: Vec<usize>,
}

impl Computing {
    /// The devices, at least one, with gradients.
    pub(crate) fn open(&self) -> Result<Vec<Device>> {
        let first = device::open(self.device)?;
        if self.devices.is_empty() {
            return Ok(vec![first.device.autodiff()]);
        }
        let mut found = vec![];
        for &number in &self.devices {
            let choice = match first.choice {
                Choice::Gpu(interface, _) => Choice::Gpu(interface, number),
                only if number == 0 => only,
                only => bail!(
                    "--devices {number}: there is one {only}, with the number 0; name it once for each share, 0,0"
                ),
            };
            found.push(device::open(choice)?.device.autodiff());
        }
        Ok(found)
    }
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let config: FlowConfig = read_config(&args.config)?;
    let devices = args.computing.open()?;
    let (device, others) = devices.split_first().context("no device")?;
    let (model, networks) = initialise(&config.model, config.run.seed, device)?;
    let material = material(&config.data, &config.run)?;
    note_judges(&material, &config.run);
    let classes = material.classes.len();
    let known = Convention {
        classes: material.known(&model.prompts.classes),
        ..model.prompts
    };
    let model = ModelConfig {
        trained: true,
        sampling: config.sampling.unwrap_or(model.sampling),
        fast: None, // it was measured on other weights
        prompts: known,
        ..model
    };
    let lesson = FlowLesson::new(
        &config,
        model.clone(),
        networks.codec(),
        material.classes,
        material.held_out,
        device,
    )?;
    let start = FlowModel::begin(&config, &model, &networks, classes, device)?;
    let folder = config.run.folder.clone();
    if let Some(target) = &args.export {
        let Some(newest) = newest(&folder)? else {
            bail!("{} has no checkpoint yet", folder.display());
        };
        let average = newest.average(start)?;
        write(
            &average,
            newest.step(),
            &model,
            &networks,
            args.dtype,
            target,
        )?;
        return Ok(Outcome::Done);
    }
    interrupt::listen();
    let mut lessons: Vec<FlowLesson> = others.iter().map(|other| lesson.on(other)).collect();
    lessons.insert(0, lesson);
    let mut trainer = Trainer::spread(lessons, start, material.mixer, config.run)?;
    let ending = trainer.run(interrupt::flag());
    if let Some(cache) = trainer.lesson().cache() {
        tell!("cache: {}", cache.report()?);
    }
    if ending? == Ending::Stopped {
        return Ok(Outcome::Interrupted);
    }
    let target = folder.join("model");
    if target.exists() {
        std::fs::remove_dir_all(&target)?;
    }
    write(
        trainer.average(),
        trainer.step(),
        &model,
        &networks,
        args.dtype,
        &target,
    )?;
    Ok(Outcome::Done)
}

/// Says if nothing will judge the model, though it is to be judged.
pub(crate) fn note_judges(material: &Material, run: &RunConfig) {
    if material.held_out.is_none() && run.evaluations.examples > 0 {
        tell!(
            "note: the data comes from files alone, so that nothing is held out; name pairs to judge by in run.evaluations.source"
        );
    }
}

fn write(
    average: &FlowModel,
    steps: u64,
    model: &ModelConfig,
    networks: &FlowInOne,
    precision: Precision,
    target: &Path,
) -> Result<()> {
    let networks = Networks {
        encoder: &average.encoder,
        vae: networks.codec(),
        flow: &average.network,
    };
    assemble(networks, model, steps, precision, target)?;
    out!("{}", target.display());
    Ok(())
}
