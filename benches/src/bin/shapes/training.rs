//! One training step of the mini model: vision tower, source encoder and velocity network learn, the
//! autoencoder only encodes; 32 items, gradients limited, one step of AdamW. Data and averaged weights
//! are left out.

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use flowinone_encoder::{JanusEncoder, VisualEncoder};
use flowinone_flow::train::{Objective, TrainingBatch};
use flowinone_flow::{FlowNetwork, Structure};
use flowinone_tasks::ModelConfig;
use flowinone_train::{Optimiser, OptimiserConfig, Products, limited};
use flowinone_vae::LatentCodec;
use flowinone_weights::randomize;

use crate::Computation;
use crate::inference::normal;

const BATCH: usize = 32;

#[derive(Module, Debug)]
struct Model {
    encoder: JanusEncoder,
    network: FlowNetwork,
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

    let [vision, side] = [config.encoder.image_size, config.picture_side];
    let prompts = Tensor::from_inner(normal([BATCH, 3, vision, vision]));
    let [sources, targets] = [1, 2].map(|_| normal([BATCH, 3, side, side]));
    let latents = [
        BATCH,
        config.vae.latent_channels,
        config.flow.latent_side,
        config.flow.latent_side,
    ];
    let objective = Objective {
        contrastive_weight: None, // there is no teacher
        ..Objective::reference()
    };
    let spread = |index: usize| (index as f32 + 0.5) / BATCH as f32;
    let times: Vec<f32> = (0..BATCH).map(|index| 4.0 * spread(index) - 2.0).collect();
    let chances: Vec<f32> = (0..BATCH).map(spread).collect(); // the first three are null
    let noise = Tensor::from_inner(normal(latents));
    let draws = objective.draws(noise, &times, &chances);

    let settings = OptimiserConfig::default();
    let mut optimiser = Optimiser::new(&settings, &model);
    let mut learn = move || {
        let encoded =
            |pictures: &Tensor<4>| Tensor::from_inner(vae.encode(pictures.clone()).mode());
        let batch = TrainingBatch {
            tokens: model.encoder.encode(prompts.clone()),
            target: encoded(&targets),
            structure: Some(Structure::new(encoded(&sources))),
        };
        let found = objective.evaluate(&model.network, batch, draws.clone(), None);
        let loss = found.losses.total.mean();
        let value: f32 = loss.clone().into_scalar();
        assert!(value.is_finite(), "the loss is {value}");
        let gradients = GradientsParams::from_grads(loss.backward(), &model);
        let (gradients, _) = limited(&model, gradients, settings.clip);
        model = optimiser.step(1e-5, model.clone(), gradients);
    };
    // As in the trainer, on a thread that shares the work.
    Box::new(move || rayon::scope(|_| products.of(&mut learn)))
}
