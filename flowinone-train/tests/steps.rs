//! What a step does: which gradients, which decay, on which devices, and what if they are not
//! finite.
#![cfg(feature = "cpu")]
#![allow(dead_code, reason = "the support is shared with other tests")]

mod support;

use burn::module::{Module, Param};
use burn::nn::{Linear, LinearConfig};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use flowinone_tasks::Dtype;
use flowinone_train::{
    CheckpointConfig, Decay, Error, Matrices, Optimiser, OptimiserConfig, RunConfig, Schedule,
    StopReason, TrainTask, Trainer, ValidationConfig, checkpoints, newest_checkpoint,
    read_metric_log,
};
use support::{Bench, Line, Poison, device, train};

fn run(bench: &Bench, name: &str) -> RunConfig {
    RunConfig {
        folder: bench.path(name),
        seed: 1,
        steps: 20,
        batch: 4,
        accumulate: 1,
        ema_decay: 0.9,
        schedule: Schedule {
            learning_rate: 0.01,
            warm_up: 0,
            decay: Decay::Constant,
        },
        optimiser: OptimiserConfig::default(),
        matmul_precision: Dtype::F32,
        checkpoints: CheckpointConfig {
            seconds: 1000,
            keep: 2,
        },
        validation: ValidationConfig::default(),
    }
}

fn skipped(bench: &Bench, name: &str) -> Vec<f64> {
    let entries = read_metric_log(&bench.path(name).join("journal.jsonl")).unwrap();
    entries.iter().map(|e| e.numbers["skipped"]).collect()
}

#[test]
fn a_step_that_is_not_finite_is_left_out_and_counted() {
    for poison in [
        (|batch| match batch {
            3 | 4 => Poison::Loss,
            _ => Poison::None,
        }) as fn(u64) -> Poison,
        |batch| match batch {
            3 | 4 => Poison::Gradient,
            _ => Poison::None,
        },
    ] {
        let bench = Bench::new();
        let config = RunConfig {
            steps: 6,
            ..run(&bench, "run")
        };
        let line = Line::poisoned(poison);
        let ending = train(line, Line::layer(), Line::mixer(4), config.clone(), None);
        assert_eq!(ending.unwrap(), StopReason::Complete);
        assert_eq!(skipped(&bench, "run"), [0.0, 0.0, 0.0, 1.0, 2.0, 2.0]);
        let progress = newest_checkpoint(&config.folder)
            .unwrap()
            .unwrap()
            .progress()
            .unwrap();
        assert_eq!((progress.step, progress.skipped), (6, 2));
        assert_eq!((progress.updates, progress.skipped_last), (4, 0));

        // The weights are those of a run without the two steps: stopped before and after them.
        let entries = read_metric_log(&config.folder.join("journal.jsonl")).unwrap();
        let norm = |step: usize| entries[step].numbers.get("gradient_norm").copied();
        assert!(norm(4).is_none_or(f64::is_nan) && norm(5).is_some_and(f64::is_finite));
    }
}

