//! Tiles and bands against the whole: nothing differs.
#![cfg(feature = "cpu")]

#[allow(dead_code, reason = "each file of tests uses a part of it")]
mod support;

use std::path::Path;

use burn::module::Module;
use burn::tensor::{Device, Distribution, FloatDType, Tensor, TensorData};
use flowinone_image::PictureWithAlpha;
use flowinone_kernels::Dtype;
use flowinone_upscale::{
    Compact, CompactConfig, Config, Error, Planes, RrdbConfig, Settings, Span, SpanConfig, Target,
    Upscaler, Watch,
};
use flowinone_weights::{Init, ParamSpec, fill, save_module};
use image::{GrayImage, Luma, Rgb, RgbImage};

fn drawn<M: Module>(module: M) -> M {
    let draw = |param: &ParamSpec| {
        let fan: usize = param.shape[1..].iter().product();
        let init = Init::Normal {
            std: (1.5 / fan.max(4) as f32).sqrt(),
        };
        Ok(init.draw(param, 3, FloatDType::F32))
    };
    fill(module, draw).unwrap()
}

fn picture(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        Rgb([0, 1, 2].map(|c| ((x * 7 + y * 13 + c * 50 + x * y / 9) % 256) as u8))
    })
}

/// A Compact of five convolutions, wide enough for the convolutions' tiles of four.
const SMALL: CompactConfig = CompactConfig {
    channels: 3,
    features: 36,
    convolutions: 3,
    scale: 2,
};

#[test]
fn tiles_of_compact_are_the_whole_bit_by_bit() {
    // Deep enough that what is rounded otherwise would come through.
    let deep = CompactConfig {
        convolutions: 9,
        ..SMALL
    };
    for config in [SMALL, deep] {
        let compact: Compact = drawn(config.init(&Device::flex()));
        let upscaler = upscaler(&compact);
        let picture = Planes::of_bytes(picture(75, 61).as_raw(), 3, 61, 75);
        let made = |tile, tileable| {
            let settings = Settings {
                tile,
                tileable,
                ..Settings::default()
            };
            let made = upscaler.enlarge_planes(&picture, &settings, &mut |_| true);
            made.unwrap()
        };
        for tileable in [false, true] {
            let whole = made(None, tileable);
            for tile in [16, 20, 33, 64] {
                let same = made(Some(tile), tileable) == whole;
                assert!(same, "tiles of {tile}, tileable {tileable}");
            }
        }
        assert!(made(None, false) != made(None, true));
    }
}

/// A SPAN wide enough for the convolutions' tiles of four.
const SPAN: SpanConfig = SpanConfig {
    channels: 3,
    features: 36,
    blocks: 2,
    scale: 2,
    normalised: true,
};

#[test]
fn tiles_of_span_are_the_whole_bit_by_bit() {
    let deep = SpanConfig { blocks: 6, ..SPAN };
    for config in [SPAN, deep] {
        let span: Span = drawn(config.init(&Device::flex()));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("span.safetensors");
        published(&span, &path, of_span);
        let upscaler = Upscaler::open(&path, &Device::flex(), Dtype::F32).unwrap();
        assert_eq!(upscaler.network().config(), Config::Span(config));
        let picture = Planes::of_bytes(picture(75, 61).as_raw(), 3, 61, 75);
        let made = |tile, tileable| {
            let settings = Settings {
                tile,
                tileable,
                ..Settings::default()
            };
            let made = upscaler.enlarge_planes(&picture, &settings, &mut |_| true);
            made.unwrap()
        };
        for tileable in [false, true] {
            let whole = made(None, tileable);
            for tile in [16, 33] {
                let same = made(Some(tile), tileable) == whole;
                assert!(same, "tiles of {tile}, tileable {tileable}");
            }
        }
        assert!(made(None, false) != made(None, true));
    }
}

#[test]
fn beyond_its_reach_nothing_counts_in_a_span_but_rounding() {
    let device = Device::flex();
    let span: Span = drawn(SPAN.init(&device));
    let x = Tensor::random([1, 3, 24, 60], Distribution::Uniform(0.0, 1.0), &device);
    let run = |columns: usize| {
        let mut go_on = |_| true;
        let mut watch = Watch::new(&mut go_on);
        let x = x.clone().narrow(3, 0, columns);
        let y = span.forward(x, Dtype::F32, &mut watch).unwrap();
        y.narrow(3, 0, 2 * 20) // of twenty columns that are kept
    };
    let whole = run(60);
    let largest: f32 = whole.clone().abs().max().into_scalar();
    let off = |overlap: usize| -> f32 {
        let off: f32 = (run(20 + overlap) - whole.clone())
            .abs()
            .max()
            .into_scalar();
        off / largest
    };
    let reach = SPAN.reach();
    let [short, exact, twice] = [reach - 2, reach, 2 * reach].map(off);
    println!(
        "overlaps of {}, {reach}, {}: {short:e}, {exact:e}, {twice:e}",
        reach - 2,
        2 * reach
    );
    // Rounding through nine layers: 1.1e-6 as measured.
    assert!(exact < 1e-5 && short > 10.0 * exact, "{short:e}, {exact:e}");
    assert_eq!(twice, 0.0);
}

