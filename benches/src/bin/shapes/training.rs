//! Training steps of the mini model, by the trainer's own code: 32 items, gradients clipped, one
//! step of AdamW; data and averaged weights are left out. The processor is named once for each
//! thread, so that every thread has an equal share of the batch.
//!
//! - [`step`]: vision tower, source encoder and velocity network learn, the autoencoder only
//!   encodes.
//! - [`autoencoder`]: the autoencoder learns, on crops of 32 x 32 pixels.

use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use flowinone_encoder::{JanusEncoder, VisualEncoder};
use flowinone_flow::train::{Objective, StepNoise, TrainingBatch};
use flowinone_flow::{FlowNetwork, Structure};
use flowinone_tasks::{Dtype, ModelConfig};
use flowinone_train::{
    AutoencoderTrainTask, BatchRng, Batcher, CheckpointConfig, DataParallelStep, Decay, Error,
    Losses, Optimiser, OptimiserConfig, Reconstruction, RunConfig, Schedule, TrainTask,
    ValidationConfig, clip_grad_norm, device_pools, multiplying_in,
};
use flowinone_vae::{Autoencoder, LatentCodec};
use flowinone_weights::{Init, randomize};
use image::{Rgb, RgbImage};

use crate::Computation;
use crate::inference::normal;

const BATCH: usize = 32;

/// The sizes that `torch_shapes.py` states, those of the first built-in model: prompts of 128 x 128
/// in 64 tokens, latents of 4 channels, and a source encoder that ends as the published one does.
fn stated() -> ModelConfig {
    let mut config = ModelConfig::mini();
    config.encoder.image_size = 128;
    config.encoder.stem.clear();
    (config.vae.latent_channels, config.flow.latent_channels) = (4, 4);
    config.encoder.layers = 6;
    config.flow.transformer.mlp_width = 320;
    (config.flow.convnext.mlp_width, config.flow.convnext.blocks) = (160, 3);
    let source = &mut config.flow.source;
    source.tokens = config.encoder.tokens();
    (source.layers, source.reductions) = (2, 3);
    (source.deviation, source.codebook) = (None, None);
    config
}

/// One step of the flow's networks.
pub(crate) fn step(precision: Dtype) -> Computation {
    let config = stated();
    let device = Device::flex().autodiff();
    let (encoder, network) = (config.encoder.init(&device), config.flow.init(&device));
    let model = Networks {
        encoder: randomize(encoder, 1, Init::by_fan_in).expect("random weights"),
        network: randomize(network, 1, flowinone_flow::default_init).expect("random weights"),
    };
    let vae = config.vae.init(&Device::flex());
    let vae = randomize(vae, 1, Init::by_fan_in).expect("random weights");
    let task = FlowStep {
        vae: vae.in_precision(precision),
        objective: Objective {
            contrastive_weight: None, // no CLIP features here
            ..Objective::reference()
        },
        device,
    };
    let [vision, side] = [config.encoder.image_size, config.picture_side];
    let latent = config.flow.latent_side;
    let objective = task.objective;
    let part = |first: usize, items: usize| {
        let latents = [items, config.vae.latent_channels, latent, latent];
        let spread = |index: usize| ((first + index) as f32 + 0.5) / BATCH as f32;
        let times: Vec<f32> = (0..items).map(|index| 4.0 * spread(index) - 2.0).collect();
        let uniforms: Vec<f32> = (0..items).map(spread).collect(); // the first three of all are null
        let [sources, targets] = [1, 2].map(|_| normal([items, 3, side, side]));
        FlowPart {
            prompts: Tensor::from_inner(normal([items, 3, vision, vision])),
            sources,
            targets,
            noise: objective.step_noise(Tensor::from_inner(normal(latents)), &times, &uniforms),
        }
    };
    steps(task, model, precision, part)
}

