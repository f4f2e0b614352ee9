//! Scores as a person asks for them: results against files and against procedural pairs.
#![allow(dead_code, reason = "the support is shared with other tests")]

use serde_json::Value;

mod support;

use support::Bench;

fn json(bench: &Bench, name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(bench.path(name)).unwrap()).unwrap()
}

/// A folder of pairs with perfect results for all but the prompts of two.
fn results(bench: &Bench) {
    bench.succeed("data make -o data --format folder --count 16 --side 64 --seed 5");
    std::fs::create_dir(bench.path("results")).unwrap();
    for number in 0..16 {
        let (from, to) = match number {
            3 | 6 => ("input", "png"),
            _ => ("output", "png"),
        };
        std::fs::copy(
            bench.path(&format!("data/{from}/{number:09}.png")),
            bench.path(&format!("results/{number:09}.{to}")),
        )
        .unwrap();
    }
}

#[test]
fn results_are_matched_by_name_and_what_fails_is_named() {
    let bench = Bench::new();
    results(&bench);
    let text = bench.succeed("score results --truth data --json scores.json --sheet sheet.png");
    let row = |task: &str| {
        let line = text.lines().find(|line| line.starts_with(task)).unwrap();
        line.split_whitespace()
            .map(String::from)
            .collect::<Vec<_>>()
    };
    assert_eq!(row("task")[..3], ["task", "items", "pass"]);
    assert_eq!(row("doodle")[1..5], ["2", "100.0", "100.0", "100.0"]);
    assert_eq!(row("text-box")[1..3], ["2", "50.0"]);
    assert_eq!(row("all")[1..3], ["16", "87.5"]);
    for part in [
        "000000003 (text-box): ",
        "000000006 (force): ",
        "of the marks are left",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let scores = json(&bench, "scores.json");
    assert_eq!(scores["summary"]["all"]["items"], 16);
    assert_eq!(scores["items"].as_array().unwrap().len(), 16);
    assert_eq!(scores["items"][2]["failures"], serde_json::json!([]));
    assert_eq!(scores["items"][3]["task"], "text-box");
    assert!(scores["thresholds"]["place"].is_number());
    // Eight tasks with two entries of three pictures each.
    let sheet = image::open(bench.path("sheet.png")).unwrap();
    assert!(sheet.width() > 6 * 128 && sheet.height() > 8 * 128);

    // The same pairs as shards, and made on the spot.
    bench.succeed("data pack data -o shards");
    let shards = bench.succeed("score results --truth shards");
    assert!(text.starts_with(&shards), "{shards}");
    let made = bench.succeed("score results --count 16 --side 64 --seed 5 --threads 1");
    assert_eq!(made, shards);
    let some = bench.succeed("score results --truth data --first 3 --count 2 --list 0");
    assert!(
        some.contains("and 1 more") && !some.contains("000000003 ("),
        "{some}"
    );
}

#[test]
fn baselines_need_no_results() {
    let bench = Bench::new();
    let pass = |baseline: &str| {
        let text = bench.succeed(&format!(
            "score --baseline {baseline} --count 48 --side 64 --seed 2 --list 0 --json scores.json"
        ));
        let scores = json(&bench, "scores.json");
        assert!(text.contains("ceiling"), "{text}");
        scores["summary"]["all"]["passed"].as_f64().unwrap()
    };
    assert_eq!(pass("target"), 1.0);
    assert_eq!(pass("input"), 0.0);
    assert!(pass("shuffled") < 0.05);
    let text = bench.fail("score --baseline shuffled --count 8 --side 64");
    assert!(text.contains("nothing to shuffle"), "{text}");
}

#[test]
fn the_rules_of_a_wish_judge_pictures_of_any_size() {
    let bench = Bench::new();
    results(&bench);
    // A result of another size and shape.
    let path = bench.path("results/000000000.png");
    let wide =
        image::open(&path)
            .unwrap()
            .resize_exact(150, 90, image::imageops::FilterType::Triangle);
    wide.save(&path).unwrap();
    let text = bench
        .succeed("score results --truth data --rules walk-in --json scores.json --sheet sheet.png");
    let row = |task: &str| {
        let line = text.lines().find(|line| line.starts_with(task)).unwrap();
        let cells = line.split_whitespace().map(String::from);
        cells.collect::<Vec<_>>()
    };
    assert_eq!(
        row("task")[..5],
        ["task", "items", "pass", "ground", "parts"]
    );
    assert_eq!(row("class-to-image")[..3], ["class-to-image", "2", "100.0"]);
    assert_eq!(row("text-box")[1..3], ["2", "50.0"]);
    assert_eq!(row("mean")[1..3], ["16", "87.5"]);
    assert!(text.contains("000000003 (text-box): "), "{text}");
    let scores = json(&bench, "scores.json");
    assert_eq!(scores["rules"], "walk-in");
    assert_eq!(
        scores["thresholds"]["explained"].as_f64().unwrap(),
        f64::from(0.65f32)
    );
    assert_eq!(scores["summary"]["all"]["passed"], 14);
    assert_eq!(scores["items"][0]["failures"], serde_json::json!([]));
    assert!(scores["items"][3]["failures"][0]["rule"].is_string());
    assert!(!scores["items"][3]["caption"].as_str().unwrap().is_empty());
    assert!(image::open(bench.path("sheet.png")).unwrap().width() > 6 * 128);

    let of = |baseline: &str| {
        bench.succeed(&format!(
            "score --baseline {baseline} --truth data --rules walk-in --list 0 --json scores.json"
        ));
        json(&bench, "scores.json")["summary"]["mean"]
            .as_f64()
            .unwrap()
    };
    assert_eq!((of("target"), of("input")), (1.0, 0.0));
}

#[test]
fn missing_results_are_counted_apart_and_fail_the_run() {
    let bench = Bench::new();
    results(&bench);
    std::fs::remove_file(bench.path("results/000000004.png")).unwrap();
    let text = bench.fail("score results --truth data --json scores.json");
    assert!(
        text.contains("1 of 16 pairs have no result") && text.contains("000000004"),
        "{text}"
    );
    let scores = json(&bench, "scores.json");
    assert_eq!(scores["missing"], serde_json::json!(["000000004"]));
    assert_eq!(scores["summary"]["all"]["items"], 15);
}

#[test]
fn bad_input_is_named_and_nothing_is_written() {
    let bench = Bench::new();
    results(&bench);
    std::fs::create_dir(bench.path("empty")).unwrap();
    std::fs::create_dir_all(bench.path("strange/input")).unwrap();
    std::fs::create_dir_all(bench.path("strange/output")).unwrap();
    for folder in ["input", "output"] {
        let to = bench.path(&format!("strange/{folder}/a.png"));
        std::fs::copy(bench.path("in/a.png"), to).unwrap();
    }
    std::fs::create_dir(bench.path("broken")).unwrap();
    std::fs::write(bench.path("broken/000000000.png"), "no picture").unwrap();
    let before = bench.files(".");
    for (line, reason) in [
        ("score", "RESULTS"),
        ("score results", "--count"),
        ("score absent --truth data", "no folder absent"),
        ("score results --truth absent", "absent"),
        (
            "score empty --truth data --json j",
            "the first would be 000000000.png",
        ),
        (
            "score results --truth strange",
            "only pairs that this program made",
        ),
        ("score broken --truth data --sheet s.png", "000000000.png"),
        (
            "score results --truth data --sheet s.jpg",
            "must end in .png",
        ),
        ("score results --truth data --seed 4", "cannot be used with"),
        (
            "score results --truth data --classes key,unicorn",
            "unicorn",
        ),
        (
            "score results --baseline input --count 1",
            "cannot be used with",
        ),
        ("score results --count 0", "--count <N>"),
        ("score results --truth data --first 99", "only 16"),
    ] {
        let text = bench.fail(line);
        assert!(text.contains(reason), "flowinone {line}\n{text}");
    }
    assert_eq!(bench.files("."), before);
}
