//! Data as a person makes, packs, lists and looks at it: real files in, real files out.
#![allow(dead_code, reason = "the support is shared with other tests")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

mod support;

use support::Bench;

/// The files of a folder, by name, with their bytes.
fn contents(bench: &Bench, name: &str) -> Vec<(String, Vec<u8>)> {
    let read = |file: String| {
        let bytes = std::fs::read(bench.path(name).join(&file)).unwrap();
        (file, bytes)
    };
    bench.files(name).into_iter().map(read).collect()
}

/// What `data list --json` says about one path.
fn listing(bench: &Bench, path: &str) -> Value {
    let output = bench.output(&format!("data list {path} --json"));
    let listings: Value = serde_json::from_slice(&output.stdout).unwrap();
    listings[0].clone()
}

#[test]
fn pairs_are_made_as_shards_and_as_folders_and_one_becomes_the_other() {
    let bench = Bench::new();
    let make = "data make --count 20 --side 48 --seed 3";
    let text = bench.succeed(&format!("{make} -o shards --shard-size 8"));
    assert!(
        text.contains("20 pairs in 3 shards") && text.contains("pairs a second"),
        "{text}"
    );
    let names = ["pairs-000000.tar", "pairs-000001.tar", "pairs-000002.tar"];
    assert_eq!(bench.files("shards"), names);
    bench.succeed(&format!("{make} -o folder --format folder"));
    assert_eq!(bench.files("folder").len(), 60);

    bench.succeed("data pack folder -o packed --shard-size 8");
    assert_eq!(contents(&bench, "packed"), contents(&bench, "shards"));
    bench.succeed("data unpack shards -o unpacked");
    assert_eq!(contents(&bench, "unpacked"), contents(&bench, "folder"));

    let (shards, folder) = (listing(&bench, "shards"), listing(&bench, "folder"));
    assert_eq!(shards["samples"], 20);
    assert_eq!(shards["shards"], 3);
    assert_eq!(shards["truths"], 20);
    assert_eq!(shards["tasks"]["class-to-image"], 3);
    assert_eq!(shards["tasks"]["trajectory"], 2);
    assert_eq!(shards["sizes"]["48x48"], 20);
    for field in ["samples", "bytes", "tasks", "sizes", "truths"] {
        assert_eq!(shards[field], folder[field]);
    }
    let text = bench.succeed("data list shards folder");
    assert!(
        text.contains("20 samples in 3 shards") && text.contains("20 samples in a folder"),
        "{text}"
    );
}

#[test]
fn any_number_of_threads_and_any_division_give_the_same_bytes() {
    let bench = Bench::new();
    let make = "data make --side 64 --tasks force,doodle,text-box";
    bench.succeed(&format!("{make} --count 70 -o one --threads 1"));
    bench.succeed(&format!("{make} --count 70 -o two --threads 2"));
    assert_eq!(contents(&bench, "one"), contents(&bench, "two"));

    // Made in two halves they are the same pairs; another seed gives others.
    let folder = |options: &str| {
        let _ = std::fs::remove_dir_all(bench.path("part"));
        bench.succeed(&format!("{make} {options} -o part --format folder"));
        contents(&bench, "part")
    };
    let whole = folder("--count 10");
    let mut halves = [folder("--count 4"), folder("--count 6 --first 4")].concat();
    halves.sort();
    assert_eq!(whole, halves);
    assert_ne!(whole, folder("--count 10 --seed 9"));
}

