//! Everything in a data set is used, or named and counted; shares are exact; a run keeps to what it
//! began with.
#![cfg(all(feature = "cpu", feature = "train", unix))]
#![allow(dead_code, reason = "the support is shared with other tests")]

use std::os::unix::fs::symlink;

use image::{Rgb, RgbImage};

mod support;

use support::Bench;

/// Four pairs in `pairs/`.
fn pairs() -> Bench {
    let bench = Bench::new();
    for side in ["input", "output"] {
        std::fs::create_dir_all(bench.path(&format!("pairs/{side}"))).unwrap();
        for number in 0..4u8 {
            let picture = RgbImage::from_fn(64, 64, |x, y| {
                Rgb([(x * 3) as u8, (y * 3) as u8, 50 * number])
            });
            picture
                .save(bench.path(&format!("pairs/{side}/p{number}.png")))
                .unwrap();
        }
    }
    bench
}

fn config(bench: &Bench, steps: u64, model: &str) {
    let text = format!(
        "train = [\"velocity\"]\nmodel = {{ directory = \"{model}\" }}\n[run]\nfolder = \"run\"\nseed = 1\nsteps = {steps}\nbatch = 2\n[run.schedule]\nlearning_rate = 1e-3\nwarm_up = 0\n[run.validation]\nexamples = 0\n[[data]]\nfiles = \"pairs\"\n"
    );
    std::fs::write(bench.path("a.toml"), text).unwrap();
}

#[test]
fn types_are_read_whatever_their_case_and_mark_and_unknown_ones_are_named() {
    let bench = pairs();
    std::fs::create_dir(bench.path("pairs/type")).unwrap();
    let write = |bytes: &[u8]| {
        for number in 0..4 {
            std::fs::write(bench.path(&format!("pairs/type/p{number}.txt")), bytes).unwrap();
        }
    };
    for (bytes, task) in [
        (&b"t2i"[..], "4 t2i"),
        (b"\xef\xbb\xbft2i\r\n", "4 t2i"),
        (b"T2I", "4 t2i"),
        (b"\xff\xfet\x002\x00i\x00", "4 t2i"),
        (b"Text-To-Image", "4 text-to-image"),
        (b"class2image", "4 class-to-image"),
        (b"vismarker", "4 visual-marker"),
        (b"edit", "4 edit"),
    ] {
        write(bytes);
        let text = bench.succeed("data list pairs");
        assert!(text.contains(task), "{bytes:?}: {text}");
    }
    for bytes in [&b"text_2_image"[..], b"", b"i2i"] {
        write(bytes);
        let text = bench.fail("data list pairs");
        assert!(
            text.contains("known are t2i, edit and the tasks class-to-image"),
            "{text}"
        );
        assert!(text.contains("damaged: 4 samples"), "{text}");
    }
}

#[test]
fn a_type_by_its_tasks_name_trains_as_that_task() {
    let bench = pairs();
    bench.succeed("init --preset tiny -o tiny");
    config(&bench, 1, "tiny");
    std::fs::create_dir(bench.path("pairs/type")).unwrap();
    let loss = |kind: &[u8]| {
        for number in 0..4 {
            std::fs::write(bench.path(&format!("pairs/type/p{number}.txt")), kind).unwrap();
        }
        let _ = std::fs::remove_dir_all(bench.path("run"));
        bench.succeed("train --config a.toml");
        let journal = std::fs::read_to_string(bench.path("run/journal.jsonl")).unwrap();
        let first: serde_json::Value =
            serde_json::from_str(journal.lines().next().unwrap()).unwrap();
        first["loss"].as_f64().unwrap()
    };
    let plain = loss(b"t2i");
    for kind in [&b"\xef\xbb\xbfT2I"[..], b"text-to-image", b"CLASS2IMAGE"] {
        assert_eq!(loss(kind), plain, "{kind:?}");
    }
    assert_ne!(loss(b"doodle"), plain, "an edit keeps its structure");
}

