//! Whole guided Euler runs against the reference, states on the way and at the end, to 1e-4.
#![cfg(feature = "cpu")]

use burn::tensor::{Device, Tensor};
use flowinone_flow::{FlowConfig, FlowModel, FlowNetwork, Structure};
use flowinone_parity::{Folder, assert_close, folders};
use flowinone_sampler::{Grid, GuidanceRule, Guided, Solver, trajectory};
use flowinone_weights::{Checkpoint, LoadOptions};
use serde_json::Value;

/// Rounding adds up over the steps, and guidance widens it.
const TOLERANCE: f64 = 1e-4;

fn network(folder: &Folder, device: &Device) -> FlowNetwork {
    let config: FlowConfig = serde_json::from_value(folder.flow_config()).unwrap();
    let checkpoint = Checkpoint::open(folder.file("nnet.safetensors")).unwrap();
    let network = config.init(device);
    network.load(&checkpoint, &LoadOptions::default()).unwrap()
}

#[test]
fn guided_trajectories_match_the_reference() {
    let device = Device::flex();
    for folder in folders() {
        let model = network(&folder, &device);
        let tensors = folder.tensors("trajectory.safetensors");
        for case in folder.cases("trajectory")["cases"].as_array().unwrap() {
            let name = case["name"].as_str().unwrap();
            let skipped = case["use_cross_atten_mask"].as_array().unwrap();
            let followed: Vec<bool> = skipped.iter().map(|s| !s.as_bool().unwrap()).collect();
            let latent: Tensor<4> = tensors.tensor("image_latent", &device);
            let structure = Structure::new(latent).masked(&followed);
            let field = Guided {
                field: model.field(Some(structure)),
                guidance: GuidanceRule::Constant {
                    scale: case["scale"].as_f64().unwrap(),
                },
            };
            let steps = case["steps"].as_u64().unwrap() as usize;
            let after: Vec<Option<u64>> = match &case["after"] {
                Value::Array(list) => list.iter().map(Value::as_u64).collect(),
                _ => vec![],
            };
            let x0 = tensors.tensor("z_init", &device);
            let mut last = None;
            for state in trajectory(Solver::Euler, &field, x0, Grid::Reference, steps) {
                let state = state.unwrap();
                if after.contains(&Some(state.step as u64)) {
                    let label = format!("{name}.after{}", state.step);
                    let expected = tensors.tensor(&label, &device);
                    assert_close(&label, state.x.clone(), expected, TOLERANCE);
                }
                last = Some(state.x);
            }
            let label = format!("{name}.final");
            let expected = tensors.tensor(&label, &device);
            assert_close(&label, last.unwrap(), expected, TOLERANCE);
        }
    }
}
