//! The training objective against the reference, with stored randomness: states, velocities and
//! losses to 1e-5, gradients to 1e-4.
#![cfg(all(feature = "cpu", feature = "train"))]

use std::cell::Cell;
use std::collections::BTreeMap;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use flowinone_flow::train::condition_dropout;
use flowinone_flow::train::{
    ClipFeatures, ContrastiveLoss, Evaluation, Objective, StepNoise, TrainingBatch,
};
use flowinone_flow::{FlowConfig, FlowNetwork, Structure, map_key};
use flowinone_parity::{Folder, Tensors, assert_close, folders, relative_error};
use flowinone_weights::{Checkpoint, Key, LoadOptions};
use serde_json::Value;

const TOLERANCE: f64 = 1e-5;
/// Gradients are sums over hundreds of tokens of either sign.
const GRADIENT_TOLERANCE: f64 = 1e-4;

/// What is left of a gradient that is zero, as a share of all gradients' length.
const ROUNDING: f64 = 1e-7;

/// The published name of the contrastive loss' one parameter.
const LOGIT_SCALE: &str = "open_clip.logit_scale";

struct Case<'a> {
    name: &'a str,
    description: &'a Value,
    network: FlowNetwork,
    contrast: ContrastiveLoss,
    evaluation: Evaluation,
}

impl<'a> Case<'a> {
    /// The objective of one case of the fixture.
    fn new(folder: &Folder, tensors: &Tensors, description: &'a Value, device: &Device) -> Self {
        let config: FlowConfig = serde_json::from_value(folder.flow_config()).unwrap();
        let checkpoint = Checkpoint::open(folder.file("nnet.safetensors")).unwrap();
        let network = config.init(device);
        let network = network.load(&checkpoint, &LoadOptions::default()).unwrap();
        let mut contrast = ContrastiveLoss::new(device);
        let scale = description["logit_scale"].as_f64().unwrap() as f32;
        contrast.logit_scale = Param::from_tensor(Tensor::from_floats([scale], device));

        let objective = Objective::reference();
        let target: Tensor<4> = tensors.tensor("x_start", device);
        let noise = tensors.tensor::<2>("eps", device).reshape(target.dims());
        let uniforms = numbers(&description["random_draws"]);
        let noise = StepNoise {
            noise,
            times: tensors.floats("t"),
            nulls: condition_dropout(&uniforms, objective.condition_dropout),
        };
        let batch = TrainingBatch {
            target,
            structure: Some(structure(description, tensors, device)),
        };
        let clip = ClipFeatures {
            contrast: &contrast,
            features: tensors.tensor("image_features", device),
        };
        let source = network.source.forward(tensors.tensor("cond", device));
        let evaluation = objective.evaluate(&network, source, batch, noise, Some(clip));
        Self {
            name: description["name"].as_str().unwrap(),
            description,
            network,
            contrast,
            evaluation,
        }
    }

    /// Every gradient of the mean loss under its parameter's module path; none for those that
    /// the loss does not depend on.
    fn gradients(&self) -> BTreeMap<String, Option<TensorData>> {
        let gradients = self.evaluation.losses.total.clone().mean().backward();
        let mut found = Found::new(&gradients);
        self.network.visit(&mut found);
        found.path.clear();
        self.contrast.visit(&mut found);
        found.values
    }
}

/// All cases of all folders.
fn each_case(check: impl Fn(&Case, &Tensors, &Device)) {
    let device = Device::flex().autodiff();
    for folder in folders() {
        let tensors = folder.tensors("training.safetensors");
        let cases = folder.cases("training")["cases"].as_array().unwrap();
        assert!(!cases.is_empty());
        for description in cases {
            let case = Case::new(&folder, &tensors, description, &device);
            check(&case, &tensors, &device);
        }
    }
}

#[test]
fn states_velocities_and_losses_match_the_reference() {
    each_case(|case, tensors, device| {
        let at = |what: &str| format!("{}.{what}", case.name);
        let Evaluation {
            losses,
            target,
            state,
            velocities,
            ..
        } = case.evaluation.clone();
        for (what, got) in [
            ("x_start_after", target),
            ("x_noisy", state),
            ("pred0", velocities.coarse),
            ("pred1", velocities.fine),
        ] {
            let expected = tensors.tensor(&at(what), device);
            assert_close(&at(what), got, expected, TOLERANCE);
        }
        for (what, got) in [
            ("loss_diff", losses.flow),
            ("kld_loss", losses.kl),
            ("clip_loss", losses.contrastive.unwrap()),
            ("loss", losses.total.clone()),
        ] {
            let expected = tensors.tensor(&at(what), device);
            assert_close(&at(what), got, expected, TOLERANCE);
        }
        let mean = f64::from(losses.total.mean().into_scalar::<f32>());
        let expected = case.description["mean_loss"].as_f64().unwrap();
        assert!((mean / expected - 1.0).abs() < TOLERANCE, "{mean}");
    });
}

#[test]
fn null_items_are_those_of_the_reference() {
    for folder in folders() {
        for case in folder.cases("training")["cases"].as_array().unwrap() {
            let nulls = condition_dropout(&numbers(&case["random_draws"]), 0.1);
            assert_eq!(
                Some(nulls),
                flags(&case["null_indicator"]),
                "{}",
                case["name"]
            );
        }
    }
}

