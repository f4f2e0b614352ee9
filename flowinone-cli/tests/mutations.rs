//! Damaged files of every format that is read end in an error or in a value: never in a panic,
//! never in a process that runs out of memory or time.
//!
//! 100,000 inputs by default; `FLOWINONE_MUTATIONS=10` makes ten times as many.
#![cfg(feature = "train")]

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use flowinone_data::{Encoded, Sample, ShardWriter, Survey, Walk};
use flowinone_image::{decode_picture, write_with_text};
use flowinone_parity::{folders, mutated};
use flowinone_prompts::{Background, Colour, Doodle, Drawing, Prompt, VisualPrompt};
use flowinone_tasks::{ModelConfig, read_config, read_record};
use flowinone_train::{
    FlowTrainingConfig, Plot, UpscaleTrainingConfig, read_metric_log, read_training_config,
};
use flowinone_weights::Checkpoint;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{DynamicImage, ExtendedColorType, ImageEncoder, ImageFormat, Rgb, RgbImage};
use rayon::prelude::*;

/// Reads the bytes of a file, with a folder to work in.
type Reader = dyn Fn(&[u8], &Path) -> Result<(), String> + Sync;

/// A format: what is damaged, how often, and what reads it.
struct Format {
    name: &'static str,
    whole: Vec<u8>,
    count: u64,
    /// `Ok` if the reader took the bytes, `Err` with its reason if not.
    read: Box<Reader>,
}

fn format<E: ToString>(
    name: &'static str,
    whole: Vec<u8>,
    count: u64,
    read: impl Fn(&[u8], &Path) -> Result<(), E> + Sync + 'static,
) -> Format {
    let read = move |bytes: &[u8], folder: &Path| read(bytes, folder).map_err(|e| e.to_string());
    Format {
        name,
        whole,
        count,
        read: Box::new(read),
    }
}

/// A file of these bytes in a folder of this thread's own.
fn file(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn photo() -> RgbImage {
    RgbImage::from_fn(24, 20, |x, y| {
        Rgb([(x * 10) as u8, (y * 12) as u8, ((x * y) % 251) as u8])
    })
}

fn picture(name: &'static str, whole: Vec<u8>, count: u64) -> Format {
    decode_picture(&whole).unwrap_or_else(|reason| panic!("{name} is sound: {reason}"));
    format(name, whole, count, |bytes, _| {
        decode_picture(bytes).map(drop)
    })
}

fn pictures() -> Vec<Format> {
    let encoded = |format| {
        let mut bytes = Cursor::new(vec![]);
        DynamicImage::from(photo())
            .write_to(&mut bytes, format)
            .unwrap();
        bytes.into_inner()
    };
    let profile = moxcms::ColorProfile::new_display_p3().encode().unwrap();
    let (width, height) = photo().dimensions();
    let mut jpeg = vec![];
    let mut encoder = JpegEncoder::new_with_quality(&mut jpeg, 80);
    encoder.set_icc_profile(profile.clone()).unwrap();
    encoder
        .write_image(&photo(), width, height, ExtendedColorType::Rgb8)
        .unwrap();
    let mut png = vec![];
    let mut encoder = PngEncoder::new(&mut png);
    encoder.set_icc_profile(profile).unwrap();
    encoder
        .write_image(&photo(), width, height, ExtendedColorType::Rgb8)
        .unwrap();
    let progressive = include_bytes!("fixtures/progressive.jpg").to_vec();
    let palette = include_bytes!("fixtures/palette.tif").to_vec();
    vec![
        picture("PNG", encoded(ImageFormat::Png), 6_000),
        picture("PNG with a profile", png, 3_000),
        picture("JPEG with a profile", jpeg, 9_000),
        picture("progressive JPEG", progressive, 6_000),
        picture("WebP", encoded(ImageFormat::WebP), 5_000),
        picture("GIF", encoded(ImageFormat::Gif), 4_000),
        picture("BMP", encoded(ImageFormat::Bmp), 3_000),
        picture("TIFF", encoded(ImageFormat::Tiff), 5_000),
        picture("TIFF with a palette", palette, 4_000),
    ]
}

fn checkpoints() -> Vec<Format> {
    let folders = folders();
    let fixture = |name: &str| {
        let folder = folders.iter().find(|folder| folder.has(name)).unwrap();
        std::fs::read(folder.file(name)).unwrap()
    };
    let read = |name: &'static str| {
        move |bytes: &[u8], folder: &Path| {
            let checkpoint = Checkpoint::open(file(folder, name, bytes))?;
            // A view may claim gigabytes over a small storage; a model's own shapes rule that out.
            let mut small = checkpoint.entries().filter(|entry| entry.len() < 1 << 20);
            small.try_for_each(|entry| entry.read().map(drop))
        }
    };
    // An index of one shard, which lies beside it.
    let shard = fixture("odd_tensors.safetensors");
    let scratch = tempfile::tempdir().unwrap();
    let whole = Checkpoint::open(file(scratch.path(), "whole.safetensors", &shard)).unwrap();
    let place = |name: &str| (name.to_string(), "whole.safetensors".into());
    let places: serde_json::Map<String, serde_json::Value> =
        whole.entries().map(|entry| place(entry.name())).collect();
    let index = serde_json::to_vec(&serde_json::json!({ "weight_map": places })).unwrap();
    let read_index = move |bytes: &[u8], folder: &Path| {
        file(folder, "whole.safetensors", &shard);
        Checkpoint::open(file(folder, "a.index.json", bytes)).map(drop)
    };
    vec![
        format(
            "safetensors",
            fixture("odd_tensors.safetensors"),
            6_000,
            read("a.safetensors"),
        ),
        format("PyTorch", fixture("odd_tensors.pth"), 4_000, read("a.pth")),
        format(
            "older PyTorch",
            fixture("odd_tensors_legacy.pth"),
            4_000,
            read("b.pth"),
        ),
        format("index of shards", index, 3_000, read_index),
    ]
}

