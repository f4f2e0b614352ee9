//! One training step of an adapter beside the published velocity network: rank 16, all attention
//! layers, one picture with its structure; the loss of both stages, gradients of the factors,
//! clipping, AdamW. The start of the flow is given, as a frozen source encoder's is computed once.

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use flowinone_flow::{FlowConfig, Structure, Time};
use flowinone_kernels::Dtype;
use flowinone_lora::{Layers, Targets};
use flowinone_sampler::Branch;
use flowinone_train::{AdapterFactors, LoraConfig, Optimiser, OptimiserConfig, clip_grad_norm};
use flowinone_weights::randomize;

use crate::Computation;
use crate::inference::normal;

/// One step beside weights packed in `precision`.
pub(crate) fn step(precision: Dtype) -> Computation {
    let config = FlowConfig::flowinone_256();
    let lora = LoraConfig::default();
    let (plain, device) = (Device::flex(), Device::flex().autodiff());
    let layers = Layers::of(&config, &plain);
    let paths = layers.chosen(&Targets::default()).expect("attention");
    let sizes: Vec<_> = paths.iter().filter_map(|path| layers.sizes(path)).collect();
    let factors = AdapterFactors::new(&sizes, lora.rank, 1, &device);
    let mut factors = factors.expect("random factors");
    let network = config.init(&plain).packed(precision); // each layer as soon as it is filled
    let network = randomize(network, 1, flowinone_flow::default_init).expect("random weights");
    let network = network.train().no_grad();
    let [x0, x1, latent] = [1, 2, 3].map(|_| Tensor::<4>::from_inner(normal([1, 4, 32, 32])));
    let mut optimiser = Optimiser::new(&OptimiserConfig::default(), &factors);
    let mut learn = move || {
        let mut network = network.clone();
        factors.beside(&mut network, &paths, lora.scale());
        let structure = Structure::new(latent.clone());
        let structure = network.velocity.structure_tokens(&structure);
        let (t, flow) = (0.4, x1.clone() - x0.clone());
        let state = x0.clone() + flow.clone() * t;
        let branches = [Branch::Conditional];
        let found =
            network
                .velocity
                .stages(state, &Time::Shared(t), Some(&branches), structure.as_ref());
        let halves = flow
            .clone()
            .reshape([1, 4, 16, 2, 16, 2])
            .sum_dim(5)
            .sum_dim(3);
        let coarse = (found.coarse - halves.reshape([1, 4, 16, 16]) / 2.0).square();
        let loss = coarse.mean() * 0.25 + (found.fine - flow).square().mean();
        let gradients = GradientsParams::from_grads(loss.backward(), &factors);
        let (gradients, norm) = clip_grad_norm(&factors, gradients, Some(1.0));
        assert!(norm.is_finite(), "the gradient is not finite");
        factors = optimiser.step(1e-5, factors.clone(), gradients);
    };
    // On a thread that shares the work of the optimiser.
    Box::new(move || rayon::scope(|_| learn()))
}
