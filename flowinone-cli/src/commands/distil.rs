//! `flowinone distil`: teach a model, or an adapter beside it, to make its pictures in few steps.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use burn::tensor::Device;
use flowinone_data::Mixer;
use flowinone_files::sha256_of;
use flowinone_lora::Adapter;
use flowinone_tasks::{Dtype, ModelDirectory, Networks};
use flowinone_train::{
    AdapterDistillationTask, AdapterFactors, DistillationConfig, DistillationTask, LoraConfig,
    ModelSource, NetworkDistillationTask, Origin, StopReason, Teacher, Trainer, TrainingData,
    digest, initialise, place_of_adapter, place_of_model, read_training_config,
};

use crate::commands::train::{Computing, newest, note_validation, told, watch, write};
use crate::{Outcome, interrupt};

/// Teach a model, or an adapter beside it, to make its pictures in few steps.
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

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let config: DistillationConfig = read_training_config(&args.config)?;
    let devices = args.computing.open()?;
    let device = devices.first().context("no device")?;
    let lora = config.adapter().cloned();
    let packing = lora.as_ref().map(|lora| lora.base);
    let (model, networks) = initialise(&config.model, config.run.seed, packing, device)?;
    let data = TrainingData::open(&config.data, &config.run)?;
    note_validation(&data, &config.run);
    let known = match &config.model {
        ModelSource::Directory(path) => ModelDirectory::named(path)?.base_digest(),
        ModelSource::Preset(_) | ModelSource::Config(_) => {
            let encoder = digest(&model.encoder, networks.encoder());
            let vae = digest(&model.vae, networks.codec());
            let flow = digest(&model.flow, networks.flow());
            sha256_of(format!("{encoder} {vae} {flow}").as_bytes())
        }
    };
    let teacher = Teacher::new(&config.teacher, &model, &networks, known, device)?;
    tell!("teacher: {} ({})", model.name, teacher.settings());
    let task = DistillationTask::new(&config, teacher, data.validation, device)?;
    let student = task.model()?;
    tell!("student: {}", student.sampling);
    let run = Run {
        args,
        mixer: data.mixer,
        folder: config.run.folder.clone(),
        config,
    };
    match lora {
        Some(lora) => run.adapter(task, &lora, &devices[1..]),
        None => run.network(task, &devices[1..]),
    }
}

/// A run that is about to begin.
struct Run<'a> {
    args: &'a Args,
    config: DistillationConfig,
    mixer: Mixer,
    folder: PathBuf,
}

impl Run<'_> {
    /// Trains all of the velocity network.
    fn network(self, task: DistillationTask, others: &[Device]) -> Result<Outcome> {
        let model = task.model()?;
        let task = NetworkDistillationTask(task);
        let start = task.network();
        let networks = task.0.teacher().networks().clone();
        let dtype = self.args.dtype;
        let write = |velocity, steps: u64, target: &Path| {
            let mut flow = networks.flow().clone();
            flow.velocity = velocity;
            let networks = Networks {
                encoder: networks.encoder(),
                vae: networks.codec(),
                flow: &flow,
            };
            write(networks, &model, steps, dtype, target)
        };
        if let Some(target) = &self.args.export {
            let newest = newest(&self.folder)?;
            return write(newest.ema(start)?, newest.step(), target);
        }
        let DistillationConfig { model, data, .. } = &self.config;
        let target = place_of_model(&self.folder, &self.args.config, model, data)?;
        self.hold(&task.0, None)?;
        interrupt::listen();
        let mut tasks: Vec<_> = others.iter().map(|other| task.on(other)).collect();
        tasks.insert(0, task);
        let mut trainer = Trainer::data_parallel(tasks, start, self.mixer, self.config.run)?;
        let ending = watch(&mut trainer);
        told_cache(&trainer.task().0)?;
        if ending? == StopReason::Stopped {
            return Ok(Outcome::Interrupted);
        }
        if target.exists() {
            std::fs::remove_dir_all(&target)?; // a model of training, as was checked before
        }
        write(trainer.ema().clone(), trainer.step(), &target)
    }

    /// Trains an adapter.
    fn adapter(
        self,
        task: DistillationTask,
        lora: &LoraConfig,
        others: &[Device],
    ) -> Result<Outcome> {
        let base = task.teacher().digest().to_string();
        let student = serde_json::to_value(task.student())?;
        let task = AdapterDistillationTask::new(task, lora)?;
        let start = task.factors(lora.rank, self.config.run.seed)?;
        let (paths, scale) = (task.paths().to_vec(), lora.scale());
        let write = |factors: &AdapterFactors, target: &Path| -> Result<Outcome> {
            let layers = factors.adapter(&paths, scale);
            let adapter = Adapter::write_student(target, layers, base.clone(), student.clone())?;
            tell!("{adapter}");
            out!("{}", target.display());
            Ok(Outcome::Done)
        };
        if let Some(target) = &self.args.export {
            return write(&newest(&self.folder)?.ema(start)?, target);
        }
        let target = place_of_adapter(&self.folder, &self.args.config, &self.config.data)?;
        self.hold(task.distillation(), Some(lora))?;
        tell!(
            "adapter of {} layers, rank {}, beside weights in {}",
            paths.len(),
            lora.rank,
            lora.base
        );
        interrupt::listen();
        let mut tasks: Vec<_> = others.iter().map(|other| task.on(other)).collect();
        tasks.insert(0, task);
        let mut trainer = Trainer::data_parallel(tasks, start, self.mixer, self.config.run)?;
        let ending = watch(&mut trainer);
        told_cache(trainer.task().distillation())?;
        if ending? == StopReason::Stopped {
            return Ok(Outcome::Interrupted);
        }
        write(trainer.ema(), &target)
    }

    /// Makes sure that the run goes on with the teacher, the student and the files that it began
    /// with.
    fn hold(&self, task: &DistillationTask, lora: Option<&LoraConfig>) -> Result<()> {
        let student = serde_json::to_vec(&(task.student(), lora))?;
        let frozen = BTreeMap::from([
            ("teacher".into(), task.teacher().path_digest()),
            ("student".into(), sha256_of(&student)),
        ]);
        Origin::hold(&self.folder, frozen, &self.config.data, told)?;
        Ok(())
    }
}

/// Says what the cache of paths holds, if there is one.
fn told_cache(task: &DistillationTask) -> Result<()> {
    if let Some(cache) = task.cache() {
        tell!("cache: {}", cache.report()?);
    }
    Ok(())
}
