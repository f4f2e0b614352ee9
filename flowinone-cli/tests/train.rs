//! Training as a person does it: fine-tuning, stopping, resuming, killing, a full disk, plots.
#![cfg(feature = "train")]
#![allow(dead_code, reason = "the support is shared with other tests")]

mod support;

use std::process::Command;
use std::time::{Duration, Instant};

use burn::optim::OptimizerRecord;
use flowinone_tasks::ModelConfig;
use flowinone_train::{LogEntry, newest_checkpoint, read_metric_log};
use flowinone_weights::Checkpoint;
use support::Bench;

/// A run on the smallest networks, with a checkpoint after every step.
const RUN: &str = r#"
train = ["source", "velocity"]
[model]
config = "model.json"
[run]
folder = "RUN"
seed = 3
steps = STEPS
batch = 1
average = 0.99
[run.schedule]
learning_rate = 1e-3
[run.checkpoints]
seconds = 0
[run.evaluations]
steps = 10000
examples = 1
[[data]]
[data.procedural.pairs]
seed = 1
side = 48
tasks = ["class-to-image", "text-in-image"]
classes = "everyday"
styles = []
split = "train"
holdout = {}
"#;

/// A folder with the smallest model: pictures of 32 pixels.
fn bench() -> Bench {
    let bench = Bench::new();
    let mut model = ModelConfig::tiny();
    model.picture_side = 32;
    model.vae.multipliers = vec![1, 1, 2];
    model.flow.latent_side = 8;
    model.flow.transformer.side = 4;
    model.flow.convnext.side = 8;
    model.sampling.steps = 2;
    let json = serde_json::to_string(&model).unwrap();
    std::fs::write(bench.path("model.json"), json).unwrap();
    bench
}

/// Describes the run `name` of `steps` steps.
fn describe(bench: &Bench, name: &str, steps: u64) {
    let text = RUN
        .replace("RUN", name)
        .replace("STEPS", &steps.to_string());
    std::fs::write(bench.path(&format!("{name}.toml")), text).unwrap();
}

fn journal(bench: &Bench, name: &str) -> Vec<LogEntry> {
    read_metric_log(&bench.path(name).join("journal.jsonl")).unwrap()
}

/// What a run left: losses as bits, weights, average, moments.
fn left(bench: &Bench, name: &str) -> (Vec<(u64, u64)>, Vec<Vec<u8>>) {
    let loss = |entry: &LogEntry| Some((entry.step, entry.numbers.get("loss")?.to_bits()));
    let losses: Vec<_> = journal(bench, name).iter().filter_map(loss).collect();
    let checkpoint = newest_checkpoint(&bench.path(name)).unwrap().unwrap();
    let read = |file: &str| std::fs::read(checkpoint.path().join(file)).unwrap();
    let moments = OptimizerRecord::load(checkpoint.path().join("moments.bpk")).unwrap();
    let files = vec![
        read("weights.safetensors"),
        read("average.safetensors"),
        moments.into_bytes().unwrap().to_vec(),
    ];
    (losses, files)
}

