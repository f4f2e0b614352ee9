//! Model directories and pictures that are incomplete, damaged or of another kind end in an error
//! that names the file; nothing half-made is left behind.
#![cfg(feature = "cpu")]

mod support;

use std::path::Path;

use burn::tensor::Device;
use flowinone_image::read_picture;
use flowinone_parity::{folders, mutated};
use flowinone_tasks::{
    Dtype, ModelConfig, ModelDirectory, Networks, Settings, Sources, assemble, convert, init,
    read_record,
};

const MUTATIONS: u64 = 1_000;

fn tiny(target: &Path) -> ModelDirectory {
    let device = Device::flex();
    init(&ModelConfig::tiny(), 5, Dtype::F16, target, &device, |_| {}).unwrap()
}

#[test]
fn a_packed_model_cannot_be_saved() {
    let device = Device::flex();
    let config = ModelConfig::tiny();
    let random = |packed: bool| {
        let flow = config.flow.init(&device);
        let flow = flowinone_weights::randomize(flow, 5, flowinone_flow::default_init).unwrap();
        match packed {
            true => flow.packed(Dtype::Bf16),
            false => flow,
        }
    };
    let encoder = config.encoder.init(&device);
    let vae = config.vae.init(&device);
    let folder = tempfile::tempdir().unwrap();
    let saved = |flow: &flowinone_flow::FlowNetwork, name: &str| {
        let networks = Networks {
            encoder: &encoder,
            vae: &vae,
            flow,
        };
        assemble(networks, &config, 1, Dtype::F32, &folder.path().join(name))
    };
    saved(&random(false), "whole").unwrap().verify().unwrap();
    let error = saved(&random(true), "packed").err().unwrap().to_string();
    assert!(error.contains("packed model cannot be saved"), "{error}");
    assert!(!folder.path().join("packed").exists());
}

#[test]
fn init_is_complete_verifiable_and_repeatable() {
    let folder = tempfile::tempdir().unwrap();
    let one = tiny(&folder.path().join("one"));
    let two = tiny(&folder.path().join("two"));
    one.verify().unwrap();
    assert_eq!(one.digest(), two.digest());
    assert!(!one.config().trained);
    let device = Device::flex();
    let again = init(
        &ModelConfig::tiny(),
        5,
        Dtype::F16,
        one.path(),
        &device,
        |_| {},
    );
    let text = again.unwrap_err().to_string();
    assert!(text.contains("exists already"), "{text}");
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        2,
        "no temporary folder stays"
    );
}

#[test]
fn a_fast_setting_is_stored_beside_everything_else() {
    let folder = tempfile::tempdir().unwrap();
    let mut model = tiny(&folder.path().join("model"));
    let (digest, before) = (model.digest(), model.config().clone());
    assert_eq!(before.fast, None);
    let fast = before.sampling.faster();
    model.store_fast(fast).unwrap();
    let again = ModelDirectory::open(model.path()).unwrap();
    again.verify().unwrap();
    assert_eq!(again.digest(), digest);
    let expected = ModelConfig {
        fast: Some(fast),
        ..before
    };
    assert_eq!((again.config(), model.config()), (&expected, &expected));
    let nonsense = Settings { steps: 0, ..fast };
    assert!(model.store_fast(nonsense).is_err());
    assert_eq!(
        std::fs::read_dir(model.path()).unwrap().count(),
        5,
        "no temporary file stays"
    );
}