#[test]
fn five_in_a_row_end_the_run_and_keep_the_checkpoints_from_before() {
    let bench = Bench::new();
    let config = RunConfig {
        checkpoints: CheckpointConfig {
            seconds: 0,
            keep: 1,
        },
        ..run(&bench, "run")
    };
    let poison = |batch| match batch {
        6.. => Poison::Loss,
        2..=4 => Poison::Gradient,
        _ => Poison::None,
    };
    let line = Line::poisoned(poison);
    let error = train(line, Line::layer(), Line::mixer(4), config.clone(), None).unwrap_err();
    let left = checkpoints(&config.folder.join("checkpoints")).unwrap();
    let [kept] = &left[..] else {
        panic!("{left:?}");
    };
    assert_eq!(kept.step(), 6, "written after the last good step");
    let message = error.to_string();
    assert!(
        matches!(
            error,
            Error::Diverged {
                step: 11,
                count: 5,
                ..
            }
        ),
        "{message}"
    );
    assert!(
        message.contains("step-00000006") && message.contains("lower"),
        "{message}"
    );
    assert_eq!(skipped(&bench, "run")[5..], [3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);

    // It can be resumed from there.
    let resumed = train(Line::new(), Line::layer(), Line::mixer(4), config, None);
    assert_eq!(resumed.unwrap(), StopReason::Complete);
    assert_eq!(skipped(&bench, "run").len(), 20);
    assert_eq!(skipped(&bench, "run")[19], 3.0);
}

#[test]
fn five_in_a_row_before_any_checkpoint_say_so() {
    let bench = Bench::new();
    let line = Line::poisoned(|_| Poison::Loss);
    let error = train(
        line,
        Line::layer(),
        Line::mixer(4),
        run(&bench, "run"),
        None,
    );
    let message = error.unwrap_err().to_string();
    assert!(
        message.contains("no checkpoint was written before"),
        "{message}"
    );
    assert!(newest_checkpoint(&bench.path("run")).unwrap().is_none());
}

#[test]
fn a_stop_within_a_streak_does_not_forget_it() {
    let bench = Bench::new();
    let config = run(&bench, "run");
    let line = || Line::poisoned(|_| Poison::Loss);
    let first = train(
        line(),
        Line::layer(),
        Line::mixer(4),
        config.clone(),
        Some(3),
    );
    assert_eq!(first.unwrap(), StopReason::Stopped);
    let error = train(line(), Line::layer(), Line::mixer(4), config, None).unwrap_err();
    assert!(matches!(error, Error::Diverged { step: 5, .. }), "{error}");
}

/// The layer that a run ends with.
fn layer_of(config: &RunConfig) -> Vec<f32> {
    let checkpoint = newest_checkpoint(&config.folder).unwrap().unwrap();
    values(&checkpoint.weights(Line::layer()).unwrap())
}

fn values(layer: &Linear) -> Vec<f32> {
    let bias = layer.bias.as_ref().unwrap().val();
    let all = [layer.weight.val().flatten::<1>(0, 1), bias];
    Tensor::cat(all.to_vec(), 0)
        .into_data()
        .try_to_vec()
        .unwrap()
}

fn near(left: &[f32], right: &[f32], tolerance: f32) {
    for (l, r) in left.iter().zip(right) {
        assert!((l - r).abs() <= tolerance, "{l} and {r}");
    }
}

/// A task without noise, so that batches may be cut in any way.
struct Quiet(Line);

impl TrainTask for Quiet {
    type Model = Linear;
    type Batch = support::Colours;

    fn device(&self) -> Device {
        self.0.device()
    }

    fn batcher(
        &self,
    ) -> Box<dyn Fn(Vec<flowinone_data::Example>) -> Result<Self::Batch, Error> + Send> {
        self.0.batcher()
    }

    fn train_step(
        &self,
        model: &Linear,
        batch: Self::Batch,
        _: &mut flowinone_train::BatchRng,
    ) -> flowinone_train::Losses {
        let side = |at: usize| {
            let values: Vec<f32> = batch.iter().flat_map(|pair| pair[at]).collect();
            let data = burn::tensor::TensorData::new(values, [batch.len(), 3]);
            Tensor::<2>::from_data(data, &self.0.device)
        };
        let total = (model.forward(side(0)) - side(1)).square().mean();
        // A number that not every batch has.
        let there = (batch[0][0][0] > 0.0).then(|| ("above", total.ones_like()));
        flowinone_train::Losses {
            total,
            parts: there.into_iter().collect(),
        }
    }

    fn validate(
        &self,
        _: &Linear,
        _: u64,
        _: &std::path::Path,
    ) -> Result<Vec<(String, f64)>, Error> {
        Ok(vec![])
    }
}

#[test]
fn two_batches_make_the_step_of_one_of_twice_the_size() {
    let bench = Bench::new();
    // Batches of 8 are put in another order than two of 4, but hold the same eight pairs.
    let whole = RunConfig {
        batch: 8,
        steps: 10,
        ..run(&bench, "whole")
    };
    let halves = RunConfig {
        batch: 4,
        accumulate: 2,
        folder: bench.path("halves"),
        ..whole.clone()
    };
    for config in [&whole, &halves] {
        let mixer = Line::mixer(config.batch);
        let quiet = Quiet(Line::new());
        train(quiet, Line::layer(), mixer, config.clone(), None).unwrap();
    }
    let journal = read_metric_log(&halves.folder.join("journal.jsonl")).unwrap();
    let above: Vec<f64> = journal
        .iter()
        .filter_map(|e| e.numbers.get("above").copied())
        .collect();
    assert!((1..=10).contains(&above.len()), "{above:?}");
    assert!(
        above.iter().all(|mean| *mean == 1.0),
        "of the batches that have it: {above:?}"
    );
    let [whole, halves] = [whole, halves].map(|config| layer_of(&config));
    assert_ne!(whole, values(&Line::layer()));
    // Ten steps of 0.01 by Adam, whose first ones divide small gradients by their own size.
    near(&whole, &halves, 1e-4);
}

#[test]
fn two_devices_make_the_steps_of_one() {
    let bench = Bench::new();
    let one = run(&bench, "one");
    let two = run(&bench, "two");
    train(
        Line::new(),
        Line::layer(),
        Line::mixer(4),
        one.clone(),
        None,
    )
    .unwrap();
    let tasks = vec![Line::new(), Line::new()];
    let spread = Trainer::data_parallel(tasks, Line::layer(), Line::mixer(4), two.clone());
    let ending = spread.unwrap().run(&false.into());
    assert_eq!(ending.unwrap(), StopReason::Complete);

    let loss = |config: &RunConfig| -> Vec<f32> {
        let entries = read_metric_log(&config.folder.join("journal.jsonl")).unwrap();
        entries.iter().map(|e| e.numbers["loss"] as f32).collect()
    };
    assert_eq!(loss(&one).len(), 20);
    near(&loss(&one), &loss(&two), 1e-5);
    near(&layer_of(&one), &layer_of(&two), 1e-4);
}

#[test]
fn a_batch_is_not_divided_unevenly() {
    let bench = Bench::new();
    let tasks = vec![Line::new(), Line::new(), Line::new()];
    let spread = Trainer::data_parallel(tasks, Line::layer(), Line::mixer(4), run(&bench, "run"));
    let message = spread.err().unwrap().to_string();
    assert!(message.contains("run.batch is 4"), "{message}");
}

#[derive(Module, Debug)]
struct Kinds {
    matrix: Param<Tensor<2>>,
    kernel: Param<Tensor<4>>,
    bias: Param<Tensor<1>>,
    nodecay_table: Param<Tensor<2>>,
}

#[test]
fn only_matrices_and_kernels_decay() {
    let device = device();
    let ones = Param::from_tensor;
    let module = Kinds {
        matrix: ones(Tensor::ones([2, 2], &device)),
        kernel: Param::from_tensor(Tensor::ones([1, 1, 2, 2], &device)),
        bias: Param::from_tensor(Tensor::ones([2], &device)),
        nodecay_table: ones(Tensor::ones([2, 2], &device)),
    };
    let config = OptimiserConfig {
        weight_decay: 0.5,
        ..OptimiserConfig::default()
    };
    let mut gradients = GradientsParams::new();
    let inner = device.inner();
    gradients.register(module.matrix.id, Tensor::<2>::zeros([2, 2], &inner));
    gradients.register(module.kernel.id, Tensor::<4>::zeros([1, 1, 2, 2], &inner));
    gradients.register(module.bias.id, Tensor::<1>::zeros([2], &inner));
    gradients.register(module.nodecay_table.id, Tensor::<2>::zeros([2, 2], &inner));
    let stepped = Optimiser::new(&config, &module).step(0.1, module, gradients);

    let one = |sum: Tensor<1>, count: f32| sum.into_scalar::<f32>() / count;
    assert_eq!(one(stepped.matrix.val().sum(), 4.0), 0.95);
    assert_eq!(one(stepped.kernel.val().sum(), 4.0), 0.95);
    assert_eq!(one(stepped.bias.val().sum(), 2.0), 1.0);
    assert_eq!(one(stepped.nodecay_table.val().sum(), 4.0), 1.0);
}

/// A layer within a block, and one that stands alone.
#[derive(Module, Debug)]
struct Nested {
    blocks: Vec<Linear>,
    head: Linear,
}

#[test]
fn muon_steps_the_matrices_of_blocks_alone() {
    let device = device();
    let layer = || {
        let layer = LinearConfig::new(2, 2).init(&device);
        let ones = Tensor::ones([2, 2], &device);
        Linear {
            weight: Param::from_tensor(ones),
            ..layer
        }
    };
    let module = Nested {
        blocks: vec![layer()],
        head: layer(),
    };
    // Orthogonal already: Muon keeps its direction, AdamW takes the signs alone.
    let gradient = Tensor::<2>::from_floats([[3.0, 4.0], [-4.0, 3.0]], &device.clone().inner());
    let mut gradients = GradientsParams::new();
    gradients.register(module.blocks[0].weight.id, gradient.clone());
    gradients.register(module.head.weight.id, gradient);
    let config = OptimiserConfig {
        weight_decay: 0.0,
        matrices: Matrices::Muon(1.0),
        ..OptimiserConfig::default()
    };
    let stepped = Optimiser::new(&config, &module).step(0.1, module, gradients);

    let steps = |weight: &Param<Tensor<2>>| -> Vec<f32> {
        let step = (weight.val() - 1.0).mul_scalar(-10.0);
        step.into_data().try_to_vec().unwrap()
    };
    for (step, sign) in steps(&stepped.head.weight)
        .iter()
        .zip([1.0, 1.0, -1.0, 1.0])
    {
        assert!((step - sign).abs() < 1e-4, "{step} for {sign}");
    }
    // 0.2 sqrt(2) times the orthogonal factor [[0.6, 0.8], [-0.8, 0.6]], which five rounds of the
    // iteration reach to some 30 %.
    let inner = steps(&stepped.blocks[0].weight);
    for (step, factor) in inner.iter().zip([0.6, 0.8, -0.8, 0.6]) {
        let share = step / (0.2 * 2f32.sqrt() * factor);
        assert!((0.65..1.35).contains(&share), "{inner:?}");
    }
    assert!((inner[1] / inner[0] - 4.0 / 3.0).abs() < 1e-3, "{inner:?}");
}

#[test]
fn a_process_that_was_killed_leaves_nothing_behind_for_long() {
    let bench = Bench::new();
    let config = RunConfig {
        steps: 2,
        ..run(&bench, "run")
    };
    let folder = config.folder.join("checkpoints");
    for name in [".checkpoint-abc", ".removed-1"] {
        std::fs::create_dir_all(folder.join(name).join("x")).unwrap();
    }
    train(Line::new(), Line::layer(), Line::mixer(4), config, None).unwrap();
    let names: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["step-00000002"]);
}
