//! Adapters: they begin at the model, leave it as it is, and do beside its weights what they do in
//! them.
#![cfg(feature = "cpu")]

#[allow(dead_code, reason = "the support is shared with other tests")]
mod support;

use std::path::Path;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use flowinone_flow::{FlowNetwork, Time};
use flowinone_lora::{Adapter, Choice, Layers};
use flowinone_sampler::Branch;
use flowinone_tasks::{Dtype, ModelDirectory};
use flowinone_train::{
    AdapterFactors, FlowTrainTask, FlowTrainingConfig, LoraTrainTask, StopReason, TrainTask,
    TrainingData, initialise, newest_checkpoint, read_training_config,
};
use flowinone_weights::Checkpoint;
use support::{
    Bench, FILES, RUN, bench_with_model as bench, device, losses, small, train, train_flow,
};

fn describe(bench: &Bench, run: &str, trained: &str) -> std::path::PathBuf {
    let run_table = RUN
        .replace(
            "config = \"FOLDER/model.json\"",
            "directory = \"FOLDER/model\"",
        )
        .replace("examples = 1", "examples = 0");
    bench.describe(run, &format!("train = {trained}\n{run_table}{FILES}"))
}

struct Run {
    task: LoraTrainTask,
    factors: AdapterFactors,
    config: FlowTrainingConfig,
}

fn opened(file: &Path) -> Run {
    let config: FlowTrainingConfig = read_training_config(file).unwrap();
    let lora = config.adapter().unwrap();
    let (model, networks) =
        initialise(&config.model, config.run.seed, Some(lora.base), &device()).unwrap();
    let codec = networks.codec();
    let flow = FlowTrainTask::new(&config, model.clone(), codec, vec![], None, &device()).unwrap();
    let task = LoraTrainTask::new(flow, lora, &model, &networks).unwrap();
    let factors = task.factors(lora.rank, config.run.seed).unwrap();
    Run {
        task,
        factors,
        config,
    }
}

/// Runs it to its end, or stops it after `stop` steps.
fn train_adapter(file: &Path, stop: Option<u64>) -> StopReason {
    let Run {
        task,
        factors,
        config,
    } = opened(file);
    let data = TrainingData::open(&config.data, &config.run).unwrap();
    train(task, factors, data.mixer, config.run, stop).unwrap()
}

fn velocities(network: &FlowNetwork) -> Tensor<4> {
    let values: Vec<f32> = (0..2 * 4 * 64).map(|k| (k as f32 * 0.37).sin()).collect();
    let x = Tensor::<1>::from_floats(values.as_slice(), &Device::flex()).reshape([2, 4, 8, 8]);
    let branches = [Branch::Conditional; 2];
    network
        .velocity
        .forward(x, &Time::Shared(0.3), Some(&branches), None)
}