const SVG: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><style>.a{stroke:#f00}</style>
<g transform="rotate(10 32 32) scale(0.9)"><path class="a" d="M5 5 C 20 0 30 60 60 60 A 10 8 0 0 1 40 20 z"/>
<circle cx="20" cy="30" r="8"/><polyline points="1,2 30,40 50,12"/></g><use href="#b"/></svg>"##;
const STROKES: &str = r##"[{"points":[[0.1,0.2],["50%","12px"],[0.9,0.9]],"smooth":true,"colour":"#ff0000","width":4},{"points":[[3,4]]}]"##;
const PROMPTS: [&str; 3] = [
    r#"{"task":"class-to-image","name":"cat"}"#,
    r##"{"task":"doodle","picture":{"plain":"#ffffff"},"drawings":[{"strokes":[{"points":[[0.1,0.2],[0.9,0.9]]}]}],"instruction":"x"}"##,
    r##"{"task":"visual-marker","picture":{"plain":"#ffffff"},"instruction":"Remove it.","marks":[{"circle":{"centre":[0.5,0.5],"radius":0.2}}]}"##,
];
const TOML: &str = "train = [\"velocity\"]\n[model]\npreset = \"tiny\"\n[run]\nfolder = \"run\"\nseed = 1\nsteps = 4\nbatch = 2\n[run.schedule]\nlearning_rate = 1e-3\nwarm_up = 0\n[run.optimiser]\nbetas = [0.9, 0.95]\nclip = 1.0\n[[data]]\nfiles = \"pairs\"\nweight = 2\n";
const JOURNAL: &str = "{\"step\":1,\"loss\":0.5,\"gradient_norm\":1e-3}\n{\"step\":2,\"loss\":null}\n{\"step\":3,\"loss\":0.25}\n";

fn drawn(drawing: Drawing) -> Result<(), String> {
    let doodle = Doodle::new(Background::Plain(Colour::WHITE)).instruction(None);
    doodle
        .drawing(drawing)
        .render(64)
        .map(drop)
        .map_err(|e| e.to_string())
}

fn texts() -> Vec<Format> {
    let folder = tempfile::tempdir().unwrap();
    let config = serde_json::to_vec_pretty(&ModelConfig::tiny()).unwrap();
    let record = file(folder.path(), "a.png", b"");
    let recipes = Path::new(env!("CARGO_MANIFEST_DIR")).join("../flowinone-train/recipes");
    let recipe = recipes.join("upscale/icons.toml");
    let json = r#"{"version":"0.1.0","input":"a.png","input_sha256":"12","model":"m","model_digest":"d","task":"doodle","structure":true,"seed":1,"item":2,"settings":{"steps":50,"guidance":{"constant":{"scale":7.0}},"solver":"euler","grid":"reference","noise":1.0},"preview":null,"precision":"f32","device":"cpu"}"#;
    write_with_text(&record, &photo(), "flowinone", json.into()).unwrap();
    read_record(&record).unwrap();
    let svg = |bytes: &[u8], folder: &Path| drawn(Drawing::Svg(file(folder, "a.svg", bytes)));
    let strokes = |bytes: &[u8], folder: &Path| {
        drawn(Drawing::open(file(folder, "a.json", bytes)).map_err(|e| e.to_string())?)
    };
    let mut all = vec![
        format("SVG", SVG.into(), 8_000, svg),
        format("strokes", STROKES.into(), 4_000, strokes),
        format("config.json", config, 5_000, |bytes, folder| {
            read_config(&file(folder, "config.json", bytes)).map(drop)
        }),
        format(
            "record of a PNG",
            std::fs::read(&record).unwrap(),
            5_000,
            |bytes, folder| read_record(&file(folder, "a.png", bytes)).map(drop),
        ),
        format("TOML", TOML.into(), 6_000, |bytes, folder| {
            read_training_config::<FlowTrainingConfig>(&file(folder, "a.toml", bytes)).map(drop)
        }),
        format(
            "TOML of an upscaling run",
            std::fs::read(recipe).unwrap(),
            4_000,
            |bytes, folder| {
                let path = file(folder, "a.toml", bytes);
                let run = read_training_config::<UpscaleTrainingConfig>(&path)
                    .map_err(|e| e.to_string())?;
                // What is taken is of sizes that can be trained.
                let (network, objective) = (run.network.config(), run.objective);
                let small = objective.side as usize / network.scale;
                assert_eq!(small * network.scale, objective.side as usize);
                assert!(small >= 2 && objective.crop >= 2 && !run.data.is_empty());
                assert!(network.work() > 0.0 && network.work().is_finite());
                Ok::<(), String>(())
            },
        ),
        format("journal", JOURNAL.into(), 2_000, |bytes, folder| {
            let entries = read_metric_log(&file(folder, "journal.jsonl", bytes))?;
            Plot::new(&[("a".into(), entries)], &["loss".into()]).map(drop)
        }),
    ];
    for prompt in PROMPTS {
        let read = |bytes: &[u8], _: &Path| {
            let prompt: Prompt = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
            prompt.render(64).map(drop).map_err(|e| e.to_string())
        };
        read(prompt.as_bytes(), folder.path()).unwrap();
        all.push(format("prompt", prompt.into(), 2_000, read));
    }
    all
}

fn shards() -> Vec<Format> {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = ShardWriter::create(folder.path(), 10).unwrap();
    for key in ["000000000", "000000001"] {
        let mut bytes = Cursor::new(vec![]);
        RgbImage::new(3, 3)
            .write_to(&mut bytes, ImageFormat::Png)
            .unwrap();
        let side = Encoded {
            extension: "png".into(),
            bytes: bytes.into_inner(),
        };
        let sample = Sample {
            key: key.into(),
            input: side.clone(),
            output: side,
            kind: Some("t2i".into()),
            json: Some("{\"a\": 1}".into()),
        };
        writer.write(&sample).unwrap();
    }
    let shard = writer.finish().unwrap().remove(0);
    vec![format(
        "tar",
        std::fs::read(shard).unwrap(),
        4_000,
        |bytes, folder| {
            let path = file(folder, "a.tar", bytes);
            let mut walk = Walk::open(&path, 1.0)?;
            while let Some(sample) = walk.next_sample()? {
                walk.decode(&sample)?;
            }
            Survey::of(&path, 1.0).map(drop)
        },
    )]
}

#[test]
fn no_damage_makes_a_reader_panic() {
    let times: u64 = std::env::var("FLOWINONE_MUTATIONS").map_or(1, |text| text.parse().unwrap());
    let formats = [pictures(), checkpoints(), texts(), shards()];
    let formats: Vec<Format> = formats.into_iter().flatten().collect();
    let scratch = tempfile::tempdir().unwrap();
    std::panic::set_hook(Box::new(|_| {})); // told below, with the seed
    let (mut all, mut panics) = (0, vec![]);
    for Format {
        name,
        whole,
        count,
        read,
    } in &formats
    {
        let sound = read(whole, scratch.path());
        assert_eq!(sound, Ok(()), "{name} is read as it was written");
        let refused = AtomicU64::new(0);
        let found: Vec<String> = (0..count * times)
            .into_par_iter()
            .filter_map(|seed| {
                let thread = rayon::current_thread_index().unwrap_or(usize::MAX);
                let folder = scratch.path().join(thread.to_string());
                std::fs::create_dir_all(&folder).unwrap();
                let bytes = mutated(whole, seed);
                match catch_unwind(AssertUnwindSafe(|| read(&bytes, &folder))) {
                    Ok(Ok(())) => None,
                    Ok(Err(reason)) => {
                        refused.fetch_add(1, Ordering::Relaxed);
                        reason
                            .is_empty()
                            .then(|| format!("{name}, seed {seed}: no reason"))
                    }
                    Err(panic) => {
                        let text = panic.downcast_ref::<String>().cloned();
                        let text = text.or(panic.downcast_ref::<&str>().map(ToString::to_string));
                        Some(format!("{name}, seed {seed}: {}", text.unwrap_or_default()))
                    }
                }
            })
            .collect();
        println!(
            "{name}: {} of {} refused",
            refused.into_inner(),
            count * times
        );
        all += count * times;
        panics.extend(found);
    }
    drop(std::panic::take_hook());
    println!("{all} damaged inputs");
    assert!(all >= 100_000, "{all}");
    assert!(
        panics.is_empty(),
        "{} panics, as\n{}",
        panics.len(),
        panics[..panics.len().min(20)].join("\n")
    );
}

/// Numbers that no key should choke on.
const ABSURD: [&str; 13] = [
    "-1",
    "0",
    "0.5",
    "1e308",
    "-1e308",
    "1e-320",
    "1e400",
    "nan",
    "inf",
    "18446744073709551615",
    "18446744073709551616",
    "9223372036854775807",
    "100000000000",
];

/// Where the numbers of a JSON or TOML text stand.
fn numbers(text: &str) -> Vec<std::ops::Range<usize>> {
    let bytes = text.as_bytes();
    let part = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+' | b'e' | b'E');
    let (mut found, mut at, mut quoted) = (vec![], 0, false);
    while at < bytes.len() {
        quoted ^= bytes[at] == b'"';
        let begins = bytes[at].is_ascii_digit() || bytes[at] == b'-';
        let inside = at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
        if !begins || quoted || inside {
            at += 1;
            continue;
        }
        let length = bytes[at..].iter().take_while(|byte| part(**byte)).count();
        found.push(at..at + length);
        at += length;
    }
    found
}

#[test]
fn numbers_of_files_are_refused_or_taken() {
    let scratch = tempfile::tempdir().unwrap();
    let mut tried = 0;
    // Those whose readers take text; a prompt that is taken is drawn.
    for Format {
        name, whole, read, ..
    } in texts().iter().chain(&checkpoints()[3..])
    {
        let Ok(text) = std::str::from_utf8(whole) else {
            continue; // the record of a PNG, whose numbers are those of a prompt and of settings
        };
        for place in numbers(text) {
            for number in ABSURD {
                let changed = format!("{}{number}{}", &text[..place.start], &text[place.end..]);
                let begin = std::time::Instant::now();
                let read = || read(changed.as_bytes(), scratch.path());
                let ended = catch_unwind(AssertUnwindSafe(read));
                assert!(ended.is_ok(), "{name}: {changed}");
                let seconds = begin.elapsed().as_secs();
                assert!(seconds < 10, "{name} took {seconds} s: {changed}");
                tried += 1;
            }
        }
    }
    println!("{tried} absurd numbers");
    assert!(tried > 500, "{tried}");
}
