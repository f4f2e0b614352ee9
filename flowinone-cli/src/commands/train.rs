//! `flowinone train`: train a model or an adapter, or fine-tune a model, on pairs of prompt and
//! target.

mod adapter;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use burn::tensor::Device;
use flowinone_data::Survey;
use flowinone_tasks::device::{self, Choice};
use flowinone_tasks::{Dtype, ModelConfig, Networks, assemble};
use flowinone_train::{
    FlowTrainTask, FlowTrainingConfig, Origin, Part, RunCheckpoint, RunConfig, StopReason,
    TrainEvent, TrainTask, TrainableFlow, Trainer, TrainingData, digest, initialise,
    newest_checkpoint, place_of_model, read_training_config,
};

use crate::{Outcome, interrupt};

/// Train a model or an adapter, or fine-tune a model, on pairs of prompt and target.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Description of the run (TOML); it resumes where it was stopped
    #[arg(long, value_name = "FILE.toml")]
    config: PathBuf,
    /// Only write the newest checkpoint's averaged weights as a model directory, or as an adapter,
    /// and train nothing; the run may go on meanwhile
    #[arg(long, value_name = "DIR")]
    export: Option<PathBuf>,
    /// Element type of the weights in the model directory: f32, f16 or bf16
    #[arg(long, value_name = "TYPE", default_value_t = Dtype::F32)]
    dtype: Dtype,
    #[command(flatten)]
    computing: Computing,
}

/// Where training computes.
#[derive(clap::Args)]
pub(crate) struct Computing {
    /// auto, cpu, or wgpu, vulkan, metal, cuda with an optional number, as wgpu:1
    #[arg(long, value_name = "NAME", default_value = "auto")]
    device: Choice,
    /// Share every batch among several devices of that kind, by number: 0,1; the processor is 0,0
    /// for two shares, each with half of its threads
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    devices: Vec<usize>,
}

impl Computing {
    /// The devices, at least one, with gradients.
    pub(crate) fn open(&self) -> Result<Vec<Device>> {
        let found = device::open_all(self.device, &self.devices)?;
        Ok(found.into_iter().map(|one| one.device.autodiff()).collect())
    }
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let config: FlowTrainingConfig = read_training_config(&args.config)?;
    let devices = args.computing.open()?;
    match config.adapter().cloned() {
        Some(lora) => adapter::run(args, config, &lora, &devices),
        None => networks(args, config, &devices),
    }
}

/// The heads of a run's losses beside an exported model, for runs that go on from there.
const HEADS: &str = "heads.safetensors";

/// Trains whole networks.
fn networks(args: &Args, config: FlowTrainingConfig, devices: &[Device]) -> Result<Outcome> {
    let (device, others) = devices.split_first().context("no device")?;
    let (model, networks) = initialise(&config.model, config.run.seed, None, device)?;
    let data = TrainingData::open(&config.data, &config.run)?;
    note_validation(&data, &config.run);
    let classes = data.classes.len();
    let known = data.known(model.prompts);
    let model = ModelConfig {
        trained: true,
        sampling: config.sampling.unwrap_or(model.sampling),
        fast: None, // it was measured on other weights
        prompts: known,
        ..model
    };
    let task = FlowTrainTask::new(
        &config,
        model.clone(),
        networks.codec(),
        data.classes,
        data.validation,
        device,
    )?;
    let start = TrainableFlow::new(&config, &model, &networks, classes, device)?;
    let folder = config.run.folder.clone();
    if let Some(target) = &args.export {
        let newest = newest(&folder)?;
        let trained = newest.ema(start)?;
        let networks = trained.beside(networks.codec());
        let written = write(networks, &model, newest.step(), args.dtype, target)?;
        trained.save_heads(&target.join(HEADS))?;
        return Ok(written);
    }
    let target = place_of_model(&folder, &args.config, &config.model, &config.data)?;
    let mut frozen = BTreeMap::new();
    frozen.insert("autoencoder".into(), digest(&model.vae, networks.codec()));
    if !config.trains(Part::Encoder) {
        frozen.insert("encoder".into(), digest(&model.encoder, networks.encoder()));
    }
    Origin::hold(&folder, frozen, &config.data, told)?;
    interrupt::listen();
    let mut tasks: Vec<FlowTrainTask> = others.iter().map(|other| task.on(other)).collect();
    tasks.insert(0, task);
    let mut trainer = Trainer::data_parallel(tasks, start, data.mixer, config.run)?;
    let ending = watch(&mut trainer);
    if let Some(cache) = trainer.task().cache() {
        tell!("cache: {}", cache.report()?);
    }
    if ending? == StopReason::Stopped {
        return Ok(Outcome::Interrupted);
    }
    if target.exists() {
        std::fs::remove_dir_all(&target)?; // a model of training, as was checked before
    }
    let trained = trainer.ema().beside(networks.codec());
    write(trained, &model, trainer.step(), args.dtype, &target)
}

/// Says how much there is to learn from, and what of it is damaged.
pub(crate) fn told(source: &Path, survey: &Survey) {
    let (name, samples) = (source.display(), survey.samples);
    match survey.damage.samples {
        0 => tell!("{name}: {samples} samples"),
        damaged => tell!("{name}: {samples} samples, {damaged} of them damaged and left out"),
    }
    for name in &survey.damage.names {
        tell!("left out: {name}");
    }
}

/// How often progress is told.
const TELL: Duration = Duration::from_secs(10);

/// Trains until the end, or until someone asks to stop, and tells how it goes.
pub(crate) fn watch<L: TrainTask>(trainer: &mut Trainer<L>) -> Result<StopReason> {
    let steps = trainer.steps();
    if trainer.step() > 0 {
        tell!("resumed at step {} of {steps}", trainer.step());
    }
    let mut told = Instant::now();
    loop {
        if interrupt::asked() && trainer.is_between_steps() {
            trainer.checkpoint()?;
            return Ok(StopReason::Stopped);
        }
        match trainer.next().transpose()? {
            Some(TrainEvent::Step(entry)) => {
                if told.elapsed() >= TELL || entry.step == 1 {
                    tell!("{}", entry.line(steps));
                    told = Instant::now();
                }
            }
            Some(TrainEvent::Skipped { step }) => {
                tell!("step {step}: loss or gradient is not finite, skipped");
            }
            Some(TrainEvent::Validated(entry)) => tell!("validation {}", entry.line(steps)),
            Some(TrainEvent::Ended(reason)) => return Ok(reason),
            Some(_) => {}
            None => return Ok(StopReason::Complete),
        }
    }
}

/// The newest checkpoint of a run.
pub(crate) fn newest(folder: &Path) -> Result<RunCheckpoint> {
    let Some(newest) = newest_checkpoint(folder)? else {
        bail!("{} has no checkpoint yet", folder.display());
    };
    Ok(newest)
}

/// Says so if the model cannot be validated, though the run asks for it.
pub(crate) fn note_validation(data: &TrainingData, run: &RunConfig) {
    if data.validation.is_none() && run.validation.examples > 0 {
        tell!(
            "note: all data comes from files, so that no pairs are held out for validation; name some in run.validation.source"
        );
    }
}

/// Writes a trained model.
pub(crate) fn write(
    networks: Networks<'_>,
    model: &ModelConfig,
    steps: u64,
    dtype: Dtype,
    target: &Path,
) -> Result<Outcome> {
    assemble(networks, model, steps, dtype, target)?;
    out!("{}", target.display());
    Ok(Outcome::Done)
}
