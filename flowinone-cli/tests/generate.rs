//! Making pictures as a person does: real files in, real files out, every flag with an effect.
#![cfg(feature = "cpu")]
#![allow(dead_code, reason = "the support is shared with other tests")]

use std::process::Command;

mod support;

use support::Bench;

#[test]
fn a_picture_becomes_a_picture_and_replays_equal() {
    let bench = Bench::new();
    let text = bench.succeed("generate -i in/a.png -o out.png --steps 3 --seed 9 --device cpu");
    assert!(
        text.contains("built-in:mini") && text.contains("3 evaluations"),
        "{text}"
    );
    assert_eq!(bench.pixels("out.png").len(), 256 * 256 * 3);
    let text = bench.succeed("replay out.png --device cpu");
    assert!(text.contains("equal to out.png, pixel by pixel"), "{text}");
    let record = bench.succeed("inspect out.png");
    assert!(
        record.contains("\"seed\": 9") && record.contains("\"steps\": 3"),
        "{record}"
    );

    // The prompt has moved, then changed.
    std::fs::rename(bench.path("in/a.png"), bench.path("moved.png")).unwrap();
    let text = bench.fail("replay out.png --device cpu");
    assert!(text.contains("--input says where it is now"), "{text}");
    bench.succeed("replay out.png --input moved.png -o again.png --device cpu");
    let text = bench.fail("replay out.png --input in/deep/b.jpg --device cpu");
    assert!(text.contains("is not the prompt"), "{text}");
    let text = bench.fail("replay moved.png");
    assert!(text.contains("carries no flowinone settings"), "{text}");
    let text = bench.fail("replay out.png --input moved.png -o out.png");
    assert!(text.contains("would be written over"), "{text}");
}

#[test]
fn a_directory_is_mirrored_resumed_and_isolated() {
    let bench = Bench::new();
    std::fs::write(bench.path("in/deep/broken.png"), b"\x89PNG\r\n\x1a\nno").unwrap();
    let run = "generate -i in -o out --steps 2 --guidance 1 --batch-size 2 --device cpu";
    let text = bench.fail(run);
    assert!(
        text.contains("1 of 3 pictures failed") && text.contains("broken.png"),
        "{text}"
    );
    assert_eq!(bench.files("out"), ["a.png", "deep/b.png", "report.jsonl"]);
    let report = bench.report("out/report.jsonl");
    let status = |report: &[serde_json::Value]| -> Vec<(String, String)> {
        let field = |line: &serde_json::Value, name: &str| line[name].as_str().unwrap().to_string();
        let mut all: Vec<_> = report
            .iter()
            .map(|l| (field(l, "input"), field(l, "status")))
            .collect();
        all.sort();
        all
    };
    let pair = |input: &str, status: &str| (input.to_string(), status.to_string());
    let expected = [
        pair("in/a.png", "done"),
        pair("in/deep/b.jpg", "done"),
        pair("in/deep/broken.png", "failed"),
    ];
    assert_eq!(status(&report), expected);
    assert_eq!(
        report.iter().find(|l| l["status"] == "done").unwrap()["evaluations"],
        2
    );

    // Again: what is done is left alone; a single run of the same item gives the same bytes.
    let before = bench.pixels("out/deep/b.png");
    std::fs::remove_file(bench.path("in/deep/broken.png")).unwrap();
    bench.succeed(run);
    let report = bench.report("out/report.jsonl");
    assert_eq!(
        status(&report),
        [
            pair("in/a.png", "skipped"),
            pair("in/deep/b.jpg", "skipped")
        ]
    );
    std::fs::remove_file(bench.path("out/deep/b.png")).unwrap();
    bench.succeed("generate -i in -o out --steps 2 --guidance 1 --device cpu");
    assert_eq!(bench.pixels("out/deep/b.png"), before);

    // Other settings do not replace silently.
    let text = bench.fail("generate -i in -o out --steps 3 --guidance 1 --device cpu");
    assert!(text.contains("--overwrite replaces it"), "{text}");
    assert_eq!(bench.pixels("out/deep/b.png"), before);
    bench.succeed("generate -i in -o out --steps 3 --guidance 1 --device cpu --overwrite");
    assert_ne!(bench.pixels("out/deep/b.png"), before);
}