#[test]
fn every_option_of_the_pairs_has_an_effect() {
    let bench = Bench::new();
    let truths = |options: &str| -> Vec<Value> {
        let _ = std::fs::remove_dir_all(bench.path("out"));
        let run = "data make --count 12 --side 48 -o out --format folder";
        bench.succeed(&format!("{run} {options}"));
        let files = contents(&bench, "out/truth");
        let read = |(_, json): &(String, Vec<u8>)| serde_json::from_slice(json).unwrap();
        files.iter().map(read).collect()
    };
    let classes = |truth: &Value| -> Vec<String> {
        let seen = truth["objects"].as_array().unwrap().iter();
        seen.map(|o| o["class"].as_str().unwrap().into()).collect()
    };
    let named = "apple,ball,cat,fish,house,tree";
    for truth in truths(&format!("--classes {named}")) {
        assert!(classes(&truth).iter().all(|c| named.contains(&**c)));
    }
    for truth in truths("--styles contour --tasks class-to-image,force") {
        assert!(matches!(
            truth["task"].as_str(),
            Some("class-to-image" | "force")
        ));
        let objects = truth["objects"].as_array().unwrap();
        assert!(objects.iter().all(|o| o["style"] == "contour"));
    }
    let held = "--holdout lettering=comic,style=contour,pairs=0.1 --split";
    for truth in truths(&format!("{held} lettering")) {
        assert_eq!(truth["lettering"], "comic");
        assert_eq!(truth["split"], serde_json::json!({"held-out": "lettering"}));
    }
    for truth in truths(&format!("{held} train")) {
        assert_ne!(truth["lettering"], "comic");
    }
    for truth in truths(r#"--tasks force --variety {"objects":1,"patterns":false}"#) {
        assert_eq!(truth["scene"]["objects"].as_array().unwrap().len(), 1);
    }

    // Icons of one's own, under their prefix or a name given here.
    let square = |colour| format!(r#"{{"body": "<path fill='{colour}' d='M2 2h12v12H2z'/>"}}"#);
    let names = ["ant", "bat", "cat", "dog", "egg", "fox", "owl"];
    let icons: Vec<String> = names
        .iter()
        .map(|name| format!("{name:?}: {}", square("#36c")))
        .collect();
    let json = format!(r#"{{"prefix": "own", "icons": {{{}}}}}"#, icons.join(","));
    std::fs::write(bench.path("icons.json"), json).unwrap();
    let style = |options: &str| {
        let truth = truths(&format!("--tasks class-to-image {options}")).remove(0);
        truth["objects"][0]["style"].as_str().unwrap().to_string()
    };
    assert_eq!(style("--icons icons.json"), "own");
    assert_eq!(style("--icons blue=icons.json"), "blue");
    assert_eq!(
        style("--icons builtin --icons icons.json --styles flat"),
        "flat"
    );
}

#[test]
fn what_cannot_be_made_is_refused_and_nothing_is_written() {
    let bench = Bench::new();
    for (options, part) in [
        ("--count 0", "--count <N>"),
        ("--count 4 --side 8", "16 to 2048"),
        ("--count 4 --tasks paint", "visual-marker"),
        ("--count 4 --classes unicorn", "unicorn"),
        ("--count 4 --split positions", "nothing is held out"),
        ("--count 4 --holdout pairs=2", "expected 0 to 0.5"),
        ("--count 4 --holdout everything", "combinations=SHARE"),
        ("--count 4 --variety {\"odd\":1}", "odd"),
        ("--count 4 --icons absent.json", "absent.json"),
        ("--count 4 --icons in/a.png", "it is a PNG picture"),
        ("--count 4 --shard-size 0", "--shard-size <N>"),
        ("--count 4 --first 18446744073709551615", "--first"),
    ] {
        let text = bench.fail(&format!("data make -o out {options}"));
        assert!(text.contains(part), "{options}: {text}");
        assert!(!bench.path("out").exists(), "{options}");
    }
    // Nothing is written over, whatever it is, and no temporary folder stays.
    for (path, part) in [("in", "not empty"), ("in/a.png", "not empty")] {
        let before = contents(&bench, ".");
        let text = bench.fail(&format!("data make --count 4 --side 48 -o {path}"));
        assert!(text.contains(part), "{text}");
        assert_eq!(contents(&bench, "."), before);
    }
}

#[cfg(unix)]
#[test]
fn a_run_that_is_stopped_leaves_nothing() {
    let bench = Bench::new();
    let before = contents(&bench, ".");
    let temporary = || {
        let entries = std::fs::read_dir(bench.path(".")).unwrap();
        let mut names = entries.map(|entry| entry.unwrap().file_name());
        names.any(|name| name.to_string_lossy().starts_with(".flowinone-"))
    };
    let mut run = bench
        .command("data make --count 1000000 --side 32 -o out --shard-size 50")
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begin = Instant::now();
    while !temporary() && begin.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let stop = Command::new("kill")
        .args(["-INT", &run.id().to_string()])
        .status();
    assert!(stop.unwrap().success());
    assert_eq!(run.wait().unwrap().code(), Some(130));
    assert!(!temporary());
    assert_eq!(contents(&bench, "."), before);
}

fn tar_of(path: &Path, files: &[(&str, &[u8])]) {
    let mut bytes = vec![];
    for (name, data) in files {
        // A name such as "../x" is written by no library: this is the old header, by hand.
        let mut header = [0u8; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[100..107].copy_from_slice(b"0000644");
        header[124..135].copy_from_slice(format!("{:011o}", data.len()).as_bytes());
        header[156] = b'0';
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        bytes.extend_from_slice(&header);
        bytes.extend_from_slice(data);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.resize(bytes.len() + 1024, 0);
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn damage_is_counted_and_named_and_too_much_of_it_is_an_error() {
    let bench = Bench::new();
    bench.succeed("data make --count 6 --side 48 -o good --shard-size 2");
    let png = std::fs::read(bench.path("in/a.png")).unwrap();
    std::fs::create_dir(bench.path("bad")).unwrap();
    tar_of(
        &bench.path("bad/a.tar"),
        &[
            ("fine.in.png", &png),
            ("fine.out.png", &png),
            ("fine.type", b"force"),
            ("lonely.in.png", &png),
            ("broken.in.png", b"no picture"),
            ("broken.out.png", &png),
            ("../../escaped.in.png", &png),
            ("../../escaped.out.png", &png),
        ],
    );
    let whole = std::fs::read(bench.path("good/pairs-000001.tar")).unwrap();
    std::fs::write(bench.path("bad/b.tar"), &whole[..whole.len() / 4]).unwrap();

    let text = bench.fail("data list bad good");
    for part in [
        "a.tar, lonely: out.png",
        "a.tar, broken: in.png",
        "leads out of the shard",
        "b.tar: ",
        "files of this sample may be missing",
        "bad: 4 of 5 samples",
        "6 samples in 3 shards",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let listed = listing(&bench, "bad");
    assert_eq!(listed["damage"]["samples"], 4);
    assert_eq!(listed["damage"]["shards"], 1);
    assert_eq!(listed["tasks"]["force"], 1);
    bench.fail("data list bad --tolerance 0.75");
    bench.succeed("data list bad --tolerance 0.8");
    let text = bench.fail("data list bad --tolerance 7");
    assert!(text.contains("from 0 to 1"), "{text}");

    let text = bench.fail("data unpack bad -o out");
    assert!(text.contains("more than the share 0 allowed"), "{text}");
    assert!(!bench.path("out").exists());
    let text = bench.succeed("data unpack bad -o out --tolerance 1");
    assert!(
        text.contains("left out: ") && text.contains("1 samples"),
        "{text}"
    );
    assert_eq!(
        bench.files("out"),
        ["input/fine.png", "output/fine.png", "type/fine.txt"]
    );
    // Nothing has escaped.
    assert!(
        bench
            .files(".")
            .iter()
            .all(|name| !name.contains("escaped"))
    );

    let text = bench.fail("data list absent");
    assert!(text.contains("absent"), "{text}");
    let text = bench.fail("data list in");
    assert!(text.contains("neither .tar shards nor"), "{text}");
}

#[test]
fn pictures_of_ones_own_are_packed_with_their_names_and_types() {
    let bench = Bench::new();
    let copy = |from: &str, to: &str| {
        std::fs::create_dir_all(bench.path(to).parent().unwrap()).unwrap();
        std::fs::copy(bench.path(from), bench.path(to)).unwrap();
    };
    for side in ["input", "output"] {
        copy("in/a.png", &format!("own/{side}/holiday 1/photo.png"));
        copy("in/deep/b.jpg", &format!("own/{side}/v1.2/sketch.jpg"));
    }
    std::fs::create_dir_all(bench.path("own/type/v1.2")).unwrap();
    std::fs::write(bench.path("own/type/v1.2/sketch.txt"), "t2i").unwrap();
    bench.succeed("data pack own -o packed");
    let listed = listing(&bench, "packed");
    assert_eq!(listed["samples"], 2);
    assert_eq!(listed["tasks"]["t2i"], 1);
    assert_eq!(listed["tasks"]["of unknown type"], 1);
    bench.succeed("data unpack packed -o again");
    assert_eq!(contents(&bench, "again"), contents(&bench, "own"));

    // A dot in a name would end it.
    for side in ["input", "output"] {
        copy("in/a.png", &format!("own/{side}/a.b.png"));
    }
    let text = bench.fail("data pack own -o dotted");
    assert!(text.contains("a.b") && text.contains("--dots-as"), "{text}");
    assert!(!bench.path("dotted").exists());
    bench.succeed("data pack own -o dotted --dots-as -");
    bench.succeed("data unpack dotted -o undotted");
    assert!(bench.files("undotted").contains(&"input/a-b.png".into()));
    for side in ["input", "output"] {
        copy("in/a.png", &format!("own/{side}/a-b.png"));
    }
    let text = bench.fail("data pack own -o twice --dots-as -");
    assert!(
        text.contains("two samples") && text.contains("a-b"),
        "{text}"
    );
    let text = bench.fail("data pack packed -o out");
    assert!(text.contains("holds shards already"), "{text}");
    let text = bench.fail("data unpack own -o out");
    assert!(text.contains("such a folder already"), "{text}");
}

#[test]
fn a_contact_sheet_shows_pairs_of_files_and_of_options() {
    let bench = Bench::new();
    let size = |name: &str| image::image_dimensions(bench.path(name)).unwrap();
    let made = "--side 64 --seed 5";
    bench.succeed(&format!("data make --count 24 {made} -o pairs"));
    let text = bench.succeed("data show pairs -o files.png --each 3 --across 3 --cell 64");
    assert!(text.contains("files.png: 24 pairs"), "{text}");
    let text = bench.succeed(&format!(
        "data show {made} -o options.png --each 3 --across 3 --cell 64"
    ));
    assert!(text.contains("24 pairs"), "{text}");
    assert_eq!(bench.pixels("files.png"), bench.pixels("options.png"));
    let (width, height) = size("files.png");
    assert!(width > 3 * 64 && height > 8 * 2 * 64);

    let text = bench.succeed("data show pairs -o force.png --tasks force --each 2 --cell 64");
    assert!(text.contains("2 pairs"), "{text}");
    assert!(size("force.png").1 < height / 4);
    let before = bench.pixels("force.png");
    bench.succeed("data show pairs -o force.png --tasks force --each 2 --cell 64 --no-captions");
    assert_ne!(before, bench.pixels("force.png"));

    for (options, part) in [
        ("pairs -o sheet.jpg", "must end in .png"),
        ("pairs -o sheet.png --each 0", "--each <N>"),
        ("pairs -o sheet.png --seed 4", "cannot be used with"),
        ("absent -o sheet.png", "absent"),
    ] {
        let text = bench.fail(&format!("data show {options}"));
        assert!(text.contains(part), "{options}: {text}");
    }
}
