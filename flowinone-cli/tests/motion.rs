//! Paths and pushes frame by frame.
#![cfg(feature = "cpu")]
#![allow(dead_code, reason = "the support is shared with other tests")]

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use image::codecs::{gif::GifDecoder, png::PngDecoder, webp::WebPDecoder};
use image::{AnimationDecoder, DynamicImage, Frame};

mod support;

use support::Bench;

/// `in/a.png` is 64 x 64.
const PATH: &str =
    "trajectory in/a.png --path '8,8 30,40 56,20' --steps 2 --guidance 1 --device cpu";
const PUSH: &str = "force in/a.png --arrow 10,30,50,20 --steps 2 --guidance 1 --device cpu";

fn frames(path: &Path) -> Vec<Frame> {
    let file = BufReader::new(File::open(path).unwrap());
    let frames = match path.extension().unwrap().to_str().unwrap() {
        "webp" => WebPDecoder::new(file).unwrap().into_frames(),
        "gif" => GifDecoder::new(file).unwrap().into_frames(),
        _ => PngDecoder::new(file).unwrap().apng().unwrap().into_frames(),
    };
    frames.collect_frames().unwrap()
}

fn pixels(frame: &Frame) -> Vec<u8> {
    DynamicImage::from(frame.buffer().clone())
        .into_rgb8()
        .into_raw()
}

#[test]
fn frames_end_where_the_single_picture_is_and_replay() {
    let bench = Bench::new();
    for command in [PATH, PUSH] {
        bench.succeed(&format!("{command} -o whole.png"));
        bench.succeed(&format!("{command} --frames 3 -o frames --batch-size 2"));
        assert_eq!(bench.files("frames"), ["0001.png", "0002.png", "0003.png"]);
        let [first, second, last] =
            ["0001", "0002", "0003"].map(|name| bench.pixels(&format!("frames/{name}.png")));
        assert!(
            first != second && second != last,
            "{command}: nothing moves"
        );
        assert!(last == bench.pixels("whole.png"), "{command}: other noise");
        let text = bench.succeed("replay frames/0002.png --device cpu -o again.png");
        assert!(text.contains("pixel by pixel"), "{text}");
        std::fs::remove_dir_all(bench.path("frames")).unwrap();
    }
}

#[test]
fn animations_hold_every_frame() {
    let bench = Bench::new();
    for (name, exact) in [("a.webp", true), ("a.apng", true), ("a.gif", false)] {
        bench.succeed(&format!("{PUSH} --frames 4 --frame-rate 8 -o out/{name}"));
        let there = frames(&bench.path("out").join(name));
        assert_eq!(there.len(), 4, "{name}");
        let times = there.iter().map(|frame| frame.delay().numer_denom_ms());
        let total: f64 = times.map(|(n, d)| f64::from(n) / f64::from(d)).sum();
        assert!((total - 500.0).abs() < 10.0, "{name}: {total} ms");
        for (number, frame) in there.iter().enumerate() {
            let picture = bench.pixels(&format!("out/a.{:04}.png", number + 1));
            assert!(!exact || pixels(frame) == picture, "{name}: frame {number}");
        }
    }
    // All three were made from the same frames, the second and third time without a model.
    let names = [
        "a.0001.png",
        "a.0002.png",
        "a.0003.png",
        "a.0004.png",
        "a.apng",
        "a.gif",
        "a.webp",
    ];
    assert_eq!(bench.files("out"), names);
}

