//! `flowinone upscale`, `--upscale`, and `replay` of what they make.
#![cfg(feature = "cpu")]
#![allow(dead_code, reason = "the support is shared with other tests")]

mod support;

use image::{DynamicImage, Rgba, RgbaImage};
use support::Bench;

fn size(bench: &Bench, name: &str) -> (u32, u32) {
    image::image_dimensions(bench.path(name)).unwrap()
}

fn settings(bench: &Bench, name: &str) -> serde_json::Value {
    serde_json::from_str(&bench.succeed(&format!("inspect {name}"))).unwrap()
}

#[test]
fn a_picture_becomes_as_large_as_it_is_asked_to() {
    let bench = Bench::new();
    for (scale, expected) in [
        ("", (256, 256)),
        ("--scale 2", (128, 128)),
        ("--scale 1.5x", (96, 96)),
        ("--scale 300x200", (200, 200)),
        ("--tile 20", (256, 256)),
    ] {
        bench.succeed(&format!("upscale in/a.png -o out.png {scale}"));
        assert_eq!(size(&bench, "out.png"), expected, "{scale}");
    }
    // Tiles change nothing.
    bench.succeed("upscale in/a.png -o whole.png");
    assert!(bench.pixels("out.png") == bench.pixels("whole.png"));
}

#[test]
fn a_folder_is_mirrored_resumed_and_reported() {
    let bench = Bench::new();
    std::fs::write(bench.path("in/bad.png"), b"no picture").unwrap();
    let output = bench.output("upscale in -o out --scale 2");
    assert_eq!(output.status.code(), Some(1));
    let said = support::said(&output);
    assert!(
        said.contains("1 of 3 pictures failed") && said.contains("bad.png"),
        "{said}"
    );
    assert_eq!(bench.files("out"), ["a.png", "deep/b.png", "report.jsonl"]);
    let report = bench.report("out/report.jsonl");
    let status: Vec<_> = report
        .iter()
        .map(|line| line["status"].as_str().unwrap())
        .collect();
    assert_eq!(status, ["done", "failed", "done"]);
    assert_eq!(
        (&report[0]["width"], &report[0]["height"]),
        (&128.into(), &128.into())
    );

    std::fs::remove_file(bench.path("in/bad.png")).unwrap();
    std::fs::remove_file(bench.path("out/a.png")).unwrap();
    let said = bench.succeed("upscale in -o out --scale 2");
    assert!(said.contains("b.png: already there"), "{said}");
    let said = bench.fail("upscale in -o out --scale 3");
    assert!(said.contains("--overwrite replaces it"), "{said}");
    bench.succeed("upscale in/*.png -o out --scale 3 --overwrite");
    assert_eq!(size(&bench, "out/a.png"), (192, 192));
    let said = bench.fail("upscale in -o in");
    assert!(said.contains("the same directory"), "{said}");
    let said = bench.fail("upscale in/a.png -o in/a.png");
    assert!(said.contains("a.png"), "{said}");
}

#[test]
fn what_was_enlarged_says_how_and_is_made_again() {
    let bench = Bench::new();
    bench.succeed("class apple -o small.png --seed 3 --no-upscale");
    bench.succeed("upscale small.png -o large.png --scale 3");
    let record = settings(&bench, "large.png");
    assert_eq!(record["upscale"]["model"], "built-in:animevideov3");
    assert_eq!(record["upscale"]["settings"]["target"], "3x");
    assert_eq!(record["made"]["seed"], 3);
    let said = bench.succeed("replay large.png");
    assert!(said.contains("equal to large.png"), "{said}");

    std::fs::rename(bench.path("small.png"), bench.path("moved.png")).unwrap();
    let said = bench.fail("replay large.png");
    assert!(said.contains("--input says where it is now"), "{said}");
    bench.succeed("replay large.png --input moved.png");
    let said = bench.fail("replay large.png --input in/a.png");
    assert!(said.contains("SHA-256 differs"), "{said}");
}

