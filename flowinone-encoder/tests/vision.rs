//! Every stage of the encoder against the reference, from both kinds of checkpoint.
#![cfg(feature = "cpu")]

use burn::module::Module;
use burn::tensor::{Device, FloatDType, Tensor};
use flowinone_encoder::{EncoderConfig, JanusEncoder, VisualEncoder, janus_pixels};
use flowinone_parity::{Folder, assert_close, folders};
use flowinone_weights::{Checkpoint, LoadOptions, param_specs, randomize};

/// Float32 sums in another order; the nearest mistake, tanh GELU, is off by 2e-4.
const CLOSE: f64 = 1e-5;
/// Half-precision runs differ by 1e-3 from exact ones.
const HALF: f64 = 5e-3;

fn config(folder: &Folder) -> EncoderConfig {
    serde_json::from_value(folder.encoder_config()).expect("the folder's configuration")
}

fn load(folder: &Folder, file: &str, dtype: FloatDType) -> JanusEncoder {
    let checkpoint = Checkpoint::open(folder.file(file)).unwrap();
    let options = LoadOptions {
        dtype,
        ..LoadOptions::default()
    };
    let encoder = config(folder).init(&Device::flex());
    encoder.load(&checkpoint, &options).unwrap()
}

/// The folders that have numbers for the encoder.
fn vision_folders() -> impl Iterator<Item = Folder> {
    let has_cases = |folder: &Folder| !names(folder).is_empty();
    folders().into_iter().filter(has_cases)
}

fn names(folder: &Folder) -> Vec<String> {
    let names = folder.cases("vision")["images"].as_array();
    let names = names.into_iter().flatten().filter_map(|name| name.as_str());
    names.map(String::from).collect()
}

fn pixels(folder: &Folder, name: &str) -> Tensor<4> {
    let square = folder.file(&format!("preprocess/{name}_vlm384.png"));
    let square = image::open(square).unwrap().to_rgb8();
    janus_pixels([&square], &Device::flex())
}

#[test]
fn every_stage_matches_the_reference() {
    let device = Device::flex();
    for folder in vision_folders() {
        let encoder = load(&folder, "janus_vision.safetensors", FloatDType::F32);
        let expected = folder.tensors("vision.safetensors");
        for name in names(&folder) {
            let close = |stage: &str, actual: Tensor<3>| {
                let name = format!("{name}.{stage}");
                if expected.contains(&name) {
                    let label = format!("{} vision {name}", folder.name());
                    assert_close(&label, actual, expected.tensor(&name, &device), CLOSE);
                }
            };
            let pixels = pixels(&folder, &name);
            let tower = &encoder.vision_tower;
            let patches = tower.patch_embed.forward(pixels.clone());
            close("patch_embed", patches.clone());
            close(
                "block0",
                tower.blocks[0].forward(patches + tower.pos_embed.val()),
            );
            close("features", tower.forward(pixels.clone()));
            close("aligned", encoder.encode(pixels));
        }
    }
}

#[test]
fn half_precision_stays_near_the_half_precision_reference() {
    let device = Device::flex();
    for folder in vision_folders() {
        let expected = folder.tensors("vision.safetensors");
        for dtype in [FloatDType::F32, FloatDType::F16] {
            let encoder = load(&folder, "janus_vision.safetensors", dtype);
            for name in names(&folder) {
                let tokens = encoder.encode(pixels(&folder, &name));
                assert_eq!(FloatDType::from(tokens.dtype()), dtype);
                let label = format!("{} vision {name}.aligned_half in {dtype:?}", folder.name());
                let half = expected.tensor(&format!("{name}.aligned_half"), &device);
                assert_close(&label, tokens.cast(FloatDType::F32), half, HALF);
            }
        }
    }
}

#[test]
fn pth_and_safetensors_give_the_same_numbers() {
    let with_both = |folder: &Folder| folder.has("janus_vision.pth");
    for folder in vision_folders().filter(with_both) {
        let name = &names(&folder)[0];
        let [a, b] = ["janus_vision.safetensors", "janus_vision.pth"].map(|file| {
            let encoder = load(&folder, file, FloatDType::F32);
            encoder.encode(pixels(&folder, name)).into_data()
        });
        assert_eq!(a, b, "{}", folder.name());
    }
}

#[test]
fn a_checkpoint_of_another_size_is_refused_by_name() {
    let folder = &folders()[0];
    let checkpoint = Checkpoint::open(folder.file("janus_vision.safetensors")).unwrap();
    let mut config = config(folder);
    config.layers += 1;
    let encoder = config.init(&Device::flex());
    let error = encoder
        .load(&checkpoint, &LoadOptions::default())
        .unwrap_err()
        .to_string();
    let absent = format!("vision_tower.blocks.{}.attn.qkv.weight", config.layers - 1);
    assert!(
        error.contains("12 missing") && error.contains(&absent),
        "{error}"
    );

    config.layers -= 2;
    let encoder = config.init(&Device::flex());
    let error = encoder
        .load(&checkpoint, &LoadOptions::default())
        .unwrap_err()
        .to_string();
    let extra = format!(
        "vision_model.vision_tower.blocks.{}.attn.proj.bias",
        config.layers
    );
    assert!(
        error.contains("12 unknown") && error.contains(&extra),
        "{error}"
    );
}

#[test]
fn the_published_model_has_the_published_number_of_parameters() {
    // Parameters are made on first use: listing them costs nothing.
    let encoder = EncoderConfig::flowinone_256().init(&Device::flex());
    let count = |part: &str| -> usize {
        let params = param_specs(&encoder);
        let part = params.iter().filter(|param| param.path.starts_with(part));
        part.map(|param| param.len()).sum()
    };
    let width = 1024;
    let pooling = 12 * width * width + 12 * width; // the head that is left out
    assert_eq!(count("vision_tower."), 316_283_904 - pooling);
    assert_eq!(count("aligner."), 6_295_552);
    assert_eq!(encoder.num_params(), count(""));
}

#[test]
fn random_weights_keep_tokens_of_order_one() {
    let mut config = EncoderConfig::tiny();
    (config.width, config.mlp_width, config.layers, config.heads) = (128, 512, 24, 4);
    let device = Device::flex();
    let encoder = randomize(config.init(&device), 1, flowinone_weights::Init::by_fan_in).unwrap();
    let pixels = Tensor::<4>::random(
        [1, 3, 64, 64],
        burn::tensor::Distribution::Uniform(-1.0, 1.0),
        &device,
    );
    let tokens = encoder.encode(pixels);
    let rms = tokens.square().mean().sqrt().into_scalar::<f32>();
    assert!((0.1..3.0).contains(&rms), "root mean square {rms}");
}