#[test]
fn every_sampling_flag_changes_the_picture() {
    let bench = Bench::new();
    bench.succeed("init --preset tiny -o model");
    let picture = |flags: &str| {
        bench.succeed(&format!(
            "generate --model model -i in/a.png -o out.png --device cpu {flags}"
        ));
        bench.pixels("out.png")
    };
    let plain = picture("--steps 4");
    assert_eq!(
        picture("--steps 4"),
        plain,
        "the same command, the same bytes"
    );
    for flags in [
        "--steps 5",
        "--steps 4 --guidance 2",
        "--steps 4 --guidance-rule interval=0.2,0.6",
        "--steps 4 --guidance-rule zero-star",
        "--steps 4 --grid uniform",
        "--steps 4 --solver midpoint",
        "--steps 4 --solver heun",
        "--steps 4 --solver rk4",
        "--steps 4 --solver ab2",
        "--steps 4 --solver ab3",
        "--steps 4 --solver dopri5:rtol=0.1,atol=0.1",
        "--steps 4 --adaptive-guidance 1",
        "--steps 4 --step-cache 10",
        "--steps 4 --fast",
        "--steps 4 --seed 1",
        "--steps 4 --noise 0",
        "--steps 4 --noise 0.5",
        "--steps 4 --structure off",
        "--steps 4 --task class-to-image",
        "--steps 4 --dtype bf16",
        "--steps 4 --dtype f16",
        "--steps 4 --dtype int8",
    ] {
        assert_ne!(picture(flags), plain, "{flags} has no effect");
    }
    assert_eq!(picture("--steps 4 --structure on"), plain);
    assert_eq!(
        picture("--steps 4 --step-cache 0 --adaptive-guidance 0"),
        plain,
        "a threshold of 0 is off"
    );
    assert_eq!(picture("--steps 4 --task doodle"), plain);
    let quiet = picture("--steps 4 --noise 0");
    assert_eq!(
        picture("--steps 4 --noise 0 --seed 77"),
        quiet,
        "without noise there is no seed"
    );
}