#[test]
fn every_command_that_makes_pictures_makes_them_larger() {
    let bench = Bench::with_drawings();
    bench.succeed("class apple -o small.png --no-upscale");
    assert_eq!(size(&bench, "small.png"), (64, 64));
    bench.succeed("class apple -o apple.png --upscale");
    bench.succeed("upscale small.png -o same.png --model mini-x4");
    // So are pictures of the built-in model by themselves.
    bench.succeed("class apple -o large.png");
    assert!(bench.pixels("apple.png") == bench.pixels("large.png"));
    assert!(bench.pixels("apple.png") == bench.pixels("same.png"));
    let said = bench.succeed("replay apple.png");
    assert!(said.contains("equal to apple.png"), "{said}");

    bench.succeed("generate --input in --output all --upscale 128 --upscale-keep-colours off");
    assert_eq!(size(&bench, "all/deep/b.png"), (128, 128));
    let said =
        bench.succeed("generate --input in --output all --upscale 128 --upscale-keep-colours off");
    assert!(said.contains("already there"), "{said}");
    bench.fail("generate --input in --output all --upscale 192");

    bench.succeed("force photo.png --arrow 100,100,40,0 --frames 3 -o push.webp --upscale 2");
    for frame in ["push.0001.png", "push.0003.png", "push.webp"] {
        assert_eq!(size(&bench, frame), (128, 128), "{frame}");
    }
    // Unfinished pictures stay small, and say nothing of what was not done to them.
    bench.succeed("class apple -o steps.png --steps 3 --upscale --preview-every 2");
    assert_eq!(size(&bench, "steps.step0002.png"), (64, 64));
    assert!(
        settings(&bench, "steps.step0002.png")
            .get("upscale")
            .is_none()
    );
}

#[test]
fn transparency_and_profile_are_kept() {
    let bench = Bench::new();
    let disc = |x: u32, y: u32| (x as i32 - 20).pow(2) + (y as i32 - 20).pow(2) < 200;
    let picture = RgbaImage::from_fn(40, 40, |x, y| match disc(x, y) {
        true => Rgba([220, 40, 30, 255]),
        false => Rgba([0, 0, 0, 0]),
    });
    let profile = moxcms::ColorProfile::new_display_p3().encode().unwrap();
    let mut bytes = vec![];
    let mut encoder = image::codecs::png::PngEncoder::new(&mut bytes);
    image::ImageEncoder::set_icc_profile(&mut encoder, profile.clone()).unwrap();
    picture.write_with_encoder(encoder).unwrap();
    std::fs::write(bench.path("disc.png"), bytes).unwrap();
    bench.succeed("upscale disc.png -o large.png");

    let file = std::io::BufReader::new(std::fs::File::open(bench.path("large.png")).unwrap());
    let mut decoder = image::codecs::png::PngDecoder::new(file).unwrap();
    assert_eq!(
        image::ImageDecoder::icc_profile(&mut decoder).unwrap(),
        Some(profile)
    );
    let large = DynamicImage::from_decoder(decoder).unwrap().into_rgba8();
    assert_eq!(large.dimensions(), (160, 160));
    assert_eq!(large.get_pixel(0, 0).0[3], 0);
    let middle = large.get_pixel(80, 80).0;
    assert!(
        middle[3] == 255 && middle[0].abs_diff(220) < 4 && middle[1].abs_diff(40) < 4,
        "{middle:?}"
    );
    // No dark fringe where it ends: colours under transparency are those of the disc.
    let fringe = large.pixels().filter(|pixel| pixel.0[3] > 20);
    let darkest = fringe.map(|pixel| pixel.0[0]).min();
    assert!(darkest > Some(190), "{darkest:?}");
}

