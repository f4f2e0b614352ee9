//! Same seed, same bytes, whatever the other items of the batch.
#![cfg(feature = "cpu")]

use burn::tensor::Device;
use flowinone_image::{Filter, center_crop, resize};
use flowinone_sampler::GuidanceRule;
use flowinone_tasks::{Dtype, FlowInOne, Item, ModelConfig, Settings, untrained};
use image::{Rgb, RgbImage};

fn prompt(tint: u8) -> RgbImage {
    RgbImage::from_fn(90, 70, |x, y| Rgb([tint, (x * 2) as u8, (y * 3) as u8]))
}

fn items(seed: u64) -> Vec<Item> {
    let item = |number: u64| Item {
        prompt: prompt(40 * number as u8),
        structure: number != 1,
        seed,
        number,
    };
    (0..4).map(item).collect()
}

fn settings(noise: f64) -> Settings {
    Settings {
        steps: 3,
        guidance: GuidanceRule::Constant { scale: 2.0 },
        noise,
        ..Settings::published()
    }
}

#[test]
fn pictures_do_not_depend_on_the_batch() {
    let pipeline = untrained(&ModelConfig::tiny(), 3, &Device::flex(), Dtype::F32).unwrap();
    check(&pipeline, &settings(1.0));
}

#[test]
fn savings_decide_item_by_item() {
    let pipeline = untrained(&ModelConfig::tiny(), 3, &Device::flex(), Dtype::F32).unwrap();
    let settings = Settings {
        steps: 8,
        adaptive_guidance: 0.02,
        step_cache: 0.1,
        ..settings(1.0)
    };
    let start = pipeline.start(&items(11), settings.noise);
    let last = pipeline.solve(&start, &settings);
    let branches = last.unwrap().branches;
    println!("evaluations of each item: {branches:?} of at most 16");
    let differ = branches.iter().any(|n| *n != branches[0]);
    assert!(differ && branches.iter().all(|n| *n < 16), "{branches:?}");
    check(&pipeline, &settings);
}

fn check(pipeline: &FlowInOne, settings: &Settings) {
    let items = items(11);
    let single: Vec<RgbImage> = items
        .iter()
        .map(|item| {
            pipeline
                .generate(std::slice::from_ref(item), settings)
                .unwrap()
                .remove(0)
        })
        .collect();
    for size in [2, 3, 4] {
        let batched: Vec<RgbImage> = items
            .chunks(size)
            .flat_map(|batch| pipeline.generate(batch, settings).unwrap())
            .collect();
        assert!(batched == single, "batches of {size} give other bytes");
    }
}

#[test]
fn seeds_and_items_have_their_own_noise_and_zero_noise_has_none() {
    let pipeline = untrained(&ModelConfig::tiny(), 3, &Device::flex(), Dtype::F32).unwrap();
    let picture = |seed: u64, number: u64, noise: f64| {
        let item = Item {
            number,
            ..items(seed)[0].clone()
        };
        pipeline
            .generate(&[item], &settings(noise))
            .unwrap()
            .remove(0)
    };
    assert!(picture(1, 0, 1.0) == picture(1, 0, 1.0));
    assert!(picture(1, 0, 1.0) != picture(2, 0, 1.0));
    assert!(picture(1, 0, 1.0) != picture(1, 1, 1.0));
    assert!(picture(1, 0, 0.0) == picture(2, 5, 0.0));
}

#[test]
fn structure_changes_the_picture() {
    let pipeline = untrained(&ModelConfig::tiny(), 3, &Device::flex(), Dtype::F32).unwrap();
    let with = items(1)[0].clone();
    let without = Item {
        structure: false,
        ..with.clone()
    };
    let pictures = [with, without].map(|item| pipeline.generate(&[item], &settings(1.0)).unwrap());
    assert!(pictures[0] != pictures[1]);
}

#[test]
fn a_compositor_sees_the_prompts_of_edits_alone() {
    let mut config = ModelConfig::tiny();
    config.vae.compositor_channels = Some(2);
    let pipeline = untrained(&config, 3, &Device::flex(), Dtype::F32).unwrap();
    let start = pipeline.start(&items(5), 1.0); // all but item 1 are edits
    let decoded = pipeline.decode(start.x0.clone()).unwrap();
    let composed = pipeline.decode_beside(start.x0.clone(), &start).unwrap();
    for (number, (decoded, composed)) in decoded.iter().zip(&composed).enumerate() {
        assert_eq!(decoded == composed, number == 1, "{number}");
        let alone = pipeline.decode_item(&start.x0, &start, number).unwrap();
        assert_eq!(&alone, composed);
    }
    let without = untrained(&ModelConfig::tiny(), 3, &Device::flex(), Dtype::F32).unwrap();
    let start = without.start(&items(5), 1.0);
    let composed = without.decode_beside(start.x0.clone(), &start).unwrap();
    assert!(composed == without.decode(start.x0).unwrap());
}

#[test]
fn what_stays_is_taken_into_pictures_made_larger() {
    let mut config = ModelConfig::tiny();
    config.vae.compositor_channels = Some(2);
    config.vae.compositor_scale = 4;
    let pipeline = untrained(&config, 3, &Device::flex(), Dtype::F32).unwrap();
    let item = &items(1)[0];
    let start = pipeline.start([item], 1.0);
    // The decoded picture itself has nothing of the prompt.
    let small = pipeline.decode_item(&start.x0, &start, 0).unwrap();
    assert!(small == pipeline.decode(start.x0).unwrap()[0]);
    for side in [4 * small.width(), 3 * small.width()] {
        let larger = resize(&small, side, side, Filter::Lanczos);
        let found = pipeline.keep_in_larger(&small, larger.clone(), &item.prompt);
        let found = found.unwrap();
        let prompt = center_crop(&item.prompt, side);
        assert!(found != larger && found != prompt, "{side}");
        for ((found, a), b) in found.pixels().zip(larger.pixels()).zip(prompt.pixels()) {
            for (value, (a, b)) in found.0.iter().zip(a.0.iter().zip(b.0.iter())) {
                assert!(value >= a.min(b) && value <= a.max(b));
            }
        }
    }
    // A compositor of decoded pictures has nothing to say about larger ones.
    config.vae.compositor_scale = 1;
    let pipeline = untrained(&config, 3, &Device::flex(), Dtype::F32).unwrap();
    let larger = resize(&small, 256, 256, Filter::Lanczos);
    let found = pipeline.keep_in_larger(&small, larger.clone(), &item.prompt);
    assert!(found.unwrap() == larger);
}

#[test]
fn decoding_in_bands_changes_no_byte_by_more_than_one() {
    let pipeline = untrained(&ModelConfig::tiny(), 3, &Device::flex(), Dtype::F32).unwrap();
    let start = pipeline.start(&items(5)[..1], 1.0);
    let whole = pipeline.decode(start.x0.clone()).unwrap().remove(0);
    let banded = pipeline.map_codec(|codec| codec.whole_up_to(0));
    let banded = banded.decode(start.x0).unwrap().remove(0);
    let pairs = whole.as_raw().iter().zip(banded.as_raw());
    let off: Vec<u8> = pairs
        .map(|(a, b)| a.abs_diff(*b))
        .filter(|d| *d > 0)
        .collect();
    // Rounding alone: a value at the edge between two bytes may fall to the other side.
    assert!(off.len() <= 20 && off.iter().all(|d| *d == 1), "{off:?}");
}