/// A model of that network, through a file.
fn upscaler(network: &Compact) -> Upscaler {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("compact.safetensors");
    published(network, &path, of_compact);
    Upscaler::open(&path, &Device::flex(), Dtype::F32).unwrap()
}

/// Written under its published names.
fn published<M: Module>(network: &M, path: &Path, name: impl Fn(&str) -> String) {
    let own = path.with_extension("own");
    save_module(&own, network, FloatDType::F32).unwrap();
    let bytes = std::fs::read(own).unwrap();
    let all = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let tensors = all.tensors().into_iter();
    let tensors: Vec<_> = tensors.map(|(own, view)| (name(&own), view)).collect();
    std::fs::write(path, safetensors::serialize(tensors, None).unwrap()).unwrap();
}

fn of_compact(name: &str) -> String {
    let parts: Vec<&str> = name.split('.').collect();
    let number: usize = parts[1].parse().unwrap();
    match parts[0] {
        "convs" => format!("body.{}.{}", 2 * number, parts[2]),
        _ => format!("body.{}.weight", 2 * number + 1),
    }
}

fn of_span(name: &str) -> String {
    let (module, kind) = name.rsplit_once('.').unwrap();
    match module {
        "upsampler" => format!("upsampler.0.{kind}"),
        "conv_cat" => name.into(),
        _ => match module.strip_prefix("blocks.") {
            None => format!("{module}.eval_conv.{kind}"),
            Some(block) => {
                let (number, module) = block.split_once('.').unwrap();
                let number: usize = number.parse().unwrap();
                format!("block_{}.{module}.eval_conv.{kind}", number + 1)
            }
        },
    }
}

#[test]
fn bands_of_the_tail_are_the_whole_bit_by_bit() {
    let device = Device::flex();
    for (doublings, features) in [(0, 8), (0, 33), (1, 8), (1, 33), (2, 8), (2, 33), (3, 33)] {
        let config = RrdbConfig {
            features,
            growth: 4,
            blocks: 1,
            doublings,
            ..RrdbConfig::x4plus()
        };
        let network = drawn(config.init(&device));
        let h = Tensor::random(
            [1, features, 37, 9],
            Distribution::Normal(0.0, 1.0),
            &device,
        );
        let tail = |rows| {
            let mut go_on = |_| true;
            let mut watch = Watch::new(&mut go_on);
            network
                .tail_in_bands(h.clone(), rows, Dtype::F32, &mut watch)
                .unwrap()
                .into_data()
        };
        let whole = tail(37);
        for rows in [4, 8, 12, 20] {
            let same = tail(rows) == whole;
            assert!(same, "{doublings} doublings, {features} features, {rows}");
        }
    }
}

#[test]
fn faded_tiles_of_a_deep_network_are_near_the_whole() {
    let device = Device::flex();
    let config = RrdbConfig {
        features: 8,
        growth: 4,
        blocks: 3,
        ..RrdbConfig::x4plus()
    };
    assert!(config.reach() > 32); // what a tile sees
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("esrgan.safetensors");
    let network = drawn(config.init(&device));
    published(&network, &path, |name| {
        let (module, kind) = name.rsplit_once('.').unwrap();
        match module.strip_prefix("conv_up.") {
            Some(number) => format!("conv_up{}.{kind}", number.parse::<usize>().unwrap() + 1),
            None => name.to_string(),
        }
    });
    let upscaler = Upscaler::open(&path, &device, Dtype::F32).unwrap();
    let picture = picture(75, 40);
    let made = |tile| {
        let settings = Settings {
            tile,
            keep_colours: false,
            ..Settings::default()
        };
        upscaler
            .enlarge(&picture, &settings, &mut |_| true)
            .unwrap()
            .into_raw()
    };
    let (tiled, whole) = (made(Some(32)), made(None));
    let differences = tiled.iter().zip(&whole).map(|(a, b)| a.abs_diff(*b));
    // What lies beyond 32 pixels counts for little.
    assert!(differences.max() <= Some(2));
}

#[test]
fn a_texture_that_repeats_still_does_when_it_is_larger() {
    let compact = drawn(SMALL.init(&Device::flex()));
    let upscaler = upscaler(&compact);
    let settings = Settings {
        tileable: true,
        ..Settings::default()
    };
    let texture = picture(20, 12);
    let shifted = RgbImage::from_fn(20, 12, |x, y| {
        *texture.get_pixel((x + 8) % 20, (y + 4) % 12)
    });
    let larger = |picture| upscaler.enlarge(picture, &settings, &mut |_| true).unwrap();
    let (a, b) = (larger(&texture), larger(&shifted));
    let moved = RgbImage::from_fn(40, 24, |x, y| *a.get_pixel((x + 16) % 40, (y + 8) % 24));
    // The sums of the low frequencies are in another order.
    let differences = moved
        .as_raw()
        .iter()
        .zip(b.as_raw())
        .map(|(a, b)| a.abs_diff(*b));
    assert!(differences.max() <= Some(1));
}