#[test]
fn twenty_kills_change_no_bit() {
    const STEPS: u64 = 200;
    const MOST_STEPS: u64 = 4;
    let bench = bench();
    describe(&bench, "whole", STEPS);
    bench.succeed("train --config whole.toml --device cpu");
    describe(&bench, "killed", STEPS);
    let mut chance = std::process::id();
    let mut draw = |most: u32| {
        chance = chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Duration::from_millis(u64::from((chance >> 16) % most))
    };
    let step = || {
        newest_checkpoint(&bench.path("killed"))
            .unwrap()
            .map_or(0, |c| c.step())
    };
    for kill in 0..20 {
        let before = step();
        let mut child = bench
            .command("train --config killed.toml --device cpu")
            .stderr(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        // Half of the kills hit wherever the process is, half soon after a checkpoint appears. On a
        // fast machine none comes later than a few steps, so that the run is never complete.
        let mut end = Instant::now() + draw(400);
        let mut written = kill % 2 == 0;
        let patience = Instant::now() + Duration::from_secs(60);
        loop {
            let steps = step() - before;
            if !written && (steps > 0 || Instant::now() > patience) {
                written = true;
                end = Instant::now() + draw(40);
            }
            if steps >= MOST_STEPS || (written && Instant::now() >= end) {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        let status = child.wait().unwrap();
        assert!(!status.success(), "kill {kill} came too late");
    }
    let hit = step();
    assert!((10..STEPS).contains(&hit), "after twenty kills: step {hit}");
    let text = bench.succeed("train --config killed.toml --device cpu");
    assert!(
        text.contains(&format!("resumed at step {hit} of {STEPS}")),
        "{text}"
    );
    assert!(left(&bench, "whole") == left(&bench, "killed"));
    let folder = bench.path("killed/checkpoints");
    let names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(names.len(), 2, "nothing else is left behind: {names:?}");
}

#[cfg(unix)]
#[test]
fn a_full_disk_costs_no_checkpoint() {
    let bench = bench();
    describe(&bench, "whole", 4);
    bench.succeed("train --config whole.toml --device cpu");
    describe(&bench, "full", 2);
    bench.succeed("train --config full.toml --device cpu");
    let second = bench.path("full/checkpoints/step-00000002");
    let kept = |name: &str| std::fs::read(second.join(name)).unwrap();
    let names = [
        "weights.safetensors",
        "average.safetensors",
        "moments.bpk",
        "progress.json",
    ];
    let before = names.map(kept);
    let kibibytes = |name: &str| kept(name).len() / 1024;

    describe(&bench, "full", 4);
    // The disk is full while the weights are written, and while the moments are.
    let within_moments = kibibytes("moments.bpk") - 1;
    assert!(within_moments > kibibytes("weights.safetensors") + 1);
    for (limit, file) in [
        (kibibytes("weights.safetensors") / 2, "weights"),
        (within_moments, "moments"),
    ] {
        let program = env!("CARGO_BIN_EXE_flowinone");
        let line = format!(
            "ulimit -f {limit}; trap '' XFSZ; exec {program} train --config full.toml --device cpu"
        );
        let output = Command::new("bash")
            .current_dir(bench.path("."))
            .args(["-c", &line])
            .output()
            .unwrap();
        let text = support::said(&output);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains(file) && !text.contains("panicked"), "{text}");
        assert_eq!(names.map(kept), before);
        assert_eq!(
            newest_checkpoint(&bench.path("full"))
                .unwrap()
                .unwrap()
                .step(),
            2
        );
    }
    bench.succeed("train --config full.toml --device cpu");
    assert!(left(&bench, "whole") == left(&bench, "full"));
}

#[test]
fn a_model_directory_is_fine_tuned_on_own_pictures() {
    let bench = bench();
    bench.succeed("init --preset tiny -o start");
    let make = "data make --side 64 --format folder --tasks class-to-image,text-in-image";
    bench.succeed(&format!("{make} --count 3 -o pairs"));
    bench.succeed(&format!("{make} --count 4 --seed 9 -o judges"));
    let config = r#"
train = ["velocity"]
cache = "cache"
[model]
directory = "start"
[run]
folder = "run"
seed = 1
steps = 2
batch = 1
[run.schedule]
learning_rate = 1e-4
[run.evaluations]
steps = 2
examples = 1
source = "judges"
[sampling]
steps = 1
guidance = { constant = { scale = 1.0 } }
solver = "euler"
grid = "uniform"
noise = 1.0
[[data]]
files = "pairs"
"#;
    std::fs::write(bench.path("run.toml"), config).unwrap();
    let text = bench.succeed("train --config run.toml --device cpu");
    assert!(
        text.contains("results in") && text.contains("computed"),
        "{text}"
    );
    let judged = journal(&bench, "run");
    let judged = judged.iter().rfind(|e| e.numbers.contains_key("psnr_t2i"));
    assert!(judged.unwrap().numbers["psnr_t2i"] > 0.0);
    assert_eq!(bench.files("run/evaluations"), ["step-00000002.png"]);

    let verified = bench.succeed("verify run/model");
    assert!(!verified.contains("error"), "{verified}");
    let part = |model: &str, part: &str| {
        std::fs::read(bench.path(model).join(format!("{part}.safetensors"))).unwrap()
    };
    assert!(part("start", "encoder") == part("run/model", "encoder"));
    assert!(part("start", "vae") == part("run/model", "vae"));
    assert!(part("start", "flow") != part("run/model", "flow"));
    let shown = bench.succeed("inspect run/model");
    assert!(
        shown.contains("(trained)") && shown.contains("trained for 2 steps"),
        "{shown}"
    );

    bench.succeed("train --config run.toml --device cpu --export exported");
    assert!(part("exported", "flow") == part("run/model", "flow"));
}

#[test]
fn a_run_is_stopped_by_ctrl_c_and_goes_on() {
    let bench = bench();
    describe(&bench, "whole", 40);
    bench.succeed("train --config whole.toml --device cpu");
    describe(&bench, "stopped", 40);
    let mut child = bench
        .command("train --config stopped.toml --device cpu")
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let begin = Instant::now();
    while newest_checkpoint(&bench.path("stopped")).unwrap().is_none()
        && begin.elapsed().as_secs() < 60
    {
        std::thread::sleep(Duration::from_millis(1));
    }
    let id = child.id().to_string();
    Command::new("kill").args(["-INT", &id]).status().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    bench.succeed("train --config stopped.toml --device cpu");
    assert!(left(&bench, "whole") == left(&bench, "stopped"));
}

#[test]
fn a_batch_is_shared_among_devices() {
    let bench = bench();
    for (name, devices) in [("one", "0"), ("two", "0,0")] {
        describe(&bench, name, 3);
        let file = bench.path(&format!("{name}.toml"));
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(
            &file,
            text.replace("batch = 1", "batch = 2\n# no contrast between items\n"),
        )
        .unwrap();
        let objective = "[objective]\npath = { sigma_min = 1e-5 }\nnull_probability = 0.0\ncoarse_weight = 0.25\nfine_weight = 1.0\ndivergence_weight = 0.01\n";
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(
            &file,
            text.replace("[[data]]", &format!("{objective}[[data]]")),
        )
        .unwrap();
        bench.succeed(&format!(
            "train --config {name}.toml --device cpu --devices {devices}"
        ));
    }
    let loss = |name: &str| -> Vec<f64> {
        let entries = journal(&bench, name);
        entries
            .iter()
            .filter_map(|e| e.numbers.get("loss").copied())
            .collect()
    };
    let [one, two] = ["one", "two"].map(loss);
    assert_eq!((one.len(), two.len()), (3, 3));
    for (one, two) in one.iter().zip(&two) {
        assert!((one - two).abs() < 1e-4 * one.abs(), "{one} and {two}");
    }
    let text = bench.fail("train --config one.toml --device cpu --devices 0,1");
    assert!(text.contains("device number 1: there is one cpu"), "{text}");
    let text = bench.fail("train --config one.toml --device cpu --devices 0,0,0");
    assert!(text.contains("multiple of 3 devices"), "{text}");
}

/// Describes the run `name` of the autoencoder for two steps: `halves` of the model `source`.
fn describe_autoencoder(bench: &Bench, name: &str, halves: &str, source: &str) {
    describe(bench, name, 2);
    let file = bench.path(&format!("{name}.toml"));
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text.replace("[\"source\", \"velocity\"]", halves);
    std::fs::write(file, text.replace("config = \"model.json\"", source)).unwrap();
}

/// The configuration and the autoencoder of a model directory.
fn autoencoder(bench: &Bench, model: &str) -> (ModelConfig, Checkpoint) {
    let json = std::fs::read_to_string(bench.path(model).join("config.json")).unwrap();
    let weights = Checkpoint::open(bench.path(model).join("vae.safetensors")).unwrap();
    (serde_json::from_str(&json).unwrap(), weights)
}

#[test]
fn the_autoencoder_is_trained_and_measures_its_latents() {
    let bench = bench();
    let both = "[\"encoder\", \"decoder\"]";
    describe_autoencoder(&bench, "one", both, "config = \"model.json\"");
    let said = bench.succeed("train-vae --config one.toml --device cpu");
    assert!(said.contains("standard deviation"), "{said}");
    let (first, encoded) = autoencoder(&bench, "one/model");
    assert_ne!(first.vae.scale, ModelConfig::tiny().vae.scale);
    bench.succeed("verify one/model");

    // A decoder alone gets better at the latents that there are.
    describe_autoencoder(&bench, "two", "[\"decoder\"]", "directory = \"one/model\"");
    let said = bench.succeed("train-vae --config two.toml --device cpu");
    assert!(!said.contains("standard deviation"), "{said}");
    let (second, decoded) = autoencoder(&bench, "two/model");
    assert_eq!(first, second);
    bench.succeed("verify two/model");
    for entry in encoded.entries() {
        let key = entry.name();
        let same = entry.read().unwrap() == decoded.entry(key).unwrap().read().unwrap();
        let encodes = key.starts_with("encoder.") || key.starts_with("quant_conv.");
        assert_eq!(same, encodes, "{key}");
    }
}

#[test]
fn an_extended_autoencoder_keeps_its_latents_and_is_exported() {
    let bench = bench();
    bench.succeed("init --config model.json -o start");
    let parts = "[\"fine\", \"compositor\"]";
    let source = "directory = \"start\"\n[extend]\nfine_channels = [2, 4]\ncompositor_channels = 2";
    describe_autoencoder(&bench, "run", parts, source);
    let said = bench.succeed("train-vae --config run.toml --device cpu");
    assert!(
        said.contains("no fine levels") && said.contains("no compositor"),
        "{said}"
    );
    let (before, old) = autoencoder(&bench, "start");
    let (after, new) = autoencoder(&bench, "run/model");
    assert_eq!(after.picture_side, 2 * before.picture_side);
    for entry in old.entries() {
        let key = entry.name();
        let kept = new.entry(key).unwrap().read().unwrap();
        assert!(entry.read().unwrap() == kept, "{key}");
    }
    let added = new
        .entries()
        .filter(|entry| old.entry(entry.name()).is_none());
    let starts = ["decoder.fine.", "compositor."];
    let added: Vec<_> = added.map(|entry| entry.name()).collect();
    assert!(
        added
            .iter()
            .all(|key| starts.iter().any(|start| key.starts_with(start))),
        "{added:?}"
    );
    bench.succeed("train-vae --config run.toml --export small --dtype f16 --device cpu");
    bench.succeed("verify small");
    // What it has in that size already goes on; another size is refused.
    describe_autoencoder(&bench, "on", parts, &source.replace("start", "run/model"));
    let said = bench.succeed("train-vae --config on.toml --device cpu");
    assert!(!said.contains("begin anew"), "{said}");
    let other = source
        .replace("start", "run/model")
        .replace("[2, 4]", "[4, 4]");
    describe_autoencoder(&bench, "other", parts, &other);
    let said = bench.fail("train-vae --config other.toml --device cpu");
    assert!(said.contains("the model has [2, 4] already"), "{said}");
}

#[test]
fn journals_become_pictures() {
    let bench = bench();
    for (run, factor) in [("one", 1.0), ("two", 0.5)] {
        let line = |step: u64| {
            let loss = factor * (-(step as f64) / 40.0).exp() + 0.01 * (step % 5) as f64;
            format!(
                "{{\"step\":{step},\"loss\":{loss},\"fine\":{}}}\n",
                loss * 0.5
            )
        };
        std::fs::create_dir(bench.path(run)).unwrap();
        let text: String = (1..200).map(line).collect();
        std::fs::write(bench.path(run).join("journal.jsonl"), text).unwrap();
    }
    bench.succeed("plot one two/journal.jsonl -o both.png --numbers loss,fine --smooth 9 --log");
    let picture = image::open(bench.path("both.png")).unwrap();
    assert!(picture.width() == 1000 && picture.height() > 640);
    bench.succeed("plot one -o one.svg");
    let svg = std::fs::read_to_string(bench.path("one.svg")).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("loss"));

    let text = bench.fail("plot one -o one.svg --numbers loss,psnr");
    assert!(
        text.contains("\"psnr\"") && text.contains("fine, loss"),
        "{text}"
    );
    let text = bench.fail("plot one -o one.pdf");
    assert!(
        text.contains("one.pdf") && text.contains(".png or an .svg"),
        "{text}"
    );
    let text = bench.fail("plot absent -o one.svg");
    assert!(text.contains("absent"), "{text}");
}

#[test]
fn a_description_that_cannot_be_is_refused_with_its_line() {
    let bench = bench();
    describe(&bench, "run", 0);
    let text = bench.fail("train --config run.toml --device cpu");
    assert!(text.contains("run.toml: line 8: run.steps is 0"), "{text}");
    let text = bench.fail("train --config absent.toml");
    assert!(text.contains("absent.toml"), "{text}");
    assert!(!bench.path("run").exists());
}