#[test]
fn stored_gradients_match_the_reference() {
    let compared = Cell::new(0);
    each_case(|case, tensors, device| {
        let prefix = format!("{}.grad.", case.name);
        let names: Vec<String> = tensors.names();
        let names: Vec<&str> = names
            .iter()
            .filter_map(|name| name.strip_prefix(&prefix))
            .collect();
        if names.is_empty() {
            return;
        }
        let gradients = case.gradients();
        for name in names {
            let expected = tensors.floats(&format!("{prefix}{name}"));
            let got = gradients[&path(name)].clone().expect(name);
            let shape = tensors.shape(&format!("{prefix}{name}"));
            let got = published_layout(got, &shape, device);
            let error = relative_error(&got, &expected);
            println!("parity {prefix}{name} {error:.1e}");
            assert!(error <= GRADIENT_TOLERANCE, "{prefix}{name}: {error:.1e}");
            compared.set(compared.get() + 1);
        }
    });
    assert!(compared.get() >= 11, "{} gradients", compared.get());
}

#[test]
fn every_gradient_has_the_length_of_the_reference_and_none_is_lost() {
    each_case(|case, _, _| {
        let lengths = case.description["grad_l2"].as_object().unwrap();
        let mut gradients = case.gradients();
        let whole = lengths
            .values()
            .map(|length| length.as_f64().unwrap().powi(2));
        let whole = whole.sum::<f64>().sqrt();
        let mut largest = (0.0, "");
        for (name, expected) in lengths {
            let expected = expected.as_f64().unwrap();
            let gradient = gradients.remove(&path(name)).expect(name).expect(name);
            let length = length(&gradient);
            if name.ends_with(".W_K.bias") {
                // A number added to all of a query's scores cancels: nothing but rounding.
                assert!(expected.max(length) < ROUNDING * whole, "{name}: {length}");
                continue;
            }
            let error = match length == expected {
                true => 0.0, // both 0: no item was null
                false => (length - expected).abs() / expected,
            };
            if error > largest.0 {
                largest = (error, name.as_str());
            }
            assert!(
                error <= GRADIENT_TOLERANCE,
                "{}: gradient of {name} has length {length}, not {expected}",
                case.name
            );
        }
        println!(
            "parity {}.grad_l2 {:.1e} ({})",
            case.name, largest.0, largest.1
        );
        // What is left has no gradient in the reference, and none but zeros here.
        for (path, gradient) in gradients {
            let length = gradient.as_ref().map_or(0.0, length);
            assert!(length == 0.0, "{}: {path} has a gradient", case.name);
        }
    });
}

/// The structure of a case: the reference's mask says who skips; no mask, that none does.
fn structure(case: &Value, tensors: &Tensors, device: &Device) -> Structure {
    let structure = Structure::new(tensors.tensor("image_latent", device));
    match flags(&case["use_cross_atten_mask"]) {
        Some(skipped) => {
            let followed: Vec<bool> = skipped.iter().map(|skip| !skip).collect();
            structure.masked(&followed)
        }
        None => structure,
    }
}

fn flags(value: &Value) -> Option<Vec<bool>> {
    let list = value.as_array()?;
    Some(list.iter().map(|flag| flag.as_bool().unwrap()).collect())
}

fn numbers(value: &Value) -> Vec<f32> {
    let list = value.as_array().unwrap();
    list.iter().map(|n| n.as_f64().unwrap() as f32).collect()
}

/// Where a published name's gradient is found.
fn path(name: &str) -> String {
    match map_key(name) {
        Key::Parameter(path) => path,
        _ if name == LOGIT_SCALE => "logit_scale".to_owned(),
        _ => panic!("{name} has no place"),
    }
}

/// Row-major values in the published shape: linear weights are transposed there.
fn published_layout(data: TensorData, shape: &[usize], device: &Device) -> Vec<f32> {
    let [outputs, inputs] = shape[..] else {
        return data.try_to_vec().unwrap();
    };
    let tensor = Tensor::<2>::from_data(data, device);
    assert_eq!(tensor.dims(), [inputs, outputs]);
    tensor.transpose().into_data().try_to_vec().unwrap()
}

fn length(gradient: &TensorData) -> f64 {
    let values: Vec<f32> = gradient.clone().try_to_vec().unwrap();
    values
        .iter()
        .map(|&g| f64::from(g) * f64::from(g))
        .sum::<f64>()
        .sqrt()
}

/// Collects gradients by module path.
struct Found<'a> {
    gradients: &'a Gradients,
    path: Vec<String>,
    values: BTreeMap<String, Option<TensorData>>,
}

impl<'a> Found<'a> {
    fn new(gradients: &'a Gradients) -> Self {
        Self {
            gradients,
            path: Vec::new(),
            values: BTreeMap::new(),
        }
    }
}

impl ModuleVisitor for Found<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let gradient = param.val().grad(self.gradients).map(Tensor::into_data);
        self.values.insert(self.path.join("."), gradient);
    }
}
