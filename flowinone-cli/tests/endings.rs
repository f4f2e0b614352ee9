//! How a run ends when something stands against it: outputs that close or fill up, Ctrl-C in the
//! middle of a step, numbers that make no sense, entries that cannot be read. Never by a panic, and
//! never with less done than could be.
#![cfg(all(feature = "cpu", feature = "train", unix))]
#![allow(dead_code, reason = "the support is shared with other tests")]

use std::fs::File;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

mod support;

use support::{Bench, said};

/// A folder of four pictures.
fn four() -> Bench {
    let bench = Bench::new();
    std::fs::create_dir(bench.path("four")).unwrap();
    for number in 0..4 {
        let to = bench.path(&format!("four/{number}.png"));
        std::fs::copy(bench.path("in/a.png"), to).unwrap();
    }
    bench
}

#[test]
fn a_reader_that_goes_away_ends_the_output_and_not_the_work() {
    let bench = four();
    let mut command = bench.command("generate -i four -o out --steps 1");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take()); // as `| head -0` does
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(bench.report("out/report.jsonl").len(), 4);
    assert_eq!(bench.files("out").len(), 5);
    for line in [
        "devices",
        "inspect out/0.png",
        "verify absent",
        "data list absent",
        "--help",
    ] {
        let mut child = bench
            .command(line)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        drop(child.stderr.take());
        assert_ne!(child.wait().unwrap().code(), Some(101), "{line}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_device_is_one_error_at_the_end() {
    let bench = four();
    let full = || File::options().write(true).open("/dev/full").unwrap();
    let mut command = bench.command("generate -i four -o out --steps 1");
    let output = command.stdout(full()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = said(&output);
    assert_eq!(
        text.matches("cannot write to the standard output").count(),
        1,
        "{text}"
    );
    assert_eq!(bench.files("out").len(), 5, "all pictures and the report");
    for line in ["devices", "data list in/absent", "inspect out/0.png"] {
        let output = bench.command(line).stdout(full()).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{line}: {}", said(&output));
    }
    // Nothing on the side is worth stopping for.
    let mut command = bench.command("generate -i four -o out2 --steps 1");
    assert_eq!(
        command
            .stderr(full())
            .stdout(Stdio::null())
            .status()
            .unwrap()
            .code(),
        Some(0)
    );
    assert_eq!(bench.files("out2").len(), 5);
}

#[test]
fn ctrl_c_is_heard_and_a_tolerance_that_cannot_be_met_ends() {
    let bench = Bench::new();
    let mut command = bench.command("class cat -o x.png --steps 100000");
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(1000));
    assert!(child.try_wait().unwrap().is_none());
    let begin = Instant::now();
    let id = child.id().to_string();
    let asked = Command::new("kill").args(["-s", "INT", &id]).status();
    assert!(asked.unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", said(&output));
    assert!(
        begin.elapsed() < Duration::from_secs(20),
        "a step takes some milliseconds"
    );
    assert!(!bench.path("x.png").exists());

    let text = bench.fail("class cat -o x.png --solver dopri5:rtol=1e-300,atol=1e-300");
    assert!(text.contains("finer than the numbers themselves"), "{text}");
}

/// Numbers that no option should choke on.
const ABSURD: [&str; 14] = [
    "-1",
    "0",
    "1e308",
    "-1e308",
    "1e-320",
    "nan",
    "inf",
    "-inf",
    "18446744073709551615",
    "18446744073709551616",
    "9223372036854775808",
    "4294967296",
    "1e999",
    "0x10",
];

#[test]
fn every_numeric_option_refuses_or_takes_any_number() {
    let bench = Bench::with_drawings();
    bench.succeed("data make --count 1 --side 32 --format folder -o pairs");
    std::fs::create_dir(bench.path("run")).unwrap();
    std::fs::write(bench.path("run/journal.jsonl"), "{\"step\":1,\"loss\":1}\n").unwrap();
    // What would be computed is kept away by an input that is not there, or is small.
    let lines = [
        "generate -i gone.png -o a.png --steps N",
        "generate -i gone.png -o a.png --batch-size N",
        "generate -i gone.png -o a.png --seed N",
        "generate -i gone.png -o a.png --preview-every N",
        "generate -i in/a.png -o file.jpg --guidance=N",
        "generate -i in/a.png -o file.jpg --noise=N",
        "generate -i in/a.png -o file.jpg --adaptive-guidance=N",
        "generate -i in/a.png -o file.jpg --step-cache=N",
        "generate -i in/a.png -o file.jpg --first-block-cache=N",
        "generate -i in/a.png -o file.jpg --guidance-rule interval=N,1",
        "generate -i in/a.png -o file.jpg --solver dopri5:rtol=N",
        "generate -i in/a.png -o file.jpg --solver dopri5:max_steps=N",
        "class cat --prompt-only -o a.png --side=N",
        "class cat --prompt-only -o a.png --size=N",
        "mark photo.png --cross N,N,N --instruction x --prompt-only -o a.png",
        "mark photo.png --circle 50%,50%,N --instruction x --prompt-only -o a.png --width=N",
        "mark photo.png --arrow N,N,9,9 --instruction x --prompt-only -o a.png",
        "box photo.png --box N,N,N,N --text x --prompt-only -o a.png",
        "force photo.png --arrow N,N,9,9 --prompt-only -o a.png",
        "trajectory photo.png --path 'N,9 9,N' --prompt-only -o a.png",
        "trajectory photo.png --path '9,9 90,90' --frames N --prompt-only -o gone/a.jpg",
        "trajectory photo.png --path '9,9 90,90' --frames 2 --frame-rate=N --prompt-only -o a.webp",
        "doodle photo.png --drawing drawing.png --pen-width=N --prompt-only -o a.png",
        "data make --count N -o pairs",
        "data make --count 1 --first N -o pairs",
        "data make --count 1 --threads N -o pairs",
        "data make --count 1 --shard-size N -o pairs",
        "data make --count 1 --side N -o pairs",
        "data make --count 1 --seed N -o pairs",
        "data make --count 1 --holdout pairs=N -o pairs",
        "data list pairs --tolerance=N",
        "data show pairs -o s.png --each N",
        "data show pairs -o s.png --across N",
        "data show pairs -o s.png --cell N",
        "data pack pairs -o pairs --shard-size N",
        "score gone --truth pairs --first N",
        "score gone --truth pairs --count N",
        "score gone --truth pairs --threads N",
        "score gone --truth pairs --list N",
        "plot run -o p.svg --smooth N",
        "tune --bound=N --prompts gone.png",
        "tune --steps N --prompts gone.png",
        "tune --truth-steps N --prompts gone.png",
        "tune --seeds N --prompts gone.png",
        "init --preset tiny --seed N -o pairs",
    ];
    for line in lines {
        for number in ABSURD {
            let line = line.replace('N', number);
            let begin = Instant::now();
            let output = bench.output(&line);
            let text = said(&output);
            assert!(
                matches!(output.status.code(), Some(0..=2)),
                "{line}: {:?}\n{text}",
                output.status
            );
            assert!(!text.contains("panicked"), "{line}: {text}");
            assert!(
                begin.elapsed() < Duration::from_secs(30),
                "{line}: {:?}",
                begin.elapsed()
            );
        }
    }
    let text = bench.fail("data make --count 2 --threads 100000 -o q");
    assert!(text.contains("1 to 1024"), "{text}");
    let mut command = bench.command("devices");
    let output = command.env("RAYON_NUM_THREADS", "100000").output().unwrap();
    assert!(said(&output).contains("1 to 1024"), "{}", said(&output));
}

#[test]
fn a_bad_entry_of_a_folder_fails_alone() {
    let bench = four();
    symlink("gone.png", bench.path("four/link.png")).unwrap();
    symlink(bench.path("four"), bench.path("four/loop")).unwrap();
    std::fs::write(bench.path("four/._0.png"), b"\x00\x05\x16\x07\x00\x02").unwrap();
    std::fs::write(bench.path("four/bad.png"), b"oops").unwrap();
    let locked = bench.path("four/locked");
    std::fs::create_dir(&locked).unwrap();
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o000)).unwrap();
    // Root may read everything.
    let readable = std::fs::read_dir(&locked).is_ok();
    let text = bench.fail("generate -i four -o out --steps 1");
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o755)).unwrap();
    for (name, reason) in [
        ("link.png", "leads nowhere"),
        ("loop", "lies in"),
        ("bad.png", "usable picture"),
    ] {
        let line = text
            .lines()
            .find(|line| line.contains(name) && line.starts_with("failed"));
        assert!(
            line.is_some_and(|line| line.contains(reason)),
            "{name}: {text}"
        );
    }
    assert!(!text.contains("._0.png"), "{text}");
    assert!(readable || text.contains("locked"), "{text}");
    let report = bench.report("out/report.jsonl");
    let done = report
        .iter()
        .filter(|line| line["status"] == "done")
        .count();
    assert_eq!((done, report.len()), (4, if readable { 7 } else { 8 }));
}