#[test]
fn a_truth_that_cannot_be_read_is_damage() {
    let bench = Bench::new();
    bench.succeed("data make --count 4 --tasks class-to-image --side 64 --format folder -o pairs");
    let truth = |number: u8| bench.path(&format!("pairs/truth/00000000{number}.json"));
    let whole = std::fs::read(truth(0)).unwrap();
    std::fs::write(truth(0), [b"\xef\xbb\xbf".as_slice(), &whole].concat()).unwrap();
    let text = bench.succeed("data list pairs");
    assert!(
        text.contains("4 class-to-image") && text.contains("4 with ground truth"),
        "{text}"
    );
    std::fs::write(truth(1), &whole[..200]).unwrap();
    std::fs::write(truth(2), b"").unwrap();
    let newer = String::from_utf8(whole)
        .unwrap()
        .replacen('{', "{\"weather\":1,", 1);
    std::fs::write(truth(3), newer).unwrap();
    let text = bench.fail("data list pairs");
    assert!(
        text.contains("1 class-to-image") && text.contains("damaged: 3 samples"),
        "{text}"
    );
    assert!(
        text.contains("weather") && text.contains("another version"),
        "{text}"
    );
}

#[test]
fn links_other_formats_and_lonely_files_are_used_or_named() {
    let bench = pairs();
    // Pictures elsewhere, linked one by one, and a linked folder.
    std::fs::create_dir_all(bench.path("real/deep")).unwrap();
    for side in ["input", "output"] {
        let real = bench.path(&format!("real/{side}.png"));
        std::fs::rename(bench.path(&format!("pairs/{side}/p3.png")), &real).unwrap();
        symlink(&real, bench.path(&format!("pairs/{side}/p3.png"))).unwrap();
        let deep = bench.path(&format!("real/deep-{side}"));
        std::fs::create_dir(&deep).unwrap();
        std::fs::copy(&real, deep.join("q.png")).unwrap();
        symlink(&deep, bench.path(&format!("pairs/{side}/deep"))).unwrap();
        RgbImage::new(64, 64)
            .save(bench.path(&format!("pairs/{side}/r.BMP")))
            .unwrap();
    }
    let text = bench.succeed("data list pairs");
    assert!(text.contains("6 samples"), "{text}");

    std::fs::write(bench.path("pairs/input/notes.txt"), "x").unwrap();
    std::fs::write(bench.path("pairs/input/._p0.png"), b"\0\x05\x16\x07").unwrap();
    std::fs::write(bench.path("pairs/input/a.heic"), b"\0\0\0\x18ftypheic").unwrap();
    std::fs::create_dir(bench.path("pairs/type")).unwrap();
    std::fs::write(bench.path("pairs/type/none.txt"), "t2i").unwrap();
    let text = bench.succeed("data list pairs");
    assert!(
        text.contains("6 samples") && text.contains("left out: 3 files"),
        "{text}"
    );
    assert!(
        text.contains("notes.txt") && text.contains("HEIC") && text.contains("none.txt"),
        "{text}"
    );
    assert!(!text.contains("._p0"), "{text}");

    // A target without a prompt, a prompt without a target, a link to nowhere, a name used twice.
    std::fs::copy(
        bench.path("pairs/output/p0.png"),
        bench.path("pairs/output/alone.png"),
    )
    .unwrap();
    std::fs::copy(
        bench.path("pairs/input/p0.png"),
        bench.path("pairs/input/other.png"),
    )
    .unwrap();
    symlink("gone.png", bench.path("pairs/input/lost.png")).unwrap();
    std::fs::copy(
        bench.path("pairs/input/p1.png"),
        bench.path("pairs/input/p1.jpg"),
    )
    .unwrap();
    let text = bench.fail("data list pairs");
    for reason in [
        "alone: input/ has no picture of this name",
        "other: output/ has no picture of this name",
        "leads nowhere",
        "have the same name",
    ] {
        assert!(text.contains(reason), "{reason}: {text}");
    }
    assert!(
        text.contains("5 samples") && text.contains("damaged: 4 samples"),
        "{text}"
    );
}

#[test]
fn names_that_look_alike_are_one() {
    let bench = pairs();
    let [composed, apart] = ["caf\u{e9}", "cafe\u{301}"];
    std::fs::rename(
        bench.path("pairs/input/p0.png"),
        bench.path(&format!("pairs/input/{apart}.png")),
    )
    .unwrap();
    std::fs::rename(
        bench.path("pairs/output/p0.png"),
        bench.path(&format!("pairs/output/{composed}.png")),
    )
    .unwrap();
    assert!(bench.succeed("data list pairs").contains("4 samples"));
}

