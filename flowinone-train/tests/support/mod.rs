//! Small runs: networks of a few thousand weights on pictures of 32 pixels, and a task that is a
//! single linear layer.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use burn::nn::{Linear, LinearConfig};
use burn::optim::OptimizerRecord;
use burn::tensor::{Device, Tensor, TensorData};
use flowinone_data::{
    Example, FolderWriter, Icons, Mixer, PairConfig, PairSampler, Sample, Source, StreamConfig,
};
use flowinone_tasks::{Dtype, ModelConfig, Networks, assemble, untrained};
use flowinone_train::{
    AutoencoderTrainTask, AutoencoderTrainingConfig, BatchRng, Batcher, Error, FlowMade,
    FlowTrainTask, FlowTrainingConfig, LogEntry, Losses, RunConfig, StopReason, TrainTask,
    TrainableFlow, Trainer, TrainingData, initialise, newest_checkpoint, read_metric_log,
    read_training_config,
};

/// A folder of its own for the files of a test.
pub(crate) struct Bench(tempfile::TempDir);

impl Bench {
    pub(crate) fn new() -> Self {
        let bench = Self(tempfile::tempdir().unwrap());
        let model = serde_json::to_string(&small()).unwrap();
        std::fs::write(bench.path("model.json"), model).unwrap();
        bench
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a description of a run into the folder `run`; `FOLDER` in it stands for the bench's.
    pub(crate) fn describe(&self, run: &str, text: &str) -> PathBuf {
        let folder = self.0.path().display().to_string();
        let path = self.path(&format!("{run}.toml"));
        let text = text.replace("RUN", &format!("{folder}/{run}"));
        std::fs::write(&path, text.replace("FOLDER", &folder)).unwrap();
        path
    }

    /// What a run has left: losses, weights, their average, and the optimiser's moments.
    pub(crate) fn left(&self, run: &str) -> Left {
        let folder = self.path(run);
        let checkpoint = newest_checkpoint(&folder).unwrap().expect("a checkpoint");
        let read = |name: &str| std::fs::read(checkpoint.path().join(name)).unwrap();
        // Saved in no particular order, loaded by name.
        let moments = OptimizerRecord::load(checkpoint.path().join("moments.bpk")).unwrap();
        Left {
            losses: losses(&folder),
            weights: read("weights.safetensors"),
            average: read("average.safetensors"),
            parameters: moments.len(),
            moments: moments.into_bytes().unwrap().to_vec(),
        }
    }
}

#[derive(Debug, PartialEq)]
pub(crate) struct Left {
    pub(crate) losses: Vec<(u64, Vec<(String, u64)>)>,
    pub(crate) weights: Vec<u8>,
    pub(crate) average: Vec<u8>,
    /// Tensors of moments.
    pub(crate) parameters: usize,
    pub(crate) moments: Vec<u8>,
}

/// The numbers of a journal that do not depend on the clock, as bits.
pub(crate) fn losses(folder: &Path) -> Vec<(u64, Vec<(String, u64)>)> {
    let entries = read_metric_log(&folder.join("journal.jsonl")).unwrap();
    let timeless =
        |(name, _): &(String, f64)| name != "samples_per_second" && name != "peak_memory_mib";
    let bits = |entry: LogEntry| {
        let numbers = entry.numbers.into_iter().filter(timeless);
        (entry.step, numbers.map(|(n, v)| (n, v.to_bits())).collect())
    };
    entries.into_iter().map(bits).collect()
}

/// The smallest model of every part.
pub(crate) fn small() -> ModelConfig {
    let mut model = ModelConfig::tiny();
    model.picture_side = 32;
    model.vae.multipliers = vec![1, 1, 2];
    model.flow.latent_side = 8;
    model.flow.transformer.side = 4;
    model.flow.convnext.side = 8;
    model.sampling.steps = 2;
    model
}

/// The part of a description that every run has; six steps, a checkpoint at the end alone.
pub(crate) const RUN: &str = r#"
[model]
config = "FOLDER/model.json"
[run]
folder = "RUN"
seed = 3
steps = 6
batch = 2
ema_decay = 0.99
[run.schedule]
learning_rate = 1e-3
warm_up = 2
decay = { cosine = 0.1 }
[run.checkpoints]
seconds = 100000
[run.validation]
steps = 4
examples = 1
"#;

/// Pairs made on the fly.
pub(crate) const PAIRS: &str = r#"
[[data]]
[data.procedural.pairs]
seed = 1
side = 48
tasks = ["class-to-image", "text-in-image"]
classes = "everyday"
styles = []
split = "train"
holdout = {}
"#;

/// The pairs of the folder `pairs`.
pub(crate) const FILES: &str = "[[data]]\nfiles = \"FOLDER/pairs\"\n";

/// Writes `count` pairs into the folder `pairs`.
pub(crate) fn write_pairs(bench: &Bench, count: u64) {
    let config = PairConfig {
        side: 48,
        ..PairConfig::new(2)
    };
    let sampler = PairSampler::new(Icons::builtin().into(), config).unwrap();
    let writer = FolderWriter::create(bench.path("pairs")).unwrap();
    for index in 0..count {
        let sample = Sample::encode(index.to_string(), &sampler.pair(index).unwrap());
        writer.write(&sample.unwrap()).unwrap();
    }
}

pub(crate) fn device() -> Device {
    Device::flex().autodiff()
}

/// The flow of a description.
pub(crate) fn flow(file: &Path) -> (FlowTrainTask, TrainableFlow, Mixer, RunConfig) {
    let config: FlowTrainingConfig = read_training_config(file).unwrap();
    let (model, networks) = initialise(&config.model, config.run.seed, None, &device()).unwrap();
    let data = TrainingData::open(&config.data, &config.run).unwrap();
    let classes = data.classes.len();
    let start = TrainableFlow::new(&config, &model, &networks, classes, &device());
    let task = FlowTrainTask::new(
        &config,
        model,
        networks.codec(),
        data.classes,
        data.validation,
        &device(),
    )
    .unwrap();
    (task, start.unwrap(), data.mixer, config.run)
}

/// Runs a flow to its end, or stops it after `stop` steps.
pub(crate) fn train_flow(file: &Path, stop: Option<u64>) -> StopReason {
    let (task, model, mixer, run) = flow(file);
    train(task, model, mixer, run, stop).unwrap()
}

/// The same for an autoencoder.
pub(crate) fn train_autoencoder(file: &Path, stop: Option<u64>) -> StopReason {
    let config: AutoencoderTrainingConfig = read_training_config(file).unwrap();
    let (model, networks) = initialise(&config.model, config.run.seed, None, &device()).unwrap();
    let data = TrainingData::open(&config.data, &config.run).unwrap();
    let (model, autoencoder) = config.begin(model, networks.codec().clone()).unwrap();
    let flow = (config.reconstruction.flow_made > 0.0)
        .then(|| FlowMade::new(&networks, &autoencoder, &model, &device().inner()));
    let task = AutoencoderTrainTask {
        reconstruction: config.reconstruction,
        side: config.side(&model),
        keeps_latents: config.keeps_latents(),
        flow,
        device: device(),
        validation: data.validation,
        validation_examples: 2,
    };
    train(task, autoencoder, data.mixer, config.run, stop).unwrap()
}

/// Runs any task; `stop` sets the flag while that step computes.
pub(crate) fn train<L: TrainTask>(
    task: L,
    model: L::Model,
    mixer: Mixer,
    run: RunConfig,
    stop: Option<u64>,
) -> Result<StopReason, Error> {
    let flag = Arc::new(AtomicBool::new(false));
    let stopping = Stopping {
        inner: task,
        left: AtomicU64::new(stop.unwrap_or(u64::MAX)),
        flag: flag.clone(),
    };
    Trainer::new(stopping, model, mixer, run)?.run(&flag)
}

/// A task whose run is stopped after some batches.
struct Stopping<L> {
    inner: L,
    left: AtomicU64,
    flag: Arc<AtomicBool>,
}

impl<L: TrainTask> TrainTask for Stopping<L> {
    type Model = L::Model;
    type Batch = L::Batch;