#[test]
fn a_run_begins_at_the_model_and_its_checkpoints_hold_the_factors_alone() {
    let bench = bench();
    let whole = describe(&bench, "whole", r#"["velocity"]"#);
    train_flow(&whole, Some(1));
    let loss = |run: &str| {
        let losses = losses(&bench.path(run));
        let found = losses[0].1.iter().find(|(name, _)| name == "loss");
        f64::from_bits(found.unwrap().1)
    };
    for (base, tolerance) in [("f32", 1e-5), ("bf16", 0.02), ("int8", 0.02)] {
        let lora = format!(r#"{{ lora = {{ rank = 2, alpha = 4, base = "{base}" }} }}"#);
        let file = describe(&bench, base, &lora);
        assert_eq!(train_adapter(&file, None), StopReason::Complete);
        let (begun, expected) = (loss(base), loss("whole"));
        assert!(
            (begun - expected).abs() < tolerance * expected,
            "{base}: {begun} for {expected}"
        );
        let newest = newest_checkpoint(&bench.path(base)).unwrap().unwrap();
        let weights = Checkpoint::open(newest.path().join("weights.safetensors")).unwrap();
        let names: Vec<&str> = weights.entries().map(|entry| entry.name()).collect();
        let ours = |name: &&str| name.ends_with(".down") || name.ends_with(".up");
        assert!(!names.is_empty() && names.iter().all(ours), "{names:?}");
        let Run { task, factors, .. } = opened(&file);
        let trained = newest.weights(factors.clone()).unwrap();
        let moved = |factors: &AdapterFactors| -> f32 {
            let up = factors.layers[0].up.val();
            up.abs().max().into_scalar()
        };
        assert_eq!(moved(&factors), 0.0, "up begins at zero");
        assert!(moved(&trained) > 1e-5, "{base}: the factors learn");
        assert_eq!(task.paths().len(), trained.layers.len());
    }
}

#[test]
fn an_adapter_does_beside_the_weights_what_it_does_in_them() {
    let bench = bench();
    let names = r#"{ lora = { rank = 3, targets = "all" } }"#;
    let file = describe(&bench, "run", names);
    train_adapter(&file, None);
    let Run { task, factors, .. } = opened(&file);
    let newest = newest_checkpoint(&bench.path("run")).unwrap().unwrap();
    let trained = newest.weights(factors).unwrap();
    let beside = velocities(&task.beside(&trained).valid().network);
    let layers = trained.adapter(task.paths(), 16.0 / 3.0);
    let folder = bench.path("adapter");
    Adapter::write(&folder, layers, Some("digest".into())).unwrap();
    let read = Adapter::open(&folder, &Layers::of(&small().flow, &Device::flex())).unwrap();
    assert_eq!(read.base(), Some("digest"));
    let choice = Choice {
        path: folder,
        weight: 1.0,
    };
    let model = ModelDirectory::open(bench.path("model")).unwrap();
    let without = model.load(&Device::flex(), Dtype::F32).unwrap();
    let merged = model.adapted(&[choice], &Device::flex()).unwrap();
    let merged = merged.load(&Device::flex(), Dtype::F32).unwrap();
    let off = |a: Tensor<4>, b: Tensor<4>| -> f32 { (a - b).abs().max().into_scalar() };
    let merged = velocities(merged.flow());
    assert!(off(beside.clone(), merged) < 1e-5, "beside and merged");
    let changed = off(beside, velocities(without.flow()));
    assert!(changed > 1e-4, "the adapter changes something: {changed}");
}

#[test]
fn a_run_that_was_stopped_goes_on_to_the_same_bits() {
    let bench = bench();
    let lora =
        r#"{ lora = { rank = 2, base = "int8", targets = ["query_key_value", "block2.w0"] } }"#;
    train_adapter(&describe(&bench, "straight", lora), None);
    let stopped = describe(&bench, "stopped", lora);
    assert_eq!(train_adapter(&stopped, Some(3)), StopReason::Stopped);
    assert_eq!(train_adapter(&stopped, None), StopReason::Complete);
    assert_eq!(bench.left("straight"), bench.left("stopped"));
}

#[test]
fn two_devices_share_a_batch() {
    let bench = bench();
    let file = describe(&bench, "run", r#"{ lora = { rank = 2, base = "int8" } }"#);
    let Run { task, factors, .. } = opened(&file);
    let other = task.on(&device());
    let x = |task: &LoraTrainTask| velocities(&task.beside(&factors).valid().network);
    let off: f32 = (x(&task) - x(&other)).abs().max().into_scalar();
    assert_eq!(off, 0.0);
    assert_eq!(other.paths(), task.paths());
    assert_eq!(other.device(), task.device());
}

#[test]
fn what_asks_for_changes_of_networks_is_refused_beside_an_adapter() {
    let bench = bench();
    let refusal = |text: &str| {
        let file = bench.describe("refused", text);
        let read: Result<FlowTrainingConfig, _> = read_training_config(&file);
        read.unwrap_err().to_string()
    };
    for (lora, rest, said) in [
        ("rank = 0", "", "train.lora.rank is 0"),
        ("alpha = -1.0", "", "train.lora.alpha is -1"),
        ("base = \"f16\"", "", "train.lora.base is f16"),
        ("width = 4", "", "width"),
        (
            "targets = \"mlp\"",
            "",
            "\"attention-mlp\", \"all\", or a list",
        ),
        (
            "rank = 4",
            "reinit = [\"source\"]",
            "reinit is for networks",
        ),
        ("rank = 4", "init_from = \"x\"", "init_from is for networks"),
    ] {
        let text = format!("train = {{ lora = {{ {lora} }} }}\n{rest}\n{RUN}{FILES}");
        let message = refusal(&text);
        assert!(message.contains(said), "{message}");
    }
    let muon = RUN.replace(
        "[run.checkpoints]",
        "[run.optimiser]\nmatrices = { muon = 1 }\n[run.checkpoints]",
    );
    let message = refusal(&format!("train = {{ lora = {{}} }}\n{muon}{FILES}"));
    assert!(message.contains("run.optimiser.matrices"), "{message}");
    let file = describe(&bench, "unknown", r#"{ lora = { targets = ["to_q"] } }"#);
    let config: FlowTrainingConfig = read_training_config(&file).unwrap();
    let lora = config.adapter().unwrap();
    let (model, networks) = initialise(&config.model, 0, Some(lora.base), &device()).unwrap();
    let codec = networks.codec();
    let flow = FlowTrainTask::new(&config, model.clone(), codec, vec![], None, &device()).unwrap();
    let Err(error) = LoraTrainTask::new(flow, lora, &model, &networks) else {
        panic!("no layer is called to_q");
    };
    assert!(error.to_string().contains("\"to_q\""), "{error}");
}
