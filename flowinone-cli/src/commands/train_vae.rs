//! `flowinone train-vae`: train the autoencoder of a model.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use burn::tensor::Device;
use flowinone_tasks::{Dtype, Networks};
use flowinone_train::{
    AutoencoderTrainTask, AutoencoderTrainingConfig, FlowMade, Origin, StopReason, Trainer,
    TrainingData, digest, initialise, latent_deviation, place_of_model, read_training_config,
};

use crate::commands::train::{Computing, newest, note_validation, told, watch, write};
use crate::{Outcome, interrupt};

/// Targets from which the scale of latents is measured.
const MEASURED: usize = 512;

/// Train the autoencoder of a model.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Description of the run (TOML); it resumes where it was stopped
    #[arg(long, value_name = "FILE.toml")]
    config: PathBuf,
    /// Only write the newest checkpoint's averaged weights as a model directory, and train nothing;
    /// for runs that leave the encoder as it is
    #[arg(long, value_name = "DIR")]
    export: Option<PathBuf>,
    /// Element type of the weights in the model directory: f32, f16 or bf16
    #[arg(long, value_name = "TYPE", default_value_t = Dtype::F32)]
    dtype: Dtype,
    #[command(flatten)]
    computing: Computing,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let config: AutoencoderTrainingConfig = read_training_config(&args.config)?;
    let devices = args.computing.open()?;
    let (device, others) = devices.split_first().context("no device")?;
    let (model, networks) = initialise(&config.model, config.run.seed, None, device)?;
    if let Some(extension) = &config.extend {
        for part in extension.new_parts(&model) {
            tell!("the model has no {part} of these sizes: they begin anew, all else goes on");
        }
    }
    let (mut model, autoencoder) = config.begin(model, networks.codec().clone())?;
    let folder = config.run.folder.clone();
    if let Some(target) = &args.export {
        if !config.keeps_latents() {
            bail!("a run that trains the encoder measures latents at its end; let it end first");
        }
        let newest = newest(&folder)?;
        let trained = Networks {
            encoder: networks.encoder(),
            vae: &newest.ema(autoencoder)?,
            flow: networks.flow(),
        };
        return write(trained, &model, newest.step(), args.dtype, target);
    }
    let data = TrainingData::open(&config.data, &config.run)?;
    note_validation(&data, &config.run);
    let task = AutoencoderTrainTask {
        reconstruction: config.reconstruction,
        side: config.side(&model),
        keeps_latents: config.keeps_latents(),
        flow: (config.reconstruction.flow_made > 0.0).then(|| {
            let plain = device.clone().inner();
            FlowMade::new(&networks, &autoencoder, &model, &plain)
        }),
        device: device.clone(),
        validation: data.validation,
        validation_examples: config.run.validation.examples,
    };
    let target = place_of_model(&folder, &args.config, &config.model, &config.data)?;
    let encoder = digest(&model.encoder, networks.encoder());
    let flow = digest(&model.flow, networks.flow());
    let frozen = [("encoder".into(), encoder), ("flow".into(), flow)].into();
    Origin::hold(&folder, frozen, &config.data, told)?;
    interrupt::listen();
    let mut tasks: Vec<_> = others.iter().map(|other| task.on(other)).collect();
    tasks.insert(0, task);
    let run = config.run.clone();
    let mut trainer = Trainer::data_parallel(tasks, autoencoder, data.mixer, run)?;
    if watch(&mut trainer)? == StopReason::Stopped {
        return Ok(Outcome::Interrupted);
    }
    if !config.keeps_latents() {
        model.trained = false; // The flow knows other latents.
        model.vae.scale = scale(&trainer, &config, model.picture_side as u32, device)?;
    }
    if target.exists() {
        std::fs::remove_dir_all(&target)?; // a model of training, as was checked before
    }
    let trained = Networks {
        encoder: networks.encoder(),
        vae: trainer.ema(),
        flow: networks.flow(),
    };
    write(trained, &model, trainer.step(), args.dtype, &target)
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
