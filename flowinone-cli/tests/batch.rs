//! A file of prompts: every line an item of its own, made once.
#![cfg(feature = "cpu")]
#![allow(dead_code, reason = "the support is shared with other tests")]

use serde_json::Value;

mod support;

use support::Bench;

const TRAM: &str = r#"{"task":"text-to-image","text":"a tram in the rain","output":"words/tram"}"#;
const CAT: &str = r#"{"task":"class-to-image","name":"cat"}"#;
/// `../in/a.png` is 64 x 64, seen from the batch file's folder.
const PUSH: &str = r#"{"task":"force","picture":"../in/a.png","output":"push.png","arrows":[{"at":{"from":[20,30],"to":["80%",30]}}]}"#;
const RUN: &str = "batch list/p.jsonl -o out --steps 2 --guidance 1 --device cpu";

/// Runs a batch file of these lines.
fn bench(lines: &[&str]) -> Bench {
    let bench = Bench::new();
    std::fs::create_dir(bench.path("list")).unwrap();
    write(&bench, lines);
    bench
}

fn write(bench: &Bench, lines: &[&str]) {
    std::fs::write(bench.path("list/p.jsonl"), lines.join("\n")).unwrap();
}

/// The pictures in the output directory.
fn pictures(bench: &Bench) -> Vec<(String, Vec<u8>)> {
    let names = bench
        .files("out")
        .into_iter()
        .filter(|name| name.ends_with(".png"));
    names
        .map(|name| (name.clone(), bench.pixels(&format!("out/{name}"))))
        .collect()
}

/// Line, status and output of every item, in the order of the report.
fn report(bench: &Bench) -> Vec<(u64, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_string();
    let lines = bench.report("out/report.jsonl").into_iter();
    lines
        .map(|line| {
            (
                line["line"].as_u64().unwrap(),
                text(&line["status"]),
                text(&line["output"]),
            )
        })
        .collect()
}

