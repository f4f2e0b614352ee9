//! Distillation: a run begins at its teacher, comes nearer to its paths, reaches every weight, and
//! resumes to the same bits, with and without a cache of paths.
#![cfg(feature = "cpu")]

#[allow(dead_code, reason = "the support is shared with other tests")]
mod support;

use std::path::{Path, PathBuf};

use flowinone_train::{
    AdapterDistillationTask, DistillationConfig, DistillationTask, Error, NetworkDistillationTask,
    StopReason, Teacher, TrainingData, initialise, newest_checkpoint, read_training_config,
};
use flowinone_weights::values;
use support::{Bench, FILES, PAIRS, RUN, bench_with_model as bench, device, losses, train};

/// One step of one optimiser: no decay, no warm-up.
const QUIET: &str = "\n[run.optimiser]\nweight_decay = 0.0\n";
const INSTANTS: &str = "time_pairs = { instant = 1, whole = 0, first_half = 0, second_half = 0, \
                        quarters = 0, eighths = 0 }\n";

/// A run with `head` in front of its tables; the teacher takes 8 steps without guidance.
fn describe(bench: &Bench, run: &str, head: &str, data: &str) -> PathBuf {
    let table = RUN
        .replace(
            "config = \"FOLDER/model.json\"",
            "directory = \"FOLDER/model\"",
        )
        .replace("examples = 1", "examples = 0");
    let teacher = match head.contains("teacher") {
        true => "",
        false => "teacher = { steps = 8, guidance = 1.0 }\n",
    };
    bench.describe(run, &format!("{head}\n{teacher}{table}{QUIET}{data}"))
}

fn opened(file: &Path) -> Result<(DistillationConfig, DistillationTask), Error> {
    let config: DistillationConfig = read_training_config(file)?;
    let packing = config.adapter().map(|lora| lora.base);
    let (model, networks) = initialise(&config.model, config.run.seed, packing, &device())?;
    let teacher = Teacher::new(
        &config.teacher,
        &model,
        &networks,
        "digest".into(),
        &device(),
    )?;
    let data = TrainingData::open(&config.data, &config.run)?;
    let task = DistillationTask::new(&config, teacher, data.validation, &device())?;
    task.model()?;
    Ok((config, task))
}

/// Runs it to its end, or stops it after `stop` steps.
fn distil(file: &Path, stop: Option<u64>) -> StopReason {
    let (config, task) = opened(file).unwrap();
    let mixer = TrainingData::open(&config.data, &config.run).unwrap().mixer;
    match config.adapter() {
        Some(lora) => {
            let task = AdapterDistillationTask::new(task, lora).unwrap();
            let factors = task.factors(lora.rank, config.run.seed).unwrap();
            train(task, factors, mixer, config.run, stop).unwrap()
        }
        None => {
            let task = NetworkDistillationTask(task);
            let network = task.network();
            train(task, network, mixer, config.run, stop).unwrap()
        }
    }
}

/// A number of each step of a run.
fn numbers(bench: &Bench, run: &str, name: &str) -> Vec<f64> {
    let of_step = |numbers: Vec<(String, u64)>| {
        let found = numbers.into_iter().find(|(known, _)| known == name);
        found.map(|(_, bits)| f64::from_bits(bits))
    };
    let steps = losses(&bench.path(run)).into_iter();
    steps.filter_map(|(_, numbers)| of_step(numbers)).collect()
}

/// The fine stage alone: in a network with random weights the coarse one is far from it.
const FINE: &str = "student = { pairs_per_path = 8 }\nobjective = { coarse_weight = 0 }";

/// Makes a run of 60 steps, validated at its end.
fn lengthen(file: &Path) {
    let text = std::fs::read_to_string(file).unwrap();
    let long = text
        .replace("steps = 6", "steps = 60")
        .replace("examples = 0", "examples = 1")
        .replace("steps = 4", "steps = 60");
    std::fs::write(file, long).unwrap();
}

/// The error of the first five steps, near that of the teacher's weights, and of the last ten.
fn fallen(bench: &Bench, run: &str) -> (f64, f64) {
    let fine = numbers(bench, run, "fine");
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    (mean(&fine[..5]), mean(&fine[50..]))
}

