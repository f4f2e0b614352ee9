//! Adapters on the command line: added, merged, recorded, and refused where they do not fit.
#![cfg(all(feature = "cpu", feature = "train", unix))]
#![allow(dead_code, reason = "the support is shared with other tests")]

use std::collections::BTreeMap;

use flowinone_image::{largest_difference, read_picture};
use flowinone_lora::{Adapter, Factors, Layers};
use flowinone_tasks::{ModelDirectory, device};

mod support;

use support::Bench;

/// Writes an adapter of three layers of the built-in model.
fn write(bench: &Bench, name: &str, phase: f32) {
    let model = ModelDirectory::named(flowinone_mini::NAME).unwrap();
    let layers = Layers::of(&model.config().flow, &device::blueprint());
    let chosen = layers.paths().filter(|path| path.contains("blocks.1."));
    let wave = |count: usize, step: f32| -> Vec<f32> {
        (0..count)
            .map(|index| 0.2 * (phase + step * index as f32).sin())
            .collect()
    };
    let factors: BTreeMap<String, Factors> = chosen
        .map(|path| {
            let sizes = layers.sizes(path).unwrap();
            let factors = Factors {
                down: wave(3 * sizes[0], 0.7),
                up: wave(3 * sizes[1], 1.3),
                sizes,
                rank: 3,
                scale: 2.0,
            };
            (path.to_string(), factors)
        })
        .collect();
    assert!(factors.len() > 5);
    Adapter::write(&bench.path(name), factors, Some(model.base_digest())).unwrap();
}

#[track_caller]
fn difference(bench: &Bench, one: &str, other: &str) -> u8 {
    let read = |name: &str| read_picture(bench.path(name)).unwrap();
    largest_difference(&read(one), &read(other)).unwrap()
}

#[test]
fn an_adapter_changes_the_picture_as_the_merged_model_does() {
    let bench = Bench::new();
    write(&bench, "style", 0.0);
    write(&bench, "other", 1.0);
    let picture = |options: &str, output: &str| {
        bench.succeed(&format!("class apple --no-upscale {options} -o {output}"))
    };
    picture("", "plain.png");
    let text = picture("--lora style:0", "none.png");
    assert!(
        text.contains("lora style x 0: 13 layers, rank 3, scale 2"),
        "{text}"
    );
    assert_eq!(difference(&bench, "plain.png", "none.png"), 0);
    picture("--lora style --lora other:-0.5", "both.png");
    assert!(difference(&bench, "plain.png", "both.png") > 3);
    bench.succeed("lora merge --lora style --lora other:-0.5 -o merged");
    picture("--model merged", "merged.png");
    assert_eq!(difference(&bench, "both.png", "merged.png"), 0);
    let text = bench.succeed("inspect merged");
    assert!(text.contains("with 2 adapters"), "{text}");
    for dtype in ["bf16", "int8"] {
        picture(&format!("--dtype {dtype} --lora style"), "packed.png");
    }
    picture("--lora style", "style.png");
    assert!(difference(&bench, "style.png", "packed.png") < 128);
}

#[test]
fn the_record_makes_the_picture_again() {
    let bench = Bench::new();
    write(&bench, "style", 0.0);
    bench.succeed("class apple --no-upscale --lora style:0.7 -o a.png");
    let text = bench.succeed("inspect a.png");
    assert!(
        text.contains("\"adapters\"") && text.contains("0.7"),
        "{text}"
    );
    let text = bench.succeed("replay a.png");
    assert!(text.contains("equal to a.png, pixel by pixel"), "{text}");
    std::fs::rename(bench.path("style"), bench.path("moved")).unwrap();
    let text = bench.fail("replay a.png");
    assert!(text.contains("style"), "{text}");
    let text = bench.fail("replay a.png --lora moved:0.6");
    assert!(
        text.contains("--model and --lora name the right one"),
        "{text}"
    );
    bench.succeed("replay a.png --lora moved:0.7");
}