#[test]
fn a_batch_is_made_once_and_resumed() {
    let bench = bench(&[TRAM, "", CAT, PUSH]);
    bench.succeed(RUN);
    let made = pictures(&bench);
    let names: Vec<&str> = made.iter().map(|(name, _)| name.as_str()).collect();
    let [cat, "push.png", "words/tram.png"] = names.as_slice() else {
        panic!("{names:?}");
    };
    assert!(cat.starts_with("class-to-image-"), "{cat}");
    let lines = bench.report("out/report.jsonl");
    assert_eq!(
        (lines[2]["line"].as_u64(), &lines[2]["input"]),
        (Some(4), &"list/p.jsonl".into())
    );
    assert_eq!(
        (&lines[2]["status"], &lines[2]["steps"]),
        (&"done".into(), &2.into())
    );
    let record: Value = serde_json::from_str(&bench.succeed("inspect out/push.png")).unwrap();
    assert_eq!(
        (&record["task"], &record["structure"]),
        (&"force".into(), &true.into())
    );
    let text = bench.succeed("replay out/push.png --device cpu");
    assert!(text.contains("pixel by pixel"), "{text}");
    std::fs::remove_file(bench.path("out/push.replay.png")).unwrap();

    // Lines may be sorted and added: what is there stays, in any batch size.
    std::fs::remove_file(bench.path("out/words/tram.png")).unwrap();
    write(
        &bench,
        &[PUSH, CAT, r#"{"task":"class-to-image","name":"dog"}"#, TRAM],
    );
    bench.succeed(&format!("{RUN} --batch-size 4"));
    let status: Vec<String> = report(&bench)
        .into_iter()
        .map(|(_, status, _)| status)
        .collect();
    assert_eq!(status, ["skipped", "skipped", "done", "done"]);
    let again = pictures(&bench);
    assert!(
        made.iter().all(|picture| again.contains(picture)),
        "the same bytes again"
    );

    // Other settings, another picture, or another prompt of the same name do not replace silently.
    for other in [format!("{RUN} --seed 1"), format!("{RUN} --side 128")] {
        let text = bench.fail(&other);
        assert!(
            text.contains("--overwrite replaces it") && text.contains("4 of 4"),
            "{text}"
        );
    }
    write(&bench, &[&TRAM.replace("rain", "snow")]);
    let text = bench.fail(RUN);
    assert!(
        text.contains("p.jsonl line 1") && text.contains("--overwrite"),
        "{text}"
    );
    assert_eq!(pictures(&bench), again);
    bench.succeed(&format!("{RUN} --overwrite"));
    assert_ne!(pictures(&bench), again);
}

#[test]
fn a_bad_line_costs_itself_and_is_named() {
    let bench = bench(&[
        TRAM,
        "{not json",
        r#"{"task":"text-box","picture":"../in/a.png","text":"hat","box":[60,10,30,30],"output":"hat"}"#,
        r#"{"task":"text-to-image","text":"a","output":"../../escaped"}"#,
        r#"{"task":"edit"}"#,
        r#"{"task":"text-in-image","picture":"../in/absent.png","instruction":"go","output":"absent"}"#,
        CAT,
        CAT,
    ]);
    let text = bench.fail(RUN);
    for reason in [
        "p.jsonl line 2: it is no prompt",
        "p.jsonl line 3: the box",
        "p.jsonl line 4: output \"../../escaped\" is no name below the output directory",
        "p.jsonl line 5",
        "absent.png",
        "p.jsonl line 8: line 7 becomes",
        "6 of 8 pictures failed",
    ] {
        assert!(text.contains(reason), "{reason}\n{text}");
    }
    assert_eq!(pictures(&bench).len(), 2);
    let mut lines = report(&bench);
    lines.sort();
    let status: Vec<&str> = lines.iter().map(|(_, status, _)| status.as_str()).collect();
    assert_eq!(
        status,
        [
            "done", "failed", "failed", "failed", "failed", "failed", "done", "failed"
        ]
    );
    assert!(!bench.path("escaped.png").exists());
    let all = bench.files(".");
    assert!(all.iter().all(|name| !name.contains("escaped")), "{all:?}");
}

#[test]
fn what_has_no_prompt_writes_nothing() {
    let bench = bench(&[""]);
    for (content, line, reason) in [
        ("", RUN.to_string(), "is empty"),
        (
            "[]\n{}\n",
            RUN.into(),
            "no line of list/p.jsonl is a prompt",
        ),
        (
            r#"{"task":"text-to-image","text":"a","output":"/tmp/x"}"#,
            RUN.into(),
            "below the output",
        ),
        (TRAM, "batch absent.jsonl -o out".into(), "absent.jsonl"),
        (
            TRAM,
            format!("{RUN} --model absent"),
            "there is no such directory",
        ),
        (
            TRAM,
            "batch list/p.jsonl -o list/p.jsonl".into(),
            "is a file",
        ),
        (TRAM, format!("{RUN} --noise -1"), "noise -1"),
    ] {
        write(&bench, &[content]);
        let text = bench.fail(&line);
        assert!(text.contains(reason), "{line}\n{text}");
        assert_eq!(
            bench.files("."),
            ["in/a.png", "in/deep/b.jpg", "list/p.jsonl"]
        );
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_leaves_whole_pictures_and_the_same_command_continues() {
    let bench = bench(&[TRAM, CAT]);
    let slow =
        "batch list/p.jsonl -o out --steps 100000 --guidance 1 --device cpu --preview-every 1";
    let mut child = bench
        .command(slow)
        .stderr(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let first = bench.path("out/words/tram.step0001.png");
    let patience = std::time::Instant::now();
    while !first.exists() {
        assert!(
            patience.elapsed().as_secs() < 120,
            "no preview in two minutes"
        );
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let id = child.id().to_string();
    let asked = std::process::Command::new("kill")
        .args(["-INT", &id])
        .status();
    assert!(asked.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let left = bench.files("out");
    let expected = |name: &String| name == "report.jsonl" || name.contains("tram.step");
    assert!(left.iter().all(expected), "{left:?}");
    bench.succeed(RUN);
    assert!(bench.path("out/words/tram.png").exists());
}