#[test]
fn a_student_of_instants_begins_at_its_teacher() {
    let bench = bench();
    for (run, teacher, most) in [
        ("plain", "{ steps = 8, guidance = 1.0 }", 1e-9),
        ("guided", "{ steps = 8, guidance = 3.0 }", f64::INFINITY),
    ] {
        let head = format!("{INSTANTS}teacher = {teacher}");
        let file = describe(&bench, run, &head, FILES);
        assert_eq!(distil(&file, Some(1)), StopReason::Stopped);
        let first = numbers(&bench, run, "fine")[0];
        assert!(first < most, "{run}: {first}");
        // Guidance is what there is to learn.
        assert_eq!(first > 1e-6, run == "guided", "{run}: {first}");
        let (_, task) = opened(&file).unwrap();
        let model = task.model().unwrap();
        assert!(model.flow.two_times.is_none());
        assert_eq!(model.sampling.solver.name(), "ab2");
    }
}

#[test]
fn a_student_comes_nearer_to_the_paths_of_its_teacher() {
    let bench = bench();
    let file = describe(&bench, "run", FINE, PAIRS);
    lengthen(&file);
    distil(&file, None);
    let (begun, ended) = fallen(&bench, "run");
    println!("flow map: from {begun} to {ended}");
    assert!(ended < 0.8 * begun, "from {begun} to {ended}");
    assert!(!numbers(&bench, "run", "whole").is_empty());
    for count in [1, 2, 4, 8] {
        for task in ["class-to-image", "text-in-image"] {
            let error = numbers(&bench, "run", &format!("error_{count}_{task}"));
            assert!(
                error.len() == 1 && error[0].is_finite(),
                "{count} {task}: {error:?}"
            );
        }
    }
    assert!(bench.path("run/evaluations/step-00000060.png").exists());
}

#[test]
fn the_other_methods_learn_from_the_ends_of_a_path() {
    let bench = bench();
    for (method, solver) in [("reflow", "ab2"), ("mean-flow", "map")] {
        let file = describe(
            &bench,
            method,
            &format!("method = \"{method}\"\n{FINE}"),
            PAIRS,
        );
        lengthen(&file);
        distil(&file, None);
        let (begun, ended) = fallen(&bench, method);
        println!("{method}: from {begun} to {ended}");
        assert!(ended < 0.95 * begun, "{method}: from {begun} to {ended}");
        let model = opened(&file).unwrap().1.model().unwrap();
        assert_eq!(model.sampling.solver.name(), solver);
    }
}

#[test]
fn every_weight_of_the_velocity_network_learns() {
    let bench = bench();
    let file = describe(&bench, "run", "student = { pairs_per_path = 8 }", PAIRS);
    let (_, task) = opened(&file).unwrap();
    let network = NetworkDistillationTask(task).network();
    let named = |network: &_| {
        let mut all = vec![];
        values(network, |spec, data| {
            all.push((spec.path.clone(), data.as_bytes().to_vec()));
        });
        all
    };
    let before = named(&network);
    distil(&file, None);
    let newest = newest_checkpoint(&bench.path("run")).unwrap().unwrap();
    let after = named(&newest.weights(network).unwrap());
    let same = before.iter().zip(&after).filter(|(a, b)| a == b);
    let same: Vec<&str> = same.map(|((path, _), _)| path.as_str()).collect();
    // The student has no unconditional branch.
    assert_eq!(same, ["transformer.indicator.unconditional"]);
}

#[test]
fn a_run_that_was_stopped_goes_on_to_the_same_bits() {
    let bench = bench();
    let cache = |name: &str| format!("cache = \"FOLDER/{name}\"");
    let adapter = r#"train = { lora = { rank = 2, base = "int8" } }"#;
    for (name, head, data) in [
        ("online", String::new(), PAIRS),
        ("cached", cache("paths"), FILES),
        ("adapter", adapter.to_string(), FILES),
        ("own", "student = { own_states = 0.5 }".to_string(), PAIRS),
    ] {
        let straight = format!("{name}-straight");
        distil(&describe(&bench, &straight, &head, data), None);
        let head = head.replace("paths", "other-paths");
        let stopped = format!("{name}-stopped");
        let file = describe(&bench, &stopped, &head, data);
        assert_eq!(distil(&file, Some(3)), StopReason::Stopped);
        assert_eq!(distil(&file, None), StopReason::Complete);
        assert_eq!(bench.left(&straight), bench.left(&stopped), "{name}");
    }
}

