//! Outputs of both networks against the reference, in float32: single evaluations to 1e-5.
#![cfg(feature = "cpu")]

use burn::tensor::{Device, Tensor};
use flowinone_flow::{FlowConfig, FlowModel, FlowNetwork, Structure, Time};
use flowinone_kernels::Dtype;
use flowinone_parity::{Folder, assert_close, folders};
use flowinone_sampler::{Branch, BranchedField, GuidanceRule, Guided, VelocityField};
use flowinone_weights::{Checkpoint, LoadOptions};
use serde_json::Value;

const TOLERANCE: f64 = 1e-5;

fn network(folder: &Folder, file: &str, device: &Device) -> FlowNetwork {
    let config: FlowConfig = serde_json::from_value(folder.flow_config()).unwrap();
    let checkpoint = Checkpoint::open(folder.file(file)).unwrap();
    let network = config.init(device);
    network.load(&checkpoint, &LoadOptions::default()).unwrap()
}

/// The same with its weights packed in float32 as they were read.
fn packed(folder: &Folder, file: &str, device: &Device) -> FlowNetwork {
    let config: FlowConfig = serde_json::from_value(folder.flow_config()).unwrap();
    let checkpoint = Checkpoint::open(folder.file(file)).unwrap();
    let network = config.init(device).packed(Dtype::F32);
    network.load(&checkpoint, &LoadOptions::default()).unwrap()
}

type Load = fn(&Folder, &str, &Device) -> FlowNetwork;

/// Every folder of numbers, for a network with parameters and for a packed one.
fn folders_and_kinds() -> impl Iterator<Item = (Folder, Load)> {
    [network as Load, packed]
        .into_iter()
        .flat_map(|load| folders().into_iter().map(move |folder| (folder, load)))
}

/// A list of flags, or `None` where the reference was given none.
fn flags(value: &Value) -> Option<Vec<bool>> {
    let list = value.as_array()?;
    Some(list.iter().map(|flag| flag.as_bool().unwrap()).collect())
}

fn branch(null: bool) -> Branch {
    if null {
        Branch::Unconditional
    } else {
        Branch::Conditional
    }
}

/// The structure of a case; the reference's mask says who skips.
fn structure(case: &Value, latent: Tensor<4>) -> Option<Structure> {
    let structure = case["image_latent"]
        .as_bool()?
        .then(|| Structure::new(latent))?;
    Some(match flags(&case["use_cross_atten_mask"]) {
        Some(skipped) => {
            let followed: Vec<bool> = skipped.iter().map(|skip| !skip).collect();
            structure.masked(&followed)
        }
        None => structure,
    })
}

fn time(case: &Value, device: &Device) -> Time {
    match case["t"].as_f64() {
        Some(t) => Time::Shared(t),
        None => {
            let times = case["t"].as_array().unwrap();
            let times: Vec<f32> = times.iter().map(|t| t.as_f64().unwrap() as f32).collect();
            Time::PerItem(Tensor::from_floats(times.as_slice(), device))
        }
    }
}

#[test]
fn velocities_of_both_stages_match_the_reference() {
    let device = Device::flex();
    for (folder, load) in folders_and_kinds() {
        let velocity = load(&folder, "nnet.safetensors", &device).velocity;
        let tensors = folder.tensors("velocity.safetensors");
        let cases = folder.cases("velocity")["cases"].as_array().unwrap();
        for case in cases {
            let name = case["name"].as_str().unwrap();
            let branches = flags(&case["null_indicator"]);
            let branches: Option<Vec<Branch>> =
                branches.map(|nulls| nulls.into_iter().map(branch).collect());
            let structure = structure(case, tensors.tensor("image_latent", &device));
            let structure = structure.and_then(|s| velocity.structure_tokens(&s));
            let x: Tensor<4> = tensors.tensor("x", &device);
            let time = time(case, &device);
            let got = velocity.stages(x.clone(), &time, branches.as_deref(), structure.as_ref());
            for (stage, got) in [("stage0", got.coarse), ("stage1", got.fine.clone())] {
                let label = format!("{name}.{stage}");
                assert_close(&label, got, tensors.tensor(&label, &device), TOLERANCE);
            }
            let fine = velocity.forward(x, &time, branches.as_deref(), structure.as_ref());
            assert_eq!(
                fine.into_data(),
                got.fine.into_data(),
                "{name}: the last stage alone"
            );
        }
    }
}

#[test]
fn guided_velocities_match_the_reference() {
    let device = Device::flex();
    for (folder, load) in folders_and_kinds() {
        let model = load(&folder, "nnet.safetensors", &device);
        let tensors = folder.tensors("velocity.safetensors");
        let x: Tensor<4> = tensors.tensor("x", &device);
        let all = Structure::new(tensors.tensor("image_latent", &device));
        let mixed = all.clone().masked(&[false, true, true]);
        for (label, structure) in [("cfg7_t0.3", all), ("cfg7_t0.3_mixcross", mixed)] {
            let guided = Guided {
                field: model.field(Some(structure)),
                guidance: GuidanceRule::Constant { scale: 7.0 },
            };
            let got = guided.velocity(x.clone(), 0.3.into());
            // Guidance takes 7 times the difference of two velocities: so does the rounding.
            assert_close(label, got, tensors.tensor(label, &device), 2.0 * TOLERANCE);
        }
    }
}

#[test]
fn sources_match_the_reference() {
    let device = Device::flex();
    for (folder, load) in folders_and_kinds() {
        let model = load(&folder, "nnet.safetensors", &device);
        let tensors = folder.tensors("context.safetensors");
        let source = model.source(tensors.tensor("cond", &device));
        let shape = source.mean.dims();
        let expected = |name: &str| tensors.tensor::<2>(name, &device).reshape(shape);
        assert_close("mu", source.mean.clone(), expected("mu"), TOLERANCE);
        assert_close(
            "log_var",
            source.log_var.clone(),
            expected("log_var"),
            TOLERANCE,
        );
        assert_close(
            "z",
            source.sample(expected("eps")),
            expected("z"),
            TOLERANCE,
        );
    }
}

#[test]
fn both_checkpoint_formats_give_identical_numbers() {
    let device = Device::flex();
    for folder in &folders() {
        if !folder.has("nnet.pth") {
            println!("{} has no nnet.pth: not compared", folder.path().display());
            continue;
        }
        let tensors = folder.tensors("velocity.safetensors");
        let context = folder.tensors("context.safetensors");
        let [first, second] = ["nnet.safetensors", "nnet.pth"].map(|file| {
            let model = network(folder, file, &device);
            let structure = Structure::new(tensors.tensor("image_latent", &device));
            let field = model.field(Some(structure));
            let velocity = field.branch(
                tensors.tensor("x", &device),
                0.3.into(),
                Branch::Conditional,
            );
            let source = model.source(context.tensor("cond", &device));
            (
                velocity.into_data(),
                source.mean.into_data(),
                source.log_var.into_data(),
            )
        });
        assert!(first == second, "{}: the formats differ", folder.name());
    }
}
