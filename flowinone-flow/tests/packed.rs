//! A packed network: the same numbers in float32, near ones in fewer bits, no parameters left.
#![cfg(feature = "cpu")]

use std::collections::BTreeSet;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use flowinone_flow::{FlowConfig, FlowModel, FlowNetwork, Structure, default_init};
use flowinone_kernels::{DenseLayers, Dtype};
use flowinone_sampler::BranchedField;
use flowinone_weights::{Layout, ParamSpec, param_specs, randomize};

fn network(config: &FlowConfig) -> FlowNetwork {
    randomize(config.init(&Device::flex()), 7, default_init).unwrap()
}

/// Packed layer by layer while it is filled.
fn packed(config: &FlowConfig, precision: Dtype) -> FlowNetwork {
    let network = config.init(&Device::flex()).packed(precision);
    randomize(network, 7, default_init).unwrap()
}

/// Wider than mini, with more blocks: heads of 64 and rows of 256 and 512 numbers.
fn middle() -> FlowConfig {
    let mut config = FlowConfig::mini();
    let (low, high) = (&mut config.transformer, &mut config.convnext);
    (low.width, low.heads, low.mlp_width, low.blocks) = (256, 4, 512, 9);
    (high.width, high.mlp_width, high.blocks) = (128, 256, 5);
    config
}

/// Normal noise would do as well; waves need no generator.
fn waves<const D: usize>(shape: [usize; D], phase: f32) -> Tensor<D> {
    let count: usize = shape.iter().product();
    let value = |i| 1.3 * (i as f32 * 0.37 + phase).sin() + 0.4 * (i as f32 * 1.7).cos();
    let values: Vec<f32> = (0..count).map(value).collect();
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

/// Both branches of one velocity evaluation at t = 0.4, the first of two items with a structure.
fn velocities(model: &FlowNetwork, config: &FlowConfig) -> Tensor<4> {
    let shape = [
        2,
        config.latent_channels,
        config.latent_side,
        config.latent_side,
    ];
    let x = waves(shape, 0.0);
    let structure = Structure::new(waves(shape, 1.0)).masked(&[true, false]);
    let (conditional, unconditional) = model.field(Some(structure)).both(x, 0.4.into());
    Tensor::cat(vec![conditional, unconditional], 0)
}

fn sources(model: &FlowNetwork, config: &FlowConfig) -> Tensor<4> {
    let tokens = waves([1, config.source.tokens, config.source.token_width], 2.0);
    model.source(tokens).mean
}

/// `|a - b| / |b|` over all numbers.
fn apart(a: Tensor<4>, b: Tensor<4>) -> f32 {
    let norm = |x: Tensor<4>| x.square().sum().sqrt().into_scalar::<f32>();
    norm(a - b.clone()) / norm(b)
}

#[test]
fn fewer_bits_move_a_velocity_little() {
    // Rounding to bfloat16 moves a number by 2^-9 / sqrt(3) = 1.1e-3 of its size or so, in 8 bits
    // by 0.29 steps of 1 / 127 of the largest of its row, at three deviations 7e-3 of its own; a
    // sum of products with random signs moves by as much of itself, twice over, and what blocks add
    // gathers it. Measured: velocity 3.8e-3 and 1.6e-2, source 7.7e-3 (bfloat16 in both). The
    // bounds leave room for other processors, which do not round the inputs to bfloat16, and little
    // more.
    for (name, config) in [("mini", FlowConfig::mini()), ("middle", middle())] {
        let model = network(&config);
        let exact = velocities(&model, &config);
        let exact_source = sources(&model, &config);
        for (precision, tolerance, of_source) in [
            (Dtype::F32, 2e-6, 2e-6),
            (Dtype::Bf16, 7e-3, 1.5e-2),
            (Dtype::Int8, 2.5e-2, 1.5e-2),
        ] {
            let model = packed(&config, precision);
            let velocity = apart(velocities(&model, &config), exact.clone());
            let source = apart(sources(&model, &config), exact_source.clone());
            println!("{name}, {precision:?}: velocity {velocity:.1e}, source {source:.1e}");
            assert!(velocity < tolerance, "{name}, {precision:?}: {velocity}");
            assert!(source < of_source, "{name}, {precision:?}: {source}");
        }
    }
}

#[test]
fn packing_before_filling_and_after_is_the_same() {
    let config = FlowConfig::tiny();
    for precision in [Dtype::F32, Dtype::Bf16, Dtype::Int8] {
        let before = velocities(&packed(&config, precision), &config);
        let after = velocities(&network(&config).packed(precision), &config);
        assert_eq!(before.into_data(), after.into_data(), "{precision:?}");
    }
}

#[test]
fn a_packed_network_keeps_only_what_stays_float32() {
    let config = FlowConfig::tiny();
    let whole = param_specs(&network(&config));
    let left = param_specs(&packed(&config, Dtype::Int8));
    let is_weight = |path: &str| path.ends_with(".weight");
    let kept: Vec<&str> = left.iter().map(|param| param.path.as_str()).collect();
    for param in &whole {
        let matrix = param.shape.len() == 2 && is_weight(&param.path);
        assert_eq!(
            kept.contains(&param.path.as_str()),
            !matrix && !of_a_matrix(&whole, &param.path)
        );
    }
    // Marked layers keep their parameters until they are filled.
    let marked = config.init(&Device::flex()).packed(Dtype::Int8);
    assert_eq!(param_specs(&marked), whole);
    // With gradients asked for, nothing is packed.
    let training = config.init(&Device::flex().autodiff()).packed(Dtype::Int8);
    let training = randomize(training, 7, default_init).unwrap();
    assert_eq!(training.num_params(), network(&config).num_params());
}

/// Whether a bias belongs to a layer with a matrix of weights.
fn of_a_matrix(params: &[ParamSpec], path: &str) -> bool {
    path.strip_suffix(".bias").is_some_and(|layer| {
        let weight = format!("{layer}.weight");
        params
            .iter()
            .any(|param| param.path == weight && param.shape.len() == 2)
    })
}

#[test]
fn every_linear_layer_is_reached_by_its_path() {
    let mut network = FlowConfig::tiny().init(&Device::flex());
    let linear = |spec: ParamSpec| match spec.layout {
        Layout::Transposed => spec.path.strip_suffix(".weight").map(str::to_string),
        Layout::Same => None,
    };
    let specs = param_specs(&network).into_iter();
    let expected: BTreeSet<String> = specs.filter_map(linear).collect();
    let mut reached = BTreeSet::new();
    network.each_dense("", &mut |path, layer| {
        assert!(reached.insert(path.to_string()), "{path} twice");
        assert!(!layer.is_packed());
    });
    assert_eq!(reached, expected);
}
