//! What version 0.1.0 wrote on 28 November 2026 still opens: a model directory, pictures with their
//! records, a batch file with its results, and the checkpoint of a training run.
#![cfg(feature = "cpu")]
#![allow(dead_code, reason = "the support is shared with other tests")]

use std::path::{Path, PathBuf};

mod support;

use support::Bench;

fn written() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/written")
}

fn copy(from: &Path, to: &Path) {
    if from.is_file() {
        std::fs::copy(from, to).unwrap();
        return;
    }
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        copy(&entry.path(), &to.join(entry.file_name()));
    }
}

/// A folder with a copy of all of it.
fn bench() -> Bench {
    let bench = Bench::new();
    copy(&written(), &bench.path(""));
    bench
}

/// The largest difference of two pictures, of 255. Another processor may round differently, which
/// at most tips a value over.
fn difference(bench: &Bench, a: &str, b: &str) -> u8 {
    let (a, b) = (bench.pixels(a), bench.pixels(b));
    assert_eq!(a.len(), b.len());
    let far = a.iter().zip(&b).map(|(a, b)| a.abs_diff(*b));
    far.max().unwrap_or(0)
}

#[test]
fn a_model_directory_is_verified_and_described() {
    let bench = bench();
    let text = bench.succeed("verify model");
    assert!(text.contains("model"), "{text}");
    let text = bench.succeed("inspect model");
    assert!(
        text.contains("small (untrained)") && text.contains("serif-bold"),
        "{text}"
    );
}

#[test]
fn pictures_replay_from_their_records() {
    let bench = bench();
    // That of a built-in model of before is refused by name, not made by another one.
    let said = bench.fail("replay mini.png --device cpu");
    assert!(
        said.contains("another model than the one that made mini.png"),
        "{said}"
    );
    bench.succeed("replay apple.png --model model --device cpu");
    assert!(difference(&bench, "apple.png", "apple.replay.png") <= 1);
    bench.succeed("replay out/moved/push.png --model model --input ground.png --device cpu");
    assert!(difference(&bench, "out/moved/push.png", "out/moved/push.replay.png") <= 1);
}

#[test]
fn a_batch_goes_on_where_it_was_left() {
    let bench = bench();
    let line = "batch prompts.jsonl -o out --model model --seed 5 --device cpu";
    let text = bench.succeed(line);
    assert_eq!(text.matches("already there").count(), 3, "{text}");
    let before = bench.pixels("out/apple.png");
    std::fs::remove_file(bench.path("out/apple.png")).unwrap();
    let text = bench.succeed(line);
    assert_eq!(text.matches("already there").count(), 2, "{text}");
    let after = bench.pixels("out/apple.png");
    let far = before.iter().zip(&after).map(|(a, b)| a.abs_diff(*b));
    assert!(far.max().unwrap() <= 1);
}

#[cfg(feature = "train")]
#[test]
fn a_training_run_resumes_from_its_checkpoint() {
    let bench = bench();
    let described = std::fs::read_to_string(bench.path("run.toml")).unwrap();
    let longer = described.replace("steps = 2", "steps = 3");
    assert_ne!(longer, described);
    std::fs::write(bench.path("run.toml"), longer).unwrap();
    bench.succeed("train --config run.toml --device cpu");
    assert!(bench.path("run/checkpoints/step-00000003").is_dir());
    let journal = std::fs::read_to_string(bench.path("run/journal.jsonl")).unwrap();
    let steps = journal.lines().filter(|line| line.contains("\"loss\""));
    assert_eq!(steps.count(), 3, "{journal}");
    bench.succeed("verify run/model");
}
