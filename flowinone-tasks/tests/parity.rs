//! Three pictures through everything, from published files to 8-bit output, as the reference
//! makes them.
#![cfg(feature = "cpu")]

mod support;

use std::path::Path;

use burn::tensor::{Device, Tensor};
use flowinone_flow::{FlowModel, Structure};
use flowinone_image::decode_picture;
use flowinone_parity::{Folder, assert_close, folders};
use flowinone_sampler::GuidanceRule;
use flowinone_tasks::{Dtype, FlowInOne, ModelDirectory, Settings, Sources, Start, convert};
use image::RgbImage;

/// Converts a fixture folder's checkpoints into a model directory at `target`.
fn converted(
    folder: &Folder,
    sources: &Sources,
    precision: Dtype,
    target: &Path,
) -> ModelDirectory {
    let config = support::config(folder);
    let device = Device::flex();
    convert(sources, &config, precision, false, target, &device, |_| {}).unwrap()
}

/// The reference drops alpha and ignores EXIF; `read_picture` does better, so this goes below it.
fn as_the_reference_reads(path: &Path) -> RgbImage {
    image::open(path).unwrap().into_rgb8()
}

fn check(folder: &Folder, pipeline: &FlowInOne, device: &Device) {
    let tensors = folder.tensors("e2e.safetensors");
    for case in folder.cases("e2e")["cases"].as_array().unwrap() {
        let image = case["image"].as_str().unwrap();
        let stem = Path::new(image).file_stem().unwrap();
        let stem = stem.to_str().unwrap();
        let label = |what: &str| format!("{}.e2e.{stem}.{what}", folder.name());
        let prompt = as_the_reference_reads(&folder.file(image));

        let eps = tensors.tensor::<4>(&format!("{stem}.eps_vae"), device);
        let latent = pipeline.structure(&prompt, Some(eps));
        let expected = tensors.tensor::<4>(&format!("{stem}.image_latent"), device);
        let shape = expected.dims();
        assert_close(&label("structure"), latent.clone(), expected, 1e-5);

        let eps = tensors.tensor::<2>(&format!("{stem}.eps_z"), device);
        let source = pipeline.flow().source(pipeline.tokens(&prompt));
        let x0 = source.sample(eps.reshape(shape));
        let expected = tensors.tensor::<2>(&format!("{stem}.z_init"), device);
        assert_close(&label("x0"), x0.clone(), expected.reshape(shape), 1e-5);

        let skips = case["skip_cross_attention"].as_bool().unwrap();
        let start = Start {
            x0,
            structure: (!skips).then(|| Structure::new(latent)),
            kept: vec![],
            vision: Default::default(),
            autoencoder: Default::default(),
        };
        let settings = Settings {
            steps: case["steps"].as_u64().unwrap() as usize,
            guidance: GuidanceRule::Constant {
                scale: case["scale"].as_f64().unwrap(),
            },
            ..Settings::published()
        };
        let last = pipeline.solve(&start, &settings);
        let last = last.unwrap();
        assert_eq!(last.evaluations.branches, 2 * settings.steps);
        let expected = tensors.tensor::<4>(&format!("{stem}.final_latent"), device);
        assert_close(&label("latent"), last.x.clone(), expected, 1e-4);

        let picture = pipeline.decode(last.x).unwrap().remove(0);
        let expected = tensors.ints(&format!("{stem}.image_u8"));
        let actual = picture.into_raw();
        assert_eq!(actual.len(), expected.len());
        let differences = actual.iter().zip(&expected);
        let differences: Vec<i64> = differences
            .map(|(a, b)| (i64::from(*a) - b).abs())
            .collect();
        let equal = differences.iter().filter(|d| **d == 0).count() as f64;
        let share = equal / differences.len() as f64;
        println!("parity {} {:.5} of bytes equal", label("picture"), share);
        assert!(
            differences.iter().all(|d| *d <= 1),
            "a byte is off by more than 1"
        );
        assert!(share >= 0.999, "only {share} of the bytes are equal");
    }
}

#[test]
fn whole_pictures_match_the_reference_from_either_format() {
    let device = Device::flex();
    let mut checked = 0;
    for folder in folders().iter().filter(|f| f.has("e2e.safetensors")) {
        for extension in ["safetensors", "pth"] {
            let Some(sources) = support::sources(folder, extension) else {
                continue;
            };
            let target = tempfile::tempdir().unwrap();
            let target = target.path().join("model");
            let directory = converted(folder, &sources, Dtype::F32, &target);
            let pipeline = directory.load(&device, Dtype::F32).unwrap();
            check(folder, &pipeline, &device);
            let packed = directory.prepare(&device, Dtype::F32).unwrap();
            check(folder, &packed, &device);
            checked += 1;
        }
    }
    assert!(checked > 0, "no folder has all three checkpoints");
}

#[test]
fn half_precision_directories_stay_near_single() {
    let device = Device::flex();
    let folder = &folders()[0];
    let sources = support::sources(folder, "safetensors").unwrap();
    let bytes = std::fs::read(folder.file("images/shapes_800x600.png")).unwrap();
    let prompt = decode_picture(&bytes).unwrap();
    let tokens = |stored: Dtype, computed: Dtype| -> Tensor<3> {
        let target = tempfile::tempdir().unwrap();
        let target = target.path().join("model");
        let directory = converted(folder, &sources, stored, &target);
        assert_eq!(directory.manifest().components.len(), 3);
        let pipeline = directory.load(&device, computed).unwrap();
        pipeline.tokens(&prompt).cast(burn::tensor::FloatDType::F32)
    };
    let exact = tokens(Dtype::F32, Dtype::F32);
    // Rounding the weights alone, then computing in half as well: one and a few units of 2^-11
    // (f16) and 2^-8 (bf16) through the layers.
    for (stored, computed, tolerance) in [
        (Dtype::F16, Dtype::F32, 2e-3),
        (Dtype::Bf16, Dtype::F32, 1.5e-2),
        (Dtype::F16, Dtype::F16, 1e-2),
        (Dtype::Bf16, Dtype::Bf16, 6e-2),
    ] {
        let label = format!("tokens stored {stored} computed {computed}");
        assert_close(&label, tokens(stored, computed), exact.clone(), tolerance);
    }
    // Packed from either type: float32 sums of bfloat16 products, whose weights are rounded once.
    for stored in [Dtype::F32, Dtype::F16, Dtype::Bf16] {
        let target = tempfile::tempdir().unwrap();
        let target = target.path().join("model");
        let directory = converted(folder, &sources, stored, &target);
        let unpacked = directory.load(&device, Dtype::F32).unwrap();
        let unpacked = unpacked.tokens(&prompt);
        for (dtype, tolerance) in [
            (Dtype::F32, 2e-6),
            (Dtype::Bf16, 1.5e-2),
            (Dtype::Int8, 1.5e-2),
        ] {
            let pipeline = directory.prepare(&device, dtype).unwrap();
            let label = format!("tokens stored {stored} packed {dtype}");
            assert_close(
                &label,
                pipeline.tokens(&prompt),
                unpacked.clone(),
                tolerance,
            );
        }
    }
}
