//! A run of `flowinone train` whose `train` is `{ lora = .. }`.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use burn::tensor::Device;
use flowinone_files::sha256_of;
use flowinone_lora::Adapter;
use flowinone_tasks::{ModelConfig, ModelDirectory};
use flowinone_train::{
    AdapterFactors, FlowTrainTask, FlowTrainingConfig, LoraConfig, LoraTrainTask, ModelSource,
    Origin, StopReason, Trainer, TrainingData, initialise, place_of_adapter,
};

use super::{Args, newest, note_validation, told, watch};
use crate::{Outcome, interrupt};

pub(super) fn run(
    args: &Args,
    config: FlowTrainingConfig,
    lora: &LoraConfig,
    devices: &[Device],
) -> Result<Outcome> {
    let (device, others) = devices.split_first().context("no device")?;
    let (model, networks) = initialise(&config.model, config.run.seed, Some(lora.base), device)?;
    let data = TrainingData::open(&config.data, &config.run)?;
    note_validation(&data, &config.run);
    let model = ModelConfig {
        sampling: config.sampling.unwrap_or(model.sampling),
        ..model
    };
    let flow = FlowTrainTask::new(
        &config,
        model.clone(),
        networks.codec(),
        data.classes,
        data.validation,
        device,
    )?;
    let task = LoraTrainTask::new(flow, lora, &model, &networks)?;
    drop(networks); // what the task needs of them it has
    let start = task.factors(lora.rank, config.run.seed)?;
    let base = match &config.model {
        ModelSource::Directory(path) => Some(ModelDirectory::named(path)?.base_digest()),
        ModelSource::Preset(_) | ModelSource::Config(_) => None,
    };
    let paths = task.paths().to_vec();
    let scale = lora.scale();
    let write = |factors: &AdapterFactors, target: &Path| -> Result<Outcome> {
        let adapter = Adapter::write(target, factors.adapter(&paths, scale), base.clone())?;
        tell!("{adapter}");
        out!("{}", target.display());
        Ok(Outcome::Done)
    };
    let folder = config.run.folder.clone();
    if let Some(target) = &args.export {
        let newest = newest(&folder)?;
        return write(&newest.ema(start)?, target);
    }
    let target = place_of_adapter(&folder, &args.config, &config.data)?;
    let described = serde_json::to_vec(lora)?;
    let mut frozen = BTreeMap::from([("adapter".into(), sha256_of(&described))]);
    frozen.extend(base.clone().map(|digest| ("model".into(), digest)));
    Origin::hold(&folder, frozen, &config.data, told)?;
    tell!(
        "adapter of {} layers, rank {}, beside weights in {}",
        paths.len(),
        lora.rank,
        lora.base
    );
    interrupt::listen();
    let mut tasks: Vec<LoraTrainTask> = others.iter().map(|other| task.on(other)).collect();
    tasks.insert(0, task);
    let mut trainer = Trainer::data_parallel(tasks, start, data.mixer, config.run)?;
    if watch(&mut trainer)? == StopReason::Stopped {
        return Ok(Outcome::Interrupted);
    }
    write(trainer.ema(), &target)
}