#[test]
fn adapters_are_looked_into_and_refused_in_words() {
    let bench = Bench::new();
    write(&bench, "style", 0.0);
    let text = bench.succeed("lora inspect style");
    for part in [
        "13 layers, rank 3, scale 2",
        "this model",
        "velocity.transformer.blocks.1.mlp.w0\t3\t2\t",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    bench.succeed("init --preset tiny -o tiny");
    let text = bench.fail("lora inspect style --model tiny");
    assert!(text.contains("expected [rank, "), "{text}");
    for (line, part) in [
        ("class apple --lora nothing -o b.png", "nothing"),
        ("class apple --lora style:nan -o b.png", "finite number"),
        ("lora merge --lora style -o tiny", "there already"),
        ("lora merge -o new", "--lora"),
    ] {
        let text = bench.fail(line);
        assert!(text.contains(part), "{line}: {text}");
    }
    assert!(!bench.path("b.png").exists());
    // Trained on other weights of the same sizes: said, and used.
    let factors = bench.path("style/adapter_model.safetensors");
    let mut bytes = std::fs::read(&factors).unwrap();
    let model = ModelDirectory::named(flowinone_mini::NAME).unwrap();
    let digest = model.base_digest();
    let mut windows = bytes.windows(digest.len());
    let at = windows.position(|window| window == digest.as_bytes());
    let at = at.expect("the digest in the header");
    bytes[at..at + 4].copy_from_slice(b"wxyz");
    std::fs::write(&factors, bytes).unwrap();
    let text = bench.succeed("class apple --no-upscale --lora style -o b.png");
    assert!(
        text.contains("warning") && text.contains("other weights"),
        "{text}"
    );
}

/// An adapter of the built-in model, on pairs made on the fly.
const RUN: &str = r#"
train = { lora = { rank = 2, alpha = 4, base = "int8" } }
[model]
directory = "built-in:mini"
[run]
folder = "run"
seed = 3
steps = 3
batch = 1
[run.schedule]
learning_rate = 1e-2
[run.validation]
steps = 2
examples = 1
[[data]]
[data.procedural.pairs]
seed = 1
side = 128
tasks = ["class-to-image", "text-in-image"]
classes = "everyday"
styles = []
split = "train"
holdout = {}
"#;

#[test]
fn a_trained_adapter_is_used_at_once() {
    let bench = Bench::new();
    std::fs::write(bench.path("run.toml"), RUN).unwrap();
    let text = bench.succeed("train --config run.toml");
    assert!(
        text.contains("adapter of 25 layers, rank 2, beside weights in int8"),
        "{text}"
    );
    let text = bench.succeed("lora inspect run/adapter");
    assert!(text.contains("25 layers, rank 2, scale 2"), "{text}");
    assert!(text.contains(", this model"), "{text}");
    bench.succeed("train --config run.toml --export copy");
    let read = |name: &str| std::fs::read(bench.path(name)).unwrap();
    let [trained, copy] =
        ["run/adapter", "copy"].map(|folder| read(&format!("{folder}/adapter_model.safetensors")));
    assert!(trained == copy, "the export is the adapter of the end");
    bench.succeed("class apple --no-upscale -o plain.png");
    bench.succeed("class apple --no-upscale --lora run/adapter -o adapted.png");
    assert!(difference(&bench, "plain.png", "adapted.png") > 0);
    // Another adapter is another run.
    let other = RUN.replace("rank = 2", "rank = 3");
    std::fs::write(bench.path("run.toml"), other).unwrap();
    let text = bench.fail("train --config run.toml");
    assert!(text.contains("another adapter than there is now"), "{text}");
    // Files that are no adapter's stay where they are.
    std::fs::create_dir_all(bench.path("kept/adapter")).unwrap();
    std::fs::write(bench.path("kept/adapter/notes.txt"), "mine").unwrap();
    std::fs::write(bench.path("run.toml"), RUN.replace("\"run\"", "\"kept\"")).unwrap();
    let text = bench.fail("train --config run.toml");
    assert!(text.contains("kept/adapter"), "{text}");
    assert_eq!(read("kept/adapter/notes.txt"), b"mine");
}
