//! `--shard`: the shards of a run together are the run, byte for byte, and their reports merge.
#![cfg(feature = "cpu")]
#![allow(dead_code, reason = "the support is shared with other tests")]

use std::collections::BTreeMap;

use serde_json::Value;

mod support;

use support::Bench;

/// The bytes of all files below a folder, reports left out, by name.
fn bytes(bench: &Bench, folder: &str) -> BTreeMap<String, Vec<u8>> {
    let names = bench.files(folder).into_iter();
    names
        .filter(|name| !name.starts_with("report"))
        .map(|name| {
            let bytes = std::fs::read(bench.path(&format!("{folder}/{name}"))).unwrap();
            (name, bytes)
        })
        .collect()
}

/// A report's lines, without what a run costs.
fn items(bench: &Bench, report: &str) -> Vec<(Value, Value, Value, Value)> {
    let mut items: Vec<_> = bench
        .report(report)
        .into_iter()
        .map(|line| {
            let of = |name: &str| line[name].clone();
            (of("line"), of("input"), of("item"), of("status"))
        })
        .collect();
    items.sort_by_key(|item| format!("{:?}", (item.0.as_u64(), &item.1)));
    items
}

fn prompts(bench: &Bench) {
    let mut lines: Vec<String> = ["apple", "castle", "penguin", "rocket", "sailboat"]
        .iter()
        .enumerate()
        .map(|(number, name)| match number {
            0 => format!(r#"{{"task":"class-to-image","name":"{name}","output":"named/{name}"}}"#),
            _ => format!(r#"{{"task":"class-to-image","name":"{name}"}}"#),
        })
        .collect();
    lines.insert(2, r#"{"task":"paint"}"#.into());
    std::fs::write(bench.path("p.jsonl"), lines.join("\n")).unwrap();
}

const BATCH: &str = "batch p.jsonl --no-upscale --steps 2 --seed 3 --device cpu";

#[test]
fn the_shards_of_a_batch_are_the_batch_and_their_reports_merge() {
    let bench = Bench::new();
    prompts(&bench);
    assert!(bench.fail(&format!("{BATCH} -o whole")).contains("line 3"));
    for shard in 1..=3 {
        // Two in one directory, one elsewhere, in batches of two.
        let folder = if shard < 3 { "parts" } else { "elsewhere" };
        bench.output(&format!(
            "{BATCH} -o {folder} --shard {shard}/3 --batch-size 2"
        ));
    }
    let mut parts = bytes(&bench, "parts");
    let elsewhere = bytes(&bench, "elsewhere");
    assert!((1..=2).contains(&elsewhere.len()), "{:?}", elsewhere.keys());
    parts.extend(elsewhere);
    assert_eq!(parts, bytes(&bench, "whole"));
    let names = bench.files("parts").into_iter();
    let reports: Vec<String> = names.filter(|name| name.ends_with(".jsonl")).collect();
    assert_eq!(reports, ["report-1-of-3.jsonl", "report-2-of-3.jsonl"]);

    let all = "parts/report-1-of-3.jsonl parts/report-2-of-3.jsonl elsewhere/report-3-of-3.jsonl";
    let text = bench.succeed(&format!("report merge {all} -o merged.jsonl"));
    assert!(text.contains("6 items of 3 shards"), "{text}");
    assert_eq!(
        items(&bench, "merged.jsonl"),
        items(&bench, "whole/report.jsonl")
    );

    // Gaps, overlaps, other settings, and reports of whole runs are refused.
    let gap = bench.fail("report merge parts/report-1-of-3.jsonl -o no.jsonl");
    assert!(gap.contains("no report here: 2, 3"), "{gap}");
    let plain = bench.fail("report merge whole/report.jsonl -o no.jsonl");
    assert!(plain.contains("--shard"), "{plain}");
    let (own, other) = ("parts/report-1-of-3.jsonl", "other/report-2-of-3.jsonl");
    bench.output("batch p.jsonl --no-upscale --steps 3 --seed 3 --device cpu -o other --shard 2/3");
    let other = bench.fail(&format!("report merge {own} {other} -o no.jsonl"));
    assert!(other.contains("settings is"), "{other}");
    let itself = bench.fail(&format!("report merge {own} -o {own}"));
    assert!(itself.contains("report-1-of-3.jsonl"), "{itself}");
    assert!(!bench.path("no.jsonl").exists());
}

#[test]
fn an_array_job_takes_its_shard_from_the_environment() {
    let bench = Bench::new();
    bench.succeed("generate --input in --output whole --steps 1 --no-upscale --device cpu");
    for task in ["4", "5"] {
        let line =
            "generate --input in --output parts --steps 1 --no-upscale --device cpu --shard auto";
        let mut command = bench.command(line);
        command.env("SLURM_ARRAY_TASK_ID", task);
        command.envs([
            ("SLURM_ARRAY_TASK_COUNT", "2"),
            ("SLURM_ARRAY_TASK_MIN", "4"),
        ]);
        assert!(command.output().unwrap().status.success());
    }
    assert_eq!(bytes(&bench, "parts"), bytes(&bench, "whole"));
    bench.succeed("report merge parts/report-1-of-2.jsonl parts/report-2-of-2.jsonl -o r.jsonl");
    let nothing = bench.fail("generate --input in --output parts --shard auto");
    assert!(nothing.contains("JOB_COMPLETION_INDEX"), "{nothing}");
    let single = "generate --input in/a.png --output a.png --steps 1 --shard 1/2 --device cpu";
    assert!(bench.fail(single).contains("single picture"));
}

#[test]
fn more_shards_than_items_leave_some_with_nothing_to_do() {
    let bench = Bench::new();
    let line = "generate --input in --output out --steps 1 --no-upscale --device cpu";
    for shard in 1..=3 {
        bench.succeed(&format!("{line} --shard {shard}/3"));
    }
    bench.succeed(
        "report merge out/report-1-of-3.jsonl out/report-2-of-3.jsonl out/report-3-of-3.jsonl -o r.jsonl",
    );
    assert_eq!(bench.report("r.jsonl").len(), 2);
}

#[test]
fn the_shards_of_procedural_pairs_are_the_pairs() {
    let bench = Bench::new();
    let make = "data make --count 21 --first 4 --side 32 --seed 3 --shard-size 4";
    for format in ["shards", "folder"] {
        bench.succeed(&format!("{make} --format {format} -o {format}"));
        let mut parts = BTreeMap::new();
        for shard in 1..=4 {
            let folder = format!("{format}-{shard}");
            bench.succeed(&format!(
                "{make} --format {format} -o {folder} --shard {shard}/4"
            ));
            for (name, bytes) in bytes(&bench, &folder) {
                assert!(parts.insert(name, bytes).is_none());
            }
        }
        assert_eq!(parts, bytes(&bench, format), "{format}");
    }
}

#[test]
fn the_scores_of_shards_merge_into_those_of_the_run() {
    let bench = Bench::new();
    bench.succeed("data make -o data --format folder --count 16 --side 64 --seed 5");
    std::fs::create_dir(bench.path("results")).unwrap();
    for number in (0..16).filter(|number| *number != 9) {
        let from = if number % 5 == 3 { "input" } else { "output" };
        std::fs::copy(
            bench.path(&format!("data/{from}/{number:09}.png")),
            bench.path(&format!("results/{number:09}.png")),
        )
        .unwrap();
    }
    for rules in ["exact", "walk-in"] {
        let score = format!("score results --truth data --rules {rules}");
        bench.fail(&format!("{score} --json whole.json")); // pair 9 has no result
        for shard in 1..=3 {
            bench.output(&format!("{score} --json {shard}.json --shard {shard}/3"));
        }
        bench.succeed("report merge 2.json 1.json 3.json -o merged.json");
        let read = |name: &str| std::fs::read_to_string(bench.path(name)).unwrap();
        assert_eq!(read("merged.json"), read("whole.json"), "{rules}");
        let gap = bench.fail("report merge 1.json 3.json -o no.json");
        assert!(gap.contains("missing is 2"), "{gap}");
        let twice = bench.fail("report merge 1.json 1.json -o no.json");
        assert!(twice.contains("shard 1 of 3, as is"), "{twice}");
    }
    bench.output("score results --truth data --first 1 --json 2.json --shard 2/3");
    let other = bench.fail("report merge 1.json 2.json -o no.json");
    assert!(other.contains("another run"), "{other}");
    let shuffled = bench.fail("score --baseline shuffled --count 8 --json a.json --shard 1/2");
    assert!(shuffled.contains("cannot be shuffled"), "{shuffled}");
}
