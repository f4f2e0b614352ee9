//! Distillation on the command line: from a run to pictures in one, two and four evaluations, and
//! what a distilled model refuses.
#![cfg(all(feature = "cpu", feature = "train", unix))]
#![allow(dead_code, reason = "the support is shared with other tests")]

mod support;

use support::Bench;

/// The built-in model is the teacher.
const RUN: &str = r#"
teacher = { steps = 8, guidance = 3.0 }
student = { boundary = 3, steps = 4, pairs_per_path = 2 }
[model]
directory = "built-in:mini"
[run]
folder = "run"
seed = 3
steps = 3
batch = 2
[run.schedule]
learning_rate = 1e-4
[run.validation]
steps = 3
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

fn describe(bench: &Bench, name: &str, text: &str) {
    std::fs::write(bench.path(name), text).unwrap();
}

fn weights(bench: &Bench, model: &str) -> Vec<u8> {
    std::fs::read(bench.path(model).join("flow.safetensors")).unwrap()
}

#[test]
fn a_distilled_model_makes_its_pictures_in_one_two_and_four_evaluations() {
    let bench = Bench::new();
    describe(&bench, "run.toml", RUN);
    let text = bench.succeed("distil --config run.toml");
    for part in [
        "teacher: mini (8 steps of ab2 on the uniform grid, guidance 3)",
        "student: 4 steps of map on the uniform grid, guidance 3 (distilled)",
        "error_1_class-to-image",
        "error_8_text-in-image",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let text = bench.succeed("inspect run/model");
    assert!(
        text.contains("distilled at guidance 3 from the model"),
        "{text}"
    );
    assert!(text.contains("\"boundary\": 3"), "{text}");
    bench.succeed("distil --config run.toml --export copy");
    assert!(weights(&bench, "run/model") == weights(&bench, "copy"));

    let picture = |options: &str| format!("class apple --no-upscale --model run/model {options}");
    let text = bench.succeed(&picture("-o own.png"));
    assert!(text.contains("4 steps, 4 evaluations"), "{text}");
    for steps in [1, 2, 4] {
        let line = picture(&format!("--steps {steps} --guidance 3 -o {steps}.png"));
        let text = bench.succeed(&line);
        assert!(
            text.contains(&format!("{steps} steps, {steps} evaluations")),
            "{text}"
        );
    }
    assert_eq!(bench.pixels("own.png"), bench.pixels("4.png"));
    assert_ne!(bench.pixels("1.png"), bench.pixels("4.png"));
    let text = bench.succeed(&picture("--fast -o fast.png"));
    assert!(text.contains("fast: 2 steps of map"), "{text}");
    let text = bench.succeed("replay 2.png");
    assert!(text.contains("equal to 2.png, pixel by pixel"), "{text}");
    for (options, said) in [
        ("--guidance 7", "was distilled at guidance 3"),
        ("--guidance-rule zero-star", "was distilled at guidance 3"),
        ("--solver ab2", "steps by its map alone"),
        ("--grid reference", "use the `uniform` grid"),
        ("--step-cache 0.1", "an average of its own"),
    ] {
        let text = bench.fail(&picture(&format!("{options} -o refused.png")));
        assert!(text.contains(said), "{options}: {text}");
    }
    assert!(!bench.path("refused.png").exists());
    let text = bench.fail("tune --model run/model");
    assert!(text.contains("distilled to step by its map"), "{text}");
    for options in ["--solver map", "--guidance-rule distilled"] {
        bench.fail(&format!("class apple {options} -o refused.png"));
    }
    // A student teaches nothing.
    let again = RUN
        .replace("built-in:mini", "run/model")
        .replace("\"run\"", "\"again\"");
    describe(&bench, "again.toml", &again);
    let text = bench.fail("distil --config again.toml");
    assert!(text.contains("is distilled already"), "{text}");
    // Another teacher is another run.
    describe(
        &bench,
        "run.toml",
        &RUN.replace("guidance = 3.0", "guidance = 2.0"),
    );
    let text = bench.fail("distil --config run.toml");
    assert!(text.contains("another student than there is now"), "{text}");
}

#[test]
fn a_run_that_goes_on_ends_as_one_that_never_stopped() {
    let bench = Bench::new();
    let run = |folder: &str, steps: u64| {
        let text = RUN
            .replace("\"run\"", &format!("\"{folder}\""))
            .replace("steps = 3\nbatch", &format!("steps = {steps}\nbatch"))
            .replace("examples = 1", "examples = 0");
        describe(&bench, "run.toml", &text);
        bench.succeed("distil --config run.toml")
    };
    run("straight", 3);
    run("halves", 1);
    let text = run("halves", 3);
    assert!(text.contains("resumed at step 1 of 3"), "{text}");
    assert!(weights(&bench, "straight/model") == weights(&bench, "halves/model"));
}

#[test]
fn an_adapter_turns_its_model_into_the_student() {
    let bench = Bench::new();
    let train = "train = { lora = { rank = 2, alpha = 4, base = \"int8\" } }\n";
    describe(&bench, "run.toml", &format!("{train}{RUN}"));
    let text = bench.succeed("distil --config run.toml");
    assert!(text.contains("25 layers, rank 2, scale 2"), "{text}");
    let text = bench.succeed("lora inspect run/adapter");
    assert!(text.contains("a distilled student"), "{text}");
    assert!(text.contains(", this model"), "{text}");
    let text = bench.succeed("class apple --no-upscale --lora run/adapter --steps 2 -o a.png");
    assert!(text.contains("2 steps, 2 evaluations"), "{text}");
    bench.succeed("replay a.png");
    for (options, said) in [
        ("--lora run/adapter:0.5", "leave the weight out"),
        (
            "--lora run/adapter --lora run/adapter",
            "the model is one already",
        ),
        (
            "--lora run/adapter --guidance 1",
            "was distilled at guidance 3",
        ),
    ] {
        let text = bench.fail(&format!("class apple {options} -o refused.png"));
        assert!(text.contains(said), "{options}: {text}");
    }
    bench.succeed("lora merge --lora run/adapter -o merged");
    bench.succeed("class apple --no-upscale --model merged --steps 2 -o b.png");
    assert_eq!(bench.pixels("a.png"), bench.pixels("b.png"));
    let text = bench.succeed("inspect merged");
    assert!(text.contains("distilled at guidance 3"), "{text}");
}