#[test]
fn every_damaged_byte_of_a_directory_is_noticed_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let directory = tiny(&folder.path().join("model"));
    let names = [
        "config.json",
        "manifest.json",
        "flow.safetensors",
        "vae.safetensors",
        "encoder.safetensors",
    ];
    for name in names {
        let path = directory.path().join(name);
        let whole = std::fs::read(&path).unwrap();
        let rounds = if name.ends_with("json") {
            MUTATIONS
        } else {
            200
        };
        let mut unchanged = 0;
        for seed in 0..rounds {
            std::fs::write(&path, mutated(&whole, seed)).unwrap();
            let opened = ModelDirectory::open(directory.path());
            let outcome = opened.and_then(|d| d.load(&Device::flex(), Dtype::F32).map(|_| d));
            match outcome {
                Err(error) => {
                    let text = error.to_string();
                    assert!(
                        text.contains(directory.path().to_str().unwrap()),
                        "{name}, seed {seed}: {text}"
                    );
                }
                // White space, a name, a sampling default or a source name may differ; the
                // networks and their weights may not.
                Ok(other) => {
                    assert!(
                        name.ends_with("json"),
                        "{name}, seed {seed} was not noticed"
                    );
                    assert_eq!(other.config().flow, directory.config().flow);
                    assert_eq!(other.digest(), directory.digest(), "seed {seed}");
                    unchanged += 1;
                }
            }
        }
        println!("{name}: {} of {rounds} refused", rounds - unchanged);
        std::fs::write(&path, whole).unwrap();
    }
    directory.verify().unwrap();
}

#[test]
fn a_missing_part_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let directory = tiny(&folder.path().join("model"));
    for name in ["vae.safetensors", "manifest.json", "config.json"] {
        std::fs::remove_file(directory.path().join(name)).unwrap();
        let text = ModelDirectory::open(directory.path())
            .unwrap_err()
            .to_string();
        assert!(text.contains(name), "{text}");
    }
    let text = ModelDirectory::open(folder.path().join("absent"))
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("absent") && text.contains("flowinone convert"),
        "{text}"
    );
}

#[test]
fn a_checkpoint_of_another_model_is_refused_and_nothing_is_left() {
    let folder = &folders()[0];
    let right = support::sources(folder, "safetensors").unwrap();
    let wrong = Sources {
        flow: right.vae.clone(),
        ..right.clone()
    };
    let target = tempfile::tempdir().unwrap();
    let device = Device::flex();
    let path = target.path().join("model");
    let result = convert(
        &wrong,
        &support::config(folder),
        Dtype::F32,
        false,
        &path,
        &device,
        |_| {},
    );
    let text = result.unwrap_err().to_string();
    for part in ["autoencoder_kl.safetensors", "missing", "unknown", "and "] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(std::fs::read_dir(target.path()).unwrap().count(), 0);
    let mut config = support::config(folder);
    config.flow.source.token_width += 1;
    let result = convert(&right, &config, Dtype::F32, false, &path, &device, |_| {});
    let text = result.unwrap_err().to_string();
    assert!(text.contains("token_width"), "{text}");
}

#[test]
fn weights_of_8_bits_are_neither_stored_nor_loaded() {
    let target = tempfile::tempdir().unwrap();
    let (path, device) = (target.path().join("model"), Device::flex());
    let config = ModelConfig::tiny();
    let refused = init(&config, 1, Dtype::Int8, &path, &device, |_| {});
    let text = refused.unwrap_err().to_string();
    assert!(text.contains("f32, f16 or bf16, not int8"), "{text}");
    assert!(!path.exists());
    let directory = init(&config, 1, Dtype::F32, &path, &device, |_| {}).unwrap();
    assert!(directory.load(&device, Dtype::Int8).is_err());
    directory.prepare(&device, Dtype::Int8).unwrap();
}

#[test]
fn mutated_pictures_never_panic() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = &folders()[0];
    let names = [
        "images/photo_200x150.jpg",
        "images/rgba_120x90.png",
        "images/gray_77x130.png",
    ];
    for name in names {
        let whole = std::fs::read(folder.file(name)).unwrap();
        let path = temporary.path().join("picture");
        let mut refused = 0;
        for seed in 0..MUTATIONS {
            std::fs::write(&path, mutated(&whole, seed)).unwrap();
            if let Err(error) = read_picture(&path) {
                assert!(error.to_string().contains(path.to_str().unwrap()));
                refused += 1;
            }
            if let Err(error) = read_record(&path) {
                assert!(error.to_string().contains(path.to_str().unwrap()));
            }
        }
        println!("{name}: {refused} of {MUTATIONS} refused");
        assert!(refused > 0);
    }
}
