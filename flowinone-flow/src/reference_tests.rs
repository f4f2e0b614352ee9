//! Intermediate results of the networks against the reference, layer by layer, to 1e-5.

use burn::tensor::{Device, Tensor};
use flowinone_parity::{Folder, Tensors, assert_close, folders};
use flowinone_sampler::Branch;
use flowinone_weights::{Checkpoint, LoadOptions};

use crate::skips::run_blocks;
use crate::structure::{Structure, StructureTokens};
use crate::time::{Taus, Time};
use crate::{FlowConfig, FlowNetwork};

const TOLERANCE: f64 = 1e-5;

fn network(folder: &Folder, device: &Device) -> FlowNetwork {
    let config: FlowConfig = serde_json::from_value(folder.flow_config()).unwrap();
    let checkpoint = Checkpoint::open(folder.file("nnet.safetensors")).unwrap();
    let network = config.init(device);
    network.load(&checkpoint, &LoadOptions::default()).unwrap()
}

/// The first item of a stored batch.
fn first(tensors: &Tensors, name: &str, device: &Device) -> Tensor<4> {
    tensors.tensor::<4>(name, device).narrow(0, 0, 1)
}

/// Compares tokens `[1, n, width]` with a stored tensor of tokens or of a map with channels last.
fn check(tensors: &Tensors, name: &str, actual: Tensor<3>) {
    let device = actual.device();
    let stored = format!("inside.{name}");
    let shape = tensors.shape(&stored);
    let (tokens, width) = (
        shape[1..shape.len() - 1].iter().product(),
        shape[shape.len() - 1],
    );
    let values = tensors.floats(&stored);
    let expected = flowinone_parity::tensor(values, [shape[0], tokens, width], &device);
    assert_close(&stored, actual, expected, TOLERANCE);
}

/// What the stored intermediates were computed from.
struct Scene {
    network: FlowNetwork,
    tensors: Tensors,
    x: Tensor<4>,
    structure: StructureTokens,
    taus: Taus,
}

fn scene(folder: &Folder) -> Scene {
    let device = Device::flex();
    let network = network(folder, &device);
    let tensors = folder.tensors("velocity.safetensors");
    let structure = Structure::new(first(&tensors, "image_latent", &device));
    Scene {
        structure: network.velocity.structure_tokens(&structure).unwrap(),
        x: first(&tensors, "x", &device),
        taus: Time::Shared(0.3).taus(None, 1, &device),
        network,
        tensors,
    }
}

#[test]
fn the_transformer_stage_matches_the_reference_inside() {
    for folder in folders() {
        let scene = scene(&folder);
        let (stage, tau) = (&scene.network.velocity.transformer, &scene.taus.r);
        let check = |name: &str, actual| check(&scene.tensors, name, actual);
        let device = scene.x.device();

        let x = stage.input.forward(scene.x.clone());
        check("s0.input", x.clone());
        let latent = first(&scene.tensors, "image_latent", &device);
        let structure_input = stage.structure_input.as_ref().unwrap();
        check("s0.image_latent", structure_input.forward(latent));

        let token = stage.indicator.tokens(&[Branch::Conditional], x.dims()[2]);
        let structure = scene.structure.with_indicator(token.clone());
        let x = Tensor::cat(vec![token, x], 1);
        let block = &stage.blocks[0];
        check(
            "s0.block0.norm",
            block.attention.norm.forward(x.clone(), tau),
        );
        let attended = block.attention.forward(x.clone(), tau);
        check("s0.block0.self_attn", attended.clone());
        let path = block.structure.as_ref().unwrap();
        let (crossed, gate) = path.attended_and_gate(x.clone() + attended, &structure, tau);
        check("s0.block0.cross.output", crossed);
        check("s0.block0.cross.weights", gate);
        check("s0.block0", block.forward(x.clone(), Some(&structure), tau));

        let half = stage.skip_denses.len();
        let mut outputs = vec![];
        let run = |_, block: &crate::transformer::TransformerBlock, x| {
            block.forward(x, Some(&structure), tau)
        };
        let last = run_blocks(&stage.blocks, &stage.skip_denses, x, run, |x| {
            outputs.push(x.clone());
        });
        check("s0.block_last", last);
        let both = vec![outputs[half].clone(), outputs[half - 1].clone()];
        check(
            "s0.skip_dense0",
            stage.skip_denses[0].forward(Tensor::cat(both, 2)),
        );
    }
}

#[test]
fn the_convnext_stage_matches_the_reference_inside() {
    for folder in folders() {
        let scene = scene(&folder);
        let (velocity, tau) = (&scene.network.velocity, &scene.taus.r);
        let check = |name: &str, actual| check(&scene.tensors, name, actual);
        let stage = &velocity.convnext;

        let branches = [Branch::Conditional];
        let x = scene.x.clone();
        let structure = Some(&scene.structure);
        let states =
            velocity
                .transformer
                .states(x.clone(), &scene.taus, Some(&branches), structure);
        let input = stage.input.forward(x);
        check("s1.input", input.clone());
        let all = Tensor::cat(states.of_latent(), 2);
        check(
            "s1.upsample_ln",
            stage.upsample.states_norm.forward(all, tau),
        );
        let upsampled = stage.upsample.forward(states, tau);
        check("s1.upsample", upsampled.clone());

        let x = input + upsampled;
        let block = &stage.blocks[0];
        check("s1.block0.conv", block.mixed(x.clone()));
        check("s1.block0", block.forward(x.clone(), tau));
        let half = stage.skip_denses.len();
        let mut outputs = vec![];
        let run = |_, block: &crate::convnext::ConvNextBlock, x| block.forward(x, tau);
        let last = run_blocks(&stage.blocks, &stage.skip_denses, x, run, |x| {
            outputs.push(x.clone());
        });
        check("s1.block_last", last.clone());
        check("s1.out_ln", stage.output.norm.forward(last, tau));
        let both = vec![outputs[half].clone(), outputs[half - 1].clone()];
        check(
            "s1.skip_dense0",
            stage.skip_denses[0].forward(Tensor::cat(both, 2)),
        );
    }
}

#[test]
fn the_source_encoder_matches_the_reference_inside() {
    for folder in folders() {
        let device = Device::flex();
        let encoder = network(&folder, &device).source;
        let tensors = folder.tensors("context.safetensors");
        let check = |name: &str, actual| {
            assert_close(name, actual, tensors.tensor::<3>(name, &device), TOLERANCE);
        };
        let compressed = encoder.compressed(tensors.tensor("cond", &device));
        check("compressed", compressed.clone());
        let context = &encoder.context_encoder;
        let first = context.layers[0].forward(compressed);
        check("layer0", first.clone());
        let mut x = context.layers[1..]
            .iter()
            .fold(first, |x, layer| layer.forward(x));
        for (level, layer) in context.reduction_layers.iter().enumerate() {
            x = layer.forward(x);
            let name = format!("reduction{level}");
            if tensors.contains(&name) {
                check(&name, x.clone());
            }
        }
    }
}