/// One step of the autoencoder.
pub(crate) fn autoencoder(precision: Dtype) -> Computation {
    let config = stated();
    let device = Device::flex().autodiff();
    let vae = randomize(config.vae.init(&device), 1, Init::by_fan_in);
    let task = AutoencoderTrainTask {
        reconstruction: Reconstruction {
            crop: Some(32),
            ..Reconstruction::default()
        },
        side: config.picture_side as u32,
        keeps_latents: false,
        flow: None,
        device,
        validation: None,
        validation_examples: 0,
    };
    let side = config.picture_side as u32;
    let part = |first: usize, items: usize| {
        let picture = |number: usize| {
            RgbImage::from_fn(side, side, |x, y| {
                Rgb([x, y, x ^ y].map(|value| (4 * value + number as u32) as u8))
            })
        };
        (first..first + items).map(picture).collect()
    };
    steps(task, vae.expect("random weights"), precision, part)
}

/// Steps of a task on the same batch again and again; `part(first, items)` makes `items` items of
/// it from item `first` on.
fn steps<L>(
    task: L,
    mut model: L::Model,
    precision: Dtype,
    part: impl Fn(usize, usize) -> L::Batch,
) -> Computation
where
    L: TrainTask + Clone + 'static,
    L::Batch: Clone,
{
    let threads = rayon::current_num_threads();
    let count = match BATCH.is_multiple_of(threads) {
        true => threads,
        false => 1,
    };
    let run = RunConfig {
        folder: PathBuf::new(),
        seed: 1,
        steps: 1,
        batch: BATCH,
        accumulate: 1,
        ema_decay: 0.0,
        schedule: Schedule {
            learning_rate: 1e-5,
            warm_up: 0,
            decay: Decay::Constant,
        },
        optimiser: OptimiserConfig::default(),
        matmul_precision: precision,
        checkpoints: CheckpointConfig::default(),
        validation: ValidationConfig::default(),
    };
    let items = BATCH / count;
    let parts: Vec<L::Batch> = (0..count)
        .map(|number| part(number * items, items))
        .collect();
    let mut tasks = vec![task; count];
    let pools = device_pools(count).expect("as many threads as there are");
    let mut optimiser = Optimiser::new(&run.optimiser, &model);
    let mut learn = move || {
        let mut sum = DataParallelStep::new(&mut tasks, &pools, &model, &run);
        sum.add(parts.clone(), &BatchRng::new(run.seed, 0));
        assert!(sum.finite(), "a loss is not finite");
        let gradients = sum.gradients(&model);
        let (gradients, _) = clip_grad_norm(&model, gradients, run.optimiser.clip);
        let rate = run.schedule.learning_rate;
        model = multiplying_in(precision, || optimiser.step(rate, model.clone(), gradients));
    };
    // On a thread that shares the work of the optimiser.
    Box::new(move || rayon::scope(|_| learn()))
}

/// The networks that are trained in a step of the flow.
#[derive(Module, Debug)]
struct Networks {
    encoder: JanusEncoder,
    network: FlowNetwork,
}

/// A step of the flow by the reference's objective alone.
#[derive(Clone)]
struct FlowStep {
    vae: Autoencoder,
    objective: Objective,
    device: Device,
}

/// Some items of its batch.
#[derive(Clone)]
struct FlowPart {
    prompts: Tensor<4>,
    sources: Tensor<4>,
    targets: Tensor<4>,
    noise: StepNoise,
}

impl TrainTask for FlowStep {
    type Model = Networks;
    type Batch = FlowPart;

    fn device(&self) -> Device {
        self.device.clone()
    }

    fn batcher(&self) -> Batcher<FlowPart> {
        Box::new(|_| Err(Error::Config("these batches come from no examples".into())))
    }

    fn train_step(&self, model: &Networks, part: FlowPart, _: &mut BatchRng) -> Losses {
        let encoded = |pictures: Tensor<4>| Tensor::from_inner(self.vae.encode(pictures).mode());
        let source = model
            .network
            .source
            .forward(model.encoder.encode(part.prompts));
        let batch = TrainingBatch {
            target: encoded(part.targets),
            structure: Some(Structure::new(encoded(part.sources))),
        };
        let found = self
            .objective
            .evaluate(&model.network, source, batch, part.noise, None);
        Losses {
            total: found.losses.total.mean(),
            parts: vec![],
        }
    }

    fn validate(&self, _: &Networks, _: u64, _: &Path) -> Result<Vec<(String, f64)>, Error> {
        Ok(vec![])
    }
}