#[test]
fn other_factors_and_sizes_are_resized_after() {
    let compact = drawn(SMALL.init(&Device::flex()));
    let upscaler = upscaler(&compact);
    let picture = picture(31, 20);
    for (target, size) in [
        (Target::Native, (62, 40)),
        (Target::Factor(1.5), (47, 30)),
        (Target::Factor(3.0), (93, 60)),
        (Target::Factor(7.0), (217, 140)),
        (Target::Within(64, 1000), (64, 41)),
    ] {
        let settings = Settings {
            target,
            ..Settings::default()
        };
        let made = upscaler
            .enlarge(&picture, &settings, &mut |_| true)
            .unwrap();
        assert_eq!(made.dimensions(), size);
    }
    for size in [[16_384, 1], [1, 16_384], [9000, 9000]] {
        let text = upscaler
            .check(size, &Settings::default())
            .unwrap_err()
            .to_string();
        assert!(text.contains("would become"), "{text}");
    }
    // Long and thin, at the limit of what is read.
    let thin = RgbImage::from_pixel(4096, 1, Rgb([9, 9, 9]));
    let made = upscaler
        .enlarge(&thin, &Settings::default(), &mut |_| true)
        .unwrap();
    assert_eq!(made.dimensions(), (8192, 2));
    let one = RgbImage::from_pixel(1, 1, Rgb([9, 9, 9]));
    let made = upscaler
        .enlarge(&one, &Settings::default(), &mut |_| true)
        .unwrap();
    assert_eq!(made.dimensions(), (2, 2));
}

#[test]
fn transparency_becomes_larger_too_and_colours_under_it_do_not_bleed() {
    let compact = drawn(SMALL.init(&Device::flex()));
    let upscaler = upscaler(&compact);
    let inside = |x: u32, y: u32| (6..26).contains(&x) && (5..20).contains(&y);
    let with = |hidden: [u8; 3]| PictureWithAlpha {
        colours: RgbImage::from_fn(32, 24, |x, y| {
            Rgb(if inside(x, y) { [200, 90, 40] } else { hidden })
        }),
        alpha: Some(GrayImage::from_fn(32, 24, |x, y| {
            Luma([if inside(x, y) { 255 } else { 0 }])
        })),
        profile: Some(vec![1, 2, 3]),
    };
    let larger = |picture: &PictureWithAlpha| {
        upscaler
            .enlarge_with_alpha(picture, &Settings::default(), &mut |_| true)
            .unwrap()
    };
    let black = larger(&with([0; 3]));
    assert_eq!(black, larger(&with([0, 255, 0])));
    assert_eq!(black.alpha.as_ref().unwrap().dimensions(), (64, 48));
    assert_eq!(black.profile, Some(vec![1, 2, 3]));
    // All of it seen: no transparency to keep.
    let mut opaque = with([0; 3]);
    opaque.alpha.as_mut().unwrap().fill(255);
    assert_eq!(larger(&opaque).alpha, None);
}

#[test]
fn work_stops_within_a_tile_and_tells_its_share() {
    let compact = drawn(SMALL.init(&Device::flex()));
    let upscaler = upscaler(&compact);
    let picture = picture(60, 40);
    let mut shares = vec![];
    upscaler
        .enlarge(&picture, &Settings::default(), &mut |share| {
            shares.push(share);
            true
        })
        .unwrap();
    assert_eq!(shares.len(), 5); // one look a convolution
    assert!(
        shares.is_sorted() && shares[0] == 0.0 && shares[4] < 1.0,
        "{shares:?}"
    );
    let mut looks = 0;
    let stopped = upscaler.enlarge(&picture, &Settings::default(), &mut |_| {
        looks += 1;
        looks < 3
    });
    assert!(matches!(stopped, Err(Error::Stopped)));
    assert_eq!(looks, 3);
}

#[test]
fn colours_are_kept_unless_that_is_switched_off() {
    // A network that makes everything brighter by 0.1, and nothing else.
    let brighter = fill(SMALL.init(&Device::flex()), |param| {
        let value = if param.path == "convs.4.bias" {
            0.1
        } else {
            0.0
        };
        let count = param.shape.iter().product();
        Ok(TensorData::new(vec![value; count], param.shape.clone()))
    });
    let upscaler = upscaler(&brighter.unwrap());
    let picture = RgbImage::from_pixel(40, 40, Rgb([203, 112, 96]));
    let made = |keep_colours| {
        let settings = Settings {
            keep_colours,
            ..Settings::default()
        };
        let made = upscaler.enlarge(&picture, &settings, &mut |_| true);
        made.unwrap().get_pixel(40, 40).0
    };
    assert_eq!(made(true), [203, 112, 96]);
    assert_eq!(made(false), [229, 138, 122]); // 25.5 more, halves to the even side
}
