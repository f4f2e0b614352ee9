//! `flowinone train-vae`: train the autoencoder of a model.

use std::path::PathBuf;

use anyhow::{Context, Result};
use burn::tensor::Device;
use flowinone_tasks::{Networks, WeightDtype, assemble};
use flowinone_train::{
    AutoencoderTrainTask, AutoencoderTrainingConfig, Half, Origin, StopReason, Trainer,
    TrainingData, digest, initialise, latent_deviation, place_of_model, read_training_config,
};

use crate::commands::train::{Computing, note_validation, told, watch};
use crate::{Outcome, interrupt};

/// Targets from which the scale of latents is measured.
const MEASURED: usize = 512;

/// Train the autoencoder of a model.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Description of the run (TOML); it resumes where it was stopped
    #[arg(long, value_name = "FILE.toml")]
    config: PathBuf,
    #[command(flatten)]
    computing: Computing,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let config: AutoencoderTrainingConfig = read_training_config(&args.config)?;
    let devices = args.computing.open()?;
    let (device, others) = devices.split_first().context("no device")?;
    let (mut model, networks) = initialise(&config.model, config.run.seed, device)?;
    let data = TrainingData::open(&config.data, &config.run)?;
    note_validation(&data, &config.run);
    let task = AutoencoderTrainTask {
        reconstruction: config.reconstruction,
        side: model.picture_side as u32,
        device: device.clone(),
        validation: data.validation,
        validation_examples: config.run.validation.examples,
    };
    let folder = config.run.folder.clone();
    let target = place_of_model(&folder, &args.config, &config.model, &config.data)?;
    let frozen = [
        ("encoder", digest(&model.encoder, networks.encoder())),
        ("flow", digest(&model.flow, networks.flow())),
    ];
    let frozen = frozen
        .map(|(name, digest)| (name.to_string(), digest))
        .into();
    Origin::hold(&folder, frozen, &config.data, told)?;
    interrupt::listen();
    let autoencoder = config.freeze(networks.codec().clone());
    let mut tasks: Vec<_> = others.iter().map(|other| task.on(other)).collect();
    tasks.insert(0, task);
    let run = config.run.clone();
    let mut trainer = Trainer::data_parallel(tasks, autoencoder, data.mixer, run)?;
    if watch(&mut trainer)? == StopReason::Stopped {
        return Ok(Outcome::Interrupted);
    }
    if config.trains(Half::Encoder) {
        model.trained = false; // The flow knows other latents.
        model.vae.scale = scale(&trainer, &config, model.picture_side as u32, device)?;
    }
    if target.exists() {
        std::fs::remove_dir_all(&target)?; // a model of training, as was checked before
    }
    let networks = Networks {
        encoder: networks.encoder(),
        vae: trainer.ema(),
        flow: networks.flow(),
    };
    assemble(networks, &model, trainer.step(), WeightDtype::F32, &target)?;
    out!("{}", target.display());
    Ok(Outcome::Done)
}

/// What brings the latents of the trained encoder to a standard deviation of 1.
fn scale(
    trainer: &Trainer<AutoencoderTrainTask>,
    config: &AutoencoderTrainingConfig,
    side: u32,
    device: &Device,
) -> Result<f64> {
    let mut targets = TrainingData::open(&config.data, &config.run)?.mixer;
    let device = device.clone().inner();
    let deviation = latent_deviation(trainer.ema(), &mut targets, side, MEASURED, &device)?;
    let scale = 1.0 / deviation;
    tell!("latents have a standard deviation of {deviation:.4}: scale {scale:.4}");
    Ok(scale)
}