    fn device(&self) -> Device {
        self.inner.device()
    }

    fn batcher(&self) -> Batcher<L::Batch> {
        self.inner.batcher()
    }

    fn train_step(&self, model: &L::Model, batch: L::Batch, rng: &mut BatchRng) -> Losses {
        if self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.flag.store(true, Ordering::Relaxed);
        }
        self.inner.train_step(model, batch, rng)
    }

    fn validate(
        &self,
        model: &L::Model,
        step: u64,
        folder: &Path,
    ) -> Result<Vec<(String, f64)>, Error> {
        self.inner.validate(model, step, folder)
    }
}

/// What is wrong with a batch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Poison {
    None,
    Loss,
    Gradient,
}

/// A task of a single layer: the mean colour of a target from that of its prompt.
pub(crate) struct Line {
    pub(crate) device: Device,
    batches: AtomicU64,
    poison: fn(u64) -> Poison,
}

impl Line {
    pub(crate) fn new() -> Self {
        Self::poisoned(|_| Poison::None)
    }

    /// `poison` says what is wrong with which batch, counted from 0 in this process.
    pub(crate) fn poisoned(poison: fn(u64) -> Poison) -> Self {
        Self {
            device: device(),
            batches: AtomicU64::new(0),
            poison,
        }
    }

