//! `flowinone train-upscale`: train a small upscaling network.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use burn::module::Module;
use flowinone_files::{keep_apart, writable};
use flowinone_tasks::{Dtype, ModelDirectory};
use flowinone_train::{
    FlowMade, Kind, Origin, StopReason, Trainer, TrainingData, UpscaleTrainTask,
    UpscaleTrainingConfig, digest, read_training_config,
};
use flowinone_upscale::{Compact, Network, Upscaler};

use crate::commands::train::{Computing, newest, note_validation, told, watch};
use crate::{Outcome, interrupt};

/// The model that a run writes at its end.
const MODEL: &str = "upscale.safetensors";

/// Train a small upscaling network on procedural scenes, and on what a model makes of them.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Description of the run (TOML); it resumes where it was stopped
    #[arg(long, value_name = "FILE.toml")]
    config: PathBuf,
    /// Only write the newest checkpoint's averaged weights as a model file, and train nothing
    #[arg(long, value_name = "FILE.safetensors")]
    export: Option<PathBuf>,
    /// Write the weights in f16 instead of f32
    #[arg(long)]
    half: bool,
    #[command(flatten)]
    computing: Computing,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let config: UpscaleTrainingConfig = read_training_config(&args.config)?;
    let devices = args.computing.open()?;
    let (device, others) = devices.split_first().context("no device")?;
    let network = config.network.config();
    let folder = config.run.folder.clone();
    if let Some(target) = &args.export {
        let newest = newest(&folder)?;
        return write(&newest.ema(network.init(device))?, target, args.half);
    }
    let compact = match &config.init_from {
        None => flowinone_upscale::initialised(&network, config.run.seed, device)?,
        Some(path) => {
            let upscaler = Upscaler::open(path, device, Dtype::F32)?;
            match upscaler.network() {
                Network::Compact(found, compact) if *found == network => compact.clone(),
                other => bail!(
                    "init_from: {} is {}, not of the sizes in [network]",
                    path.display(),
                    other.config()
                ),
            }
        }
    };
    let target = folder.join(MODEL);
    let mut reads = vec![args.config.clone()];
    reads.extend(config.init_from.iter().cloned());
    for source in &config.data {
        if let Kind::Procedural(pairs) = &source.kind {
            reads.extend(pairs.icons.iter().cloned());
        }
    }
    keep_apart(reads.iter().map(PathBuf::as_path), [target.as_path()])?;
    writable(&target)?;
    let data = TrainingData::open(&config.data, &config.run)?;
    note_validation(&data, &config.run);
    let mut frozen = vec![];
    let (autoencoder, flow) = match &config.objective.model {
        None if config.objective.flow_made > 0.0 => {
            bail!("objective.flow_made needs the model that makes the pictures, objective.model")
        }
        None => (None, None),
        Some(model) => {
            let directory = ModelDirectory::named(model)?;
            let small = config.objective.side as usize / network.scale;
            if directory.config().picture_side != small {
                bail!(
                    "objective.model: {} makes pictures of {} pixels, and the small pictures here have {small}",
                    model.display(),
                    directory.config().picture_side
                );
            }
            let networks = directory.load(device, Dtype::F32)?;
            let (autoencoder, model) = (networks.codec(), directory.config());
            frozen.push(("vae".to_string(), digest(&model.vae, autoencoder)));
            let flow = (config.objective.flow_made > 0.0).then(|| {
                frozen.push(("encoder".into(), digest(&model.encoder, networks.encoder())));
                frozen.push(("flow".into(), digest(&model.flow, networks.flow())));
                let plain = device.clone().inner();
                FlowMade::new(&networks, autoencoder, model, &plain)
            });
            (Some(autoencoder.valid()), flow)
        }
    };
    Origin::hold(&folder, frozen.into_iter().collect(), &config.data, told)?;
    let task = UpscaleTrainTask {
        objective: config.objective.clone(),
        scale: network.scale,
        autoencoder,
        flow,
        device: device.clone(),
        validation: data.validation,
        validation_examples: config.run.validation.examples,
    };
    interrupt::listen();
    let mut tasks: Vec<_> = others.iter().map(|other| task.on(other)).collect();
    tasks.insert(0, task);
    let mut trainer = Trainer::data_parallel(tasks, compact, data.mixer, config.run.clone())?;
    if watch(&mut trainer)? == StopReason::Stopped {
        return Ok(Outcome::Interrupted);
    }
    write(trainer.ema(), &target, args.half)
}

fn write(network: &Compact, target: &Path, half: bool) -> Result<Outcome> {
    network.save(target, half)?;
    out!("{}", target.display());
    Ok(Outcome::Done)
}