#[test]
fn a_sequence_is_resumed_and_never_mixed() {
    let bench = Bench::new();
    let run = format!("{PATH} --frames 3 -o out/a.webp");
    bench.succeed(&run);
    let before = bench.pixels("out/a.0002.png");
    std::fs::remove_file(bench.path("out/a.0002.png")).unwrap();
    let text = bench.succeed(&run);
    assert_eq!(text.matches("already there").count(), 2, "{text}");
    assert!(bench.pixels("out/a.0002.png") == before);
    let animation = std::fs::read(bench.path("out/a.webp")).unwrap();
    for other in ["--seed 1", "--side 128"] {
        let text = bench.fail(&format!("{run} {other}"));
        assert!(text.contains("--overwrite replaces it"), "{text}");
    }
    let text = bench.fail(&run.replace("--frames 3", "--frames 4"));
    assert!(text.contains("--overwrite replaces it"), "{text}");
    assert!(
        std::fs::read(bench.path("out/a.webp")).unwrap() == animation,
        "an incomplete motion"
    );
    bench.succeed(&format!("{run} --seed 1 --overwrite"));
    assert!(bench.pixels("out/a.0002.png") != before);
}

#[test]
fn prompts_move_without_a_model() {
    let bench = Bench::new();
    bench.succeed(&format!(
        "{PATH} --frames 5 --prompt-only --side 64 -o out/a.webp"
    ));
    assert_eq!(bench.files("out"), ["a.webp"]);
    let there = frames(&bench.path("out/a.webp"));
    assert_eq!((there.len(), there[0].buffer().dimensions()), (5, (64, 64)));
    bench.succeed(&format!(
        "{PATH} --frames 5 --prompt-only --side 64 -o out/a.png"
    ));
    for (number, frame) in there.iter().enumerate() {
        let picture = bench.pixels(&format!("out/a.{:04}.png", number + 1));
        assert!(pixels(frame) == picture, "frame {number}");
    }
    let text = bench.fail(&format!("{PATH} --frames 5 --prompt-only -o out/a.png"));
    assert!(text.contains("--overwrite"), "{text}");
    bench.succeed(&format!(
        "{PATH} --frames 5 --prompt-only --overwrite -o out/a.png"
    ));
}

#[test]
fn saved_prompts_make_the_same_frames() {
    let bench = Bench::new();
    bench.succeed(&format!(
        "{PUSH} --frames 3 -o out/a.png --save-prompt list.jsonl"
    ));
    bench.succeed("batch list.jsonl -o all --steps 2 --guidance 1 --device cpu");
    for name in ["a.0001.png", "a.0002.png", "a.0003.png"] {
        let [one, other] = ["out", "all"].map(|folder| bench.pixels(&format!("{folder}/{name}")));
        assert!(one == other, "{name}");
    }
    bench.succeed(&format!(
        "{PUSH} --frames 2 --prompt-only -o p.gif --save-prompt saved/q.png"
    ));
    assert_eq!(bench.files("saved"), ["q.0001.png", "q.0002.png"]);
}

#[test]
fn what_is_no_motion_is_refused_and_nothing_is_written() {
    let bench = Bench::new();
    std::fs::create_dir(bench.path("out")).unwrap();
    let before = bench.files(".");
    for (flags, reason) in [
        ("--frames 1 -o out/a.webp", "2 to 1000"),
        ("--frames 5000000 -o out/a.webp", "2 to 1000"),
        ("--frames 3 -o out/a.mp4", ".webp, .gif or .apng"),
        (
            "--frames 3 --frame-rate 5 -o out/a.png",
            "--frame-rate is for",
        ),
        ("--frames 3 --frame-rate 0 -o out/a.gif", "0.1 to 100"),
        ("--frames 3 --frame-rate nan -o out/a.gif", "0.1 to 100"),
        ("--frame-rate 5 -o out/a.png", "--frames"),
        ("--overwrite -o out/a.png", "--frames"),
        ("-o out/a.webp", "must end in .png"),
        (
            "--frames 3 -o out/a.png --save-prompt out/a.png",
            "another name",
        ),
    ] {
        for command in [PATH, PUSH] {
            let text = bench.fail(&format!("{command} {flags}"));
            assert!(text.contains(reason), "{flags}\n{text}");
            assert_eq!(bench.files("."), before, "{flags}");
        }
    }
}