#[test]
fn savings_are_counted_replayed_and_do_not_depend_on_the_batch() {
    let bench = Bench::new();
    bench.succeed("init --preset tiny -o model");
    let run = "generate --model model -i in --device cpu --steps 8 --adaptive-guidance 1 --step-cache 0.3 -o";
    bench.succeed(&format!("{run} one --batch-size 1"));
    let text = bench.succeed(&format!("{run} two --batch-size 2"));
    assert!(text.contains("8 steps"), "{text}");
    for name in ["a.png", "deep/b.png"] {
        assert!(bench.pixels(&format!("one/{name}")) == bench.pixels(&format!("two/{name}")));
    }
    let evaluations = |folder: &str| {
        let mut lines = bench.report(&format!("{folder}/report.jsonl"));
        lines.sort_by_key(|line| line["input"].to_string());
        let of = |line: &serde_json::Value| line["evaluations"].as_u64().unwrap();
        lines.iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(evaluations("one"), evaluations("two"));
    assert!(evaluations("one").iter().all(|n| *n < 16));
    let text = bench.succeed("replay one/a.png --device cpu");
    assert!(
        text.contains("equal to one/a.png, pixel by pixel"),
        "{text}"
    );
}

#[test]
fn fast_is_printed_and_follows_the_model() {
    let bench = Bench::new();
    bench.succeed("init --preset tiny -o model");
    let run = "generate --model model -i in/a.png -o out.png --device cpu --fast";
    let text = bench.succeed(run);
    let words = "fast: 10 steps of ab2 on the uniform grid, guidance 7 (built in";
    assert!(text.contains(words), "{text}");
    assert!(text.contains("10 steps, 20 evaluations"), "{text}");

    let file = bench.path("model/config.json");
    let mut config: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    config["fast"] = config["sampling"].clone();
    config["fast"]["steps"] = 3.into();
    std::fs::write(&file, config.to_string()).unwrap();
    let text = bench.succeed(run);
    assert!(text.contains("fast: 3 steps of euler"), "{text}");
    assert!(text.contains("(stored in the model)"), "{text}");
    let text = bench.succeed(&format!("{run} --steps 2 --step-cache 0.1"));
    assert!(text.contains("fast: 2 steps of euler"), "{text}");
    assert!(text.contains("step cache 0.1 (stored in the model, changed by other options)"));
    let text = bench.succeed("replay out.png --device cpu");
    assert!(text.contains("pixel by pixel"), "{text}");

    config["fast"]["steps"] = 0.into();
    std::fs::write(&file, config.to_string()).unwrap();
    let text = bench.fail(run);
    assert!(text.contains("fast: 0 steps"), "{text}");
}

#[test]
fn a_picture_in_fewer_bits_says_so_and_replays_equal() {
    let bench = Bench::new();
    for dtype in ["bf16", "int8", "auto"] {
        let flags = "--steps 3 --device cpu --dtype";
        bench.succeed(&format!(
            "generate -i in/a.png -o {dtype}.png {flags} {dtype}"
        ));
        let record = bench.succeed(&format!("inspect {dtype}.png"));
        let expected = format!("\"precision\": \"{dtype}\"");
        assert_eq!(record.contains(&expected), dtype != "auto", "{record}");
        let text = bench.succeed(&format!("replay {dtype}.png --device cpu"));
        assert!(text.contains("equal"), "{text}");
    }
}

#[test]
fn previews_and_reports_are_written_where_asked() {
    let bench = Bench::new();
    bench.succeed("generate -i in/a.png -o out/a.png --steps 5 --preview-every 2 --report r.jsonl --device cpu");
    assert_eq!(
        bench.files("out"),
        ["a.png", "a.step0002.png", "a.step0004.png"]
    );
    assert_eq!(bench.report("r.jsonl")[0]["steps"], 5);
    let record = bench.succeed("inspect out/a.step0002.png");
    assert!(record.contains("\"steps\": 5"), "{record}");
}

#[test]
fn bad_input_is_named_and_nothing_is_written() {
    let bench = Bench::new();
    std::fs::write(bench.path("empty.png"), b"").unwrap();
    for (line, reason) in [
        (
            "generate -i absent.png -o o.png",
            "absent.png does not exist",
        ),
        ("generate -i empty.png -o o.png", "the file is empty"),
        ("generate -i in/a.png -o o.jpg", "must end in .png"),
        (
            "generate -i in/a.png -o o.png --model absent",
            "there is no such directory",
        ),
        ("generate -i in/a.png -o o.png --steps 0", "0 steps"),
        (
            "generate -i in/a.png -o o.png --solver quick",
            "is not a solver",
        ),
        (
            "generate -i in/a.png -o o.png --solver rk4 --grid reference",
            "use the `uniform` grid",
        ),
        (
            "generate -i in/a.png -o o.png --guidance nan",
            "guidance scale",
        ),
        (
            "generate -i in/a.png -o o.png --guidance-rule interval=0.9,0.1",
            "no interval FROM-TO",
        ),
        (
            "generate -i in/a.png -o o.png --guidance-rule maybe",
            "none of constant",
        ),
        ("generate -i in/a.png -o o.png --noise -1", "noise"),
        (
            "generate -i in/a.png -o o.png --step-cache -1",
            "step cache threshold",
        ),
        (
            "generate -i in/a.png -o o.png --adaptive-guidance nan",
            "adaptive guidance threshold",
        ),
        (
            "generate -i in/a.png -o o.png --step-cache 0.1 --solver dopri5",
            "choose another solver",
        ),
        ("generate -i in/a.png -o o.png --task paint", "is no task"),
        (
            "generate -i in/a.png -o o.png --dtype f8",
            "none of f32, f16, bf16",
        ),
        ("generate -i in/a.png -o o.png --device gpu", "is no device"),
        ("generate -i in/a.png -o o.png --device cuda:9", "cuda:9"),
        ("generate -i in/a.png -o o.png --batch-size 0", "batch-size"),
        (
            "generate -i in/a.png -o o.png --task force --structure on",
            "cannot be used with",
        ),
        ("verify in", "config.json"),
        ("inspect absent", "absent"),
    ] {
        let text = bench.fail(line);
        assert!(text.contains(reason), "flowinone {line}\n{text}");
    }
    assert_eq!(bench.files("."), ["empty.png", "in/a.png", "in/deep/b.jpg"]);
}

#[test]
fn devices_are_listed() {
    let text = Bench::new().succeed("devices");
    assert!(text.lines().any(|line| line.starts_with("cpu ")), "{text}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_within_a_step_and_leaves_no_half_file() {
    let bench = Bench::new();
    let mut child = bench
        .command("generate -i in -o out --steps 100000 --device cpu --preview-every 1")
        .stderr(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let first = bench.path("out/a.step0001.png");
    let patience = std::time::Instant::now();
    while !first.exists() {
        assert!(
            patience.elapsed().as_secs() < 120,
            "no preview in two minutes"
        );
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let interrupted = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(interrupted.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    for name in bench.files("out") {
        assert!(
            name == "report.jsonl" || name.starts_with("a.step"),
            "{name} was left"
        );
        if name.ends_with(".png") {
            bench.pixels(&format!("out/{name}")); // whole, or this panics
        }
    }
}