    /// A layer to begin with, always the same.
    pub(crate) fn layer() -> Linear {
        let mut layer = LinearConfig::new(3, 3).init(&device());
        layer.bias = layer
            .bias
            .map(|bias| bias.map(|b| b.zeros_like().detach().require_grad()));
        let weights: Vec<f32> = (0..9).map(|k| (k as f32 * 0.7).sin()).collect();
        layer.weight = layer.weight.map(|w| {
            Tensor::from_data(TensorData::new(weights, [3, 3]), &w.device()).require_grad()
        });
        layer
    }

    /// Pairs for it.
    pub(crate) fn mixer(batch: usize) -> Mixer {
        let config = PairConfig {
            side: 32,
            ..PairConfig::new(5)
        };
        let sampler = PairSampler::new(Icons::builtin().into(), config).unwrap();
        let source = Source::procedural(sampler, StreamConfig::new(0));
        Mixer::new(vec![(source, 1)], batch, 0).unwrap()
    }
}

/// Mean colours of prompts and targets.
pub(crate) type Colours = Vec<[[f32; 3]; 2]>;

fn colour(picture: &image::RgbImage) -> [f32; 3] {
    let mut sums = [0.0; 3];
    for pixel in picture.pixels() {
        for (sum, value) in sums.iter_mut().zip(pixel.0) {
            *sum += f32::from(value) / 255.0 / (picture.len() / 3) as f32;
        }
    }
    sums
}

impl TrainTask for Line {
    type Model = Linear;
    type Batch = Colours;

    fn device(&self) -> Device {
        self.device.clone()
    }

    fn batcher(&self) -> Batcher<Colours> {
        Box::new(|examples| {
            let colours = |e: &Example| [colour(&e.input), colour(&e.output)];
            Ok(examples.iter().map(colours).collect())
        })
    }

    fn train_step(&self, model: &Linear, batch: Colours, rng: &mut BatchRng) -> Losses {
        let noise: Tensor<2> = rng.noise([batch.len(), 3], &self.device);
        let side = |at: usize| {
            let values: Vec<f32> = batch.iter().flat_map(|pair| pair[at]).collect();
            let data = TensorData::new(values, [batch.len(), 3]);
            Tensor::<2>::from_data(data, &self.device)
        };
        let noisy = side(0) + noise.mul_scalar(0.01);
        let error = (model.forward(noisy) - side(1)).square().mean();
        let total = match (self.poison)(self.batches.fetch_add(1, Ordering::Relaxed)) {
            Poison::None => error.clone(),
            Poison::Loss => error.clone().mul_scalar(f64::NAN),
            // Zero, with an infinite slope.
            Poison::Gradient => error.clone() + error.clone().mul_scalar(0.0).sqrt(),
        };
        Losses {
            total,
            parts: vec![("error", error)],
        }
    }

    fn validate(&self, _: &Linear, _: u64, _: &Path) -> Result<Vec<(String, f64)>, Error> {
        Ok(vec![])
    }
}

/// A bench with pairs and a model directory `model`.
pub(crate) fn bench_with_model() -> Bench {
    let bench = Bench::new();
    write_pairs(&bench, 6);
    let networks = untrained(&small(), 5, &Device::flex(), Dtype::F32).unwrap();
    let parts = Networks {
        encoder: networks.encoder(),
        vae: networks.codec(),
        flow: networks.flow(),
    };
    assemble(parts, &small(), 0, Dtype::F32, &bench.path("model")).unwrap();
    bench
}
