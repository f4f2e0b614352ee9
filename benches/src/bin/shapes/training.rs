//! One training step of the mini model: vision tower, source encoder and velocity network learn, the
//! autoencoder only encodes; 32 items, gradients limited, one step of AdamW. Data and averaged weights
//! are left out. As the trainer does it with the processor named once for each thread: every thread has an
//! equal share of the batch.

use std::thread;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use flowinone_encoder::{JanusEncoder, VisualEncoder};
use flowinone_flow::train::{Draws, Objective, TrainingBatch};
use flowinone_flow::{FlowNetwork, Structure};
use flowinone_tasks::ModelConfig;
use flowinone_train::{Optimiser, OptimiserConfig, Products, gathered, limited};
use flowinone_vae::{Autoencoder, LatentCodec};
use flowinone_weights::randomize;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::Computation;
use crate::inference::normal;

const BATCH: usize = 32;

#[derive(Module, Debug)]
struct Model {
    encoder: JanusEncoder,
    network: FlowNetwork,
}

/// Some items of the batch, and the threads that carry them.
struct Share {
    pool: ThreadPool,
    vae: Autoencoder,
    prompts: Tensor<4>,
    sources: Tensor<4>,
    targets: Tensor<4>,
    draws: Draws,
}

impl Share {
    /// The gradients of `weight` times the mean loss of its items.
    fn gradients(&self, model: &Model, objective: &Objective, weight: f64) -> GradientsParams {
        let encoded = |pictures: &Tensor<4>| {
            let posterior = self.vae.encode(pictures.clone());
            Tensor::from_inner(posterior.mode())
        };
        let batch = TrainingBatch {
            tokens: model.encoder.encode(self.prompts.clone()),
            target: encoded(&self.targets),
            structure: Some(Structure::new(encoded(&self.sources))),
        };
        let found = objective.evaluate(&model.network, batch, self.draws.clone(), None);
        let loss = found.losses.total.mean().mul_scalar(weight);
        let value: f32 = loss.clone().into_scalar();
        assert!(value.is_finite(), "the loss is {value}");
        GradientsParams::from_grads(loss.backward(), model)
    }
}

pub(crate) fn step(products: Products) -> Computation {
    let config = ModelConfig::mini();
    let device = Device::flex().autodiff();
    let (encoder, network) = (config.encoder.init(&device), config.flow.init(&device));
    let mut model = Model {
        encoder: randomize(encoder, 1, flowinone_encoder::random).expect("random weights"),
        network: randomize(network, 1, flowinone_flow::random).expect("random weights"),
    };
    let vae = config.vae.init(&Device::flex());
    let vae = randomize(vae, 1, flowinone_vae::random)
        .expect("random weights")
        .in_precision(products.precision());
    let objective = Objective {
        contrastive_weight: None, // there is no teacher
        ..Objective::reference()
    };

    let threads = rayon::current_num_threads();
    let count = match BATCH.is_multiple_of(threads) {
        true => threads,
        false => 1,
    };
    let items = BATCH / count;
    let [vision, side] = [config.encoder.image_size, config.picture_side];
    let latent = config.flow.latent_side;
    let latents = [items, config.vae.latent_channels, latent, latent];
    let share = |number: usize| {
        let spread = |index: usize| ((number * items + index) as f32 + 0.5) / BATCH as f32;
        let times: Vec<f32> = (0..items).map(|index| 4.0 * spread(index) - 2.0).collect();
        let chances: Vec<f32> = (0..items).map(spread).collect(); // the first three of all are null
        let [sources, targets] = [1, 2].map(|_| normal([items, 3, side, side]));
        let pool = ThreadPoolBuilder::new().num_threads(threads / count);
        Share {
            pool: pool.build().expect("as many threads as there are"),
            vae: vae.clone(),
            prompts: Tensor::from_inner(normal([items, 3, vision, vision])),
            sources,
            targets,
            draws: objective.draws(Tensor::from_inner(normal(latents)), &times, &chances),
        }
    };
    let shares: Vec<Share> = (0..count).map(share).collect();

    let settings = OptimiserConfig::default();
    let mut optimiser = Optimiser::new(&settings, &model);
    let mut learn = move || {
        let weight = 1.0 / count as f64;
        let objective = &objective;
        let parts = thread::scope(|scope| {
            let begin = |share| {
                let share: &Share = share;
                let model = model.clone().fork(&device);
                let work = move || products.of(|| share.gradients(&model, objective, weight));
                scope.spawn(move || share.pool.install(work))
            };
            let threads: Vec<_> = shares.iter().map(begin).collect();
            let joined = threads.into_iter().map(|thread| thread.join());
            joined
                .map(|part| (part.expect("no share panics"), device.clone().inner()))
                .collect()
        });
        let gradients = gathered(&model, parts);
        let (gradients, _) = limited(&model, gradients, settings.clip);
        model = products.of(|| optimiser.step(1e-5, model.clone(), gradients));
    };
    // On a thread that shares the work of the optimiser.
    Box::new(move || rayon::scope(|_| learn()))
}