#[test]
fn compressed_shards_and_strangers_are_named_without_their_bytes() {
    let bench = pairs();
    bench.succeed("data pack pairs -o shards");
    let gzip = b"\x1f\x8b\x08\x00\xff\xfe\x00\x80 some bytes of it";
    std::fs::write(bench.path("shards/b.tar"), gzip).unwrap();
    std::fs::write(bench.path("shards/c.tar.gz"), gzip).unwrap();
    std::fs::write(bench.path("shards/d.tar"), [b'x'; 2048]).unwrap();
    std::fs::write(bench.path("shards/readme.md"), "x").unwrap();
    let text = bench.fail("data list shards");
    assert!(
        text.contains("4 samples") && text.contains("3 of 4 shards"),
        "{text}"
    );
    assert_eq!(text.matches("compressed by gzip").count(), 2, "{text}");
    assert!(
        text.contains("no header of a tar entry") && !text.contains("xxx"),
        "{text}"
    );
    assert!(
        text.contains("readme.md: no shard") && !text.contains('\u{fffd}'),
        "{text}"
    );
    std::fs::remove_file(bench.path("shards/pairs-000000.tar")).unwrap();
    let text = bench.fail("data list shards --tolerance 1");
    assert!(text.contains("none of its samples can be used"), "{text}");
}

#[test]
fn shares_are_exact_and_the_same_for_lists_and_runs() {
    let bench = pairs();
    bench.succeed("init --preset tiny -o tiny");
    config(&bench, 6, "tiny");
    std::fs::write(bench.path("pairs/input/p3.png"), "oops").unwrap();
    let text = bench.fail("data list pairs");
    assert!(text.contains("1 of 4 samples are damaged"), "{text}");
    bench.succeed("data list pairs --tolerance 0.25");
    bench.fail("data list pairs --tolerance 0.24");
    let text = bench.fail("train --config a.toml");
    assert!(text.contains("1 of 4 samples are damaged"), "{text}");
    assert!(
        !bench.path("run/checkpoints").exists(),
        "refused before the first step"
    );
    // One of a hundred is within the share, however many passes the run makes.
    for number in 4..100 {
        for side in ["input", "output"] {
            let from = bench.path(&format!("pairs/{side}/p0.png"));
            std::fs::hard_link(from, bench.path(&format!("pairs/{side}/p{number}.png"))).unwrap();
        }
    }
    config(&bench, 120, "tiny");
    let text = bench.succeed("train --config a.toml");
    assert!(text.contains("100 samples, 1 of them damaged"), "{text}");
}

#[test]
fn a_run_goes_on_with_what_it_began_with() {
    let bench = pairs();
    bench.succeed("init --preset tiny --seed 1 -o one");
    bench.succeed("init --preset tiny --seed 2 -o two");
    config(&bench, 1, "one");
    bench.succeed("train --config a.toml");
    config(&bench, 2, "two");
    let text = bench.fail("train --config a.toml");
    assert!(text.contains("another autoencoder"), "{text}");
    config(&bench, 2, "one");
    let first = std::fs::read(bench.path("pairs/output/p0.png")).unwrap();
    std::fs::copy(
        bench.path("pairs/output/p1.png"),
        bench.path("pairs/output/p0.png"),
    )
    .unwrap();
    let text = bench.fail("train --config a.toml");
    assert!(text.contains("other files than pairs holds now"), "{text}");
    std::fs::write(bench.path("pairs/output/p0.png"), first).unwrap();
    bench.succeed("train --config a.toml");
}

#[test]
fn a_run_whose_data_fails_keeps_what_it_learned() {
    let bench = pairs();
    bench.succeed("init --preset tiny -o tiny");
    config(&bench, 100_000, "tiny");
    let mut child = bench
        .command("train --config a.toml")
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    while !std::fs::read_to_string(bench.path("run/origin.json"))
        .is_ok_and(|text| text.contains("files"))
    {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    std::thread::sleep(std::time::Duration::from_millis(1500));
    for number in 0..4 {
        std::fs::write(bench.path(&format!("pairs/input/p{number}.png")), "oops").unwrap();
    }
    let code = child.wait().unwrap().code();
    assert_eq!(code, Some(1));
    assert_eq!(
        std::fs::read_dir(bench.path("run/checkpoints"))
            .unwrap()
            .count(),
        1
    );
}