#[test]
fn own_states_change_what_the_second_half_learns() {
    let bench = bench();
    let halves = "time_pairs = { instant = 0, whole = 0, first_half = 0, second_half = 1, \
                  quarters = 0, eighths = 0 }\n";
    let first = |run: &str, own: f64| {
        let head = format!("{halves}student = {{ own_states = {own} }}");
        distil(&describe(&bench, run, &head, PAIRS), Some(1));
        numbers(&bench, run, "fine")[0]
    };
    let (without, with) = (first("without", 0.0), first("with", 1.0));
    assert!(without.is_finite() && with.is_finite());
    assert!((without - with).abs() > 1e-6, "{without} {with}");
}

#[test]
fn cached_paths_are_those_of_this_teacher_and_of_no_other() {
    let bench = bench();
    let head = "cache = \"FOLDER/paths\"\n";
    let found = |run: &str, head: &str| {
        let file = describe(&bench, run, head, FILES);
        let (config, task) = opened(&file).unwrap();
        let mixer = TrainingData::open(&config.data, &config.run).unwrap().mixer;
        let task = NetworkDistillationTask(task);
        let network = task.network();
        train(task, network, mixer, config.run, None).unwrap();
        let cache = opened(&file).unwrap().1;
        let report = cache.cache().unwrap().report().unwrap();
        (report.entries, numbers(&bench, run, "loss"))
    };
    let (entries, cold) = found("cold", head);
    assert_eq!(entries, 6, "one for each pair");
    let (entries, warm) = found("warm", head);
    assert_eq!((entries, warm), (6, cold.clone()));
    let other = format!("{head}teacher = {{ steps = 16, guidance = 1.0 }}");
    let (entries, losses) = found("other", &other);
    assert_eq!(
        entries, 12,
        "another way to solve them has paths of its own"
    );
    assert_ne!(losses, cold);
}

#[test]
fn what_cannot_be_distilled_is_refused_by_key_and_number() {
    let bench = bench();
    for (head, data, said) in [
        (
            "teacher = { steps = 50 }",
            FILES,
            "teacher.steps is 50, expected a multiple of 8",
        ),
        (
            "teacher = { solver = \"dopri5\" }",
            FILES,
            "teacher.solver is dopri5",
        ),
        (
            "teacher = { guidance = nan }",
            FILES,
            "teacher.guidance is NaN",
        ),
        ("student = { steps = 0 }", FILES, "student.steps is 0"),
        (
            "student = { boundary = 9 }",
            FILES,
            "two_times.boundary is 9",
        ),
        ("student = { border = 2 }", FILES, "border"),
        (
            "time_pairs = { whole = -1 }",
            FILES,
            "time_pairs.whole is -1",
        ),
        (
            "objective = { weight_exponent = -1 }",
            FILES,
            "weight_exponent is -1",
        ),
        ("train = [\"source\"]", FILES, "train names other networks"),
        (
            "train = { lora = { rank = 0 } }",
            FILES,
            "train.lora.rank is 0",
        ),
        ("cache = \"FOLDER/paths\"", PAIRS, "cache keeps paths"),
    ] {
        let file = describe(&bench, "refused", head, data);
        let Err(error) = opened(&file) else {
            panic!("{head} was taken");
        };
        assert!(error.to_string().contains(said), "{head}: {error}");
    }
    let mean_flow = "method = \"mean-flow\"\n";
    for (head, said) in [
        (
            "time_pairs = { whole = 1 }",
            "time_pairs is for method flow-map",
        ),
        (
            "student = { own_states = 0.5 }",
            "student.own_states is for method",
        ),
        (
            "train = { lora = { base = \"int8\" } }",
            "method is mean-flow",
        ),
    ] {
        let file = describe(&bench, "refused", &format!("{mean_flow}{head}"), FILES);
        let error = opened(&file).err().unwrap().to_string();
        assert!(error.contains(said), "{head}: {error}");
    }
    let file = describe(
        &bench,
        "twice",
        &format!("{INSTANTS}student = {{ boundary = 2 }}"),
        FILES,
    );
    let error = opened(&file).err().unwrap().to_string();
    assert!(
        error.contains("student.boundary is for a student of two times"),
        "{error}"
    );
}