#[test]
fn nonsense_is_refused_before_work() {
    let bench = Bench::new();
    for (line, word) in [
        ("upscale in/a.png -o x.png --scale NaN", "neither a factor"),
        ("upscale in/a.png -o x.png --scale 0", "neither a factor"),
        ("upscale in/a.png -o x.png --scale 17", "neither a factor"),
        (
            "upscale in/a.png -o x.png --scale 20x20",
            "nothing to enlarge",
        ),
        ("upscale in/a.png -o x.png --tile 0", "tiles of 0 pixels"),
        (
            "upscale in/a.png -o x.png --model x4plus",
            "download RealESRGAN_x4plus.pth",
        ),
        (
            "upscale in/a.png -o x.png --model nothing",
            "no upscaling model nothing",
        ),
        (
            "upscale in/a.png -o x.png --model in/a.png",
            "a PNG picture",
        ),
        ("upscale in/a.png -o x.jpg", "must end in .png"),
        ("upscale gone.png -o x.png", "does not exist"),
        ("class apple -o x.png --upscale NaN", "neither a factor"),
        ("class apple -o x.png --upscale 20000", "neither a factor"),
        (
            "class apple -o x.png --upscale --upscale-model nothing",
            "no upscaling model nothing",
        ),
        (
            "class apple -o x.png --upscale-model animevideov3",
            "--upscale",
        ),
    ] {
        let said = bench.fail(line);
        assert!(said.contains(word), "{line}: {said}");
        assert!(!bench.path("x.png").exists(), "{line}");
    }
    // At the limit of what is read, beyond that of what is written.
    let long = image::RgbImage::new(16_384, 1);
    long.save(bench.path("long.png")).unwrap();
    let said = bench.fail("upscale long.png -o x.png");
    assert!(
        said.contains("65536 x 4") && said.contains("smaller factor"),
        "{said}"
    );
}

#[cfg(feature = "train")]
#[test]
fn a_network_is_trained_resumed_and_used() {
    let bench = Bench::new();
    let config = |steps: u32| {
        format!(
            r#"
[network]
features = 4
convolutions = 1
scale = 2
[objective]
side = 32
crop = 8
[run]
folder = "run"
seed = 1
steps = {steps}
batch = 2
schedule.learning_rate = 1e-3
validation = {{ steps = 2, examples = 1 }}
[[data]]
[data.procedural.pairs]
seed = 1
side = 32
tasks = ["class-to-image"]
classes = "everyday"
styles = []
split = "train"
holdout = {{}}
"#
        )
    };
    let write = |text: String| std::fs::write(bench.path("up.toml"), text).unwrap();
    write(config(2));
    let said = bench.succeed("train-upscale --config up.toml");
    assert!(said.contains("psnr_lanczos"), "{said}");
    write(config(3));
    let said = bench.succeed("train-upscale --config up.toml");
    assert!(said.contains("resumed at step 2 of 3"), "{said}");
    bench.succeed("upscale in/a.png -o own.png --model run/upscale.safetensors");
    assert_eq!(size(&bench, "own.png"), (128, 128));
    bench.succeed("train-upscale --config up.toml --export own.safetensors --half");
    let said = bench.succeed("inspect own.safetensors");
    assert!(said.contains("body.4.weight\t12x4x3x3\tf16"), "{said}");

    write(config(3).replace("side = 32\ncrop", "side = 33\ncrop"));
    let said = bench.fail("train-upscale --config up.toml");
    assert!(
        said.contains("objective.side") && said.contains("multiple"),
        "{said}"
    );
    write(config(3).replace("[objective]", "[objective]\nmodel = \"built-in:mini\""));
    let said = bench.fail("train-upscale --config up.toml");
    assert!(said.contains("makes pictures of 64 pixels"), "{said}");

    // Small pictures that a model makes of the prompts.
    write(config(2).replace("crop = 8", "flow_made = 0.5"));
    let said = bench.fail("train-upscale --config up.toml");
    assert!(said.contains("objective.flow_made needs"), "{said}");
    let made = config(2)
        .replace(
            "crop = 8",
            "crop = 8\nmodel = \"built-in:mini\"\nflow_made = 0.5\nsteepness = 0.4",
        )
        .replace("folder = \"run\"", "folder = \"made\"")
        .replace("scale = 2", "scale = 4")
        .replace("side = 32", "side = 256");
    write(made);
    bench.succeed("train-upscale --config up.toml");
    let journal = std::fs::read_to_string(bench.path("made/journal.jsonl")).unwrap();
    assert!(journal.contains("\"steepness\""), "{journal}");
    bench.succeed("upscale in/a.png -o made.png --model made/upscale.safetensors");
    assert_eq!(size(&bench, "made.png"), (256, 256));
}
