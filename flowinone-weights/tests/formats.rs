//! Every supported container gives the same tensors, and only the needed ones are read.
#![cfg(feature = "cpu")]

use std::path::PathBuf;

use burn::module::{Module, Param};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{DType, Device, FloatDType, Tensor, TensorData};
use flowinone_files::sha256;
use flowinone_parity::{Folder, folders};
use flowinone_weights::{
    Checkpoint, Error, Format, Init, Key, LoadOptions, Plan, load, param_specs, randomize, restore,
    save,
};

fn each_folder_with(file: &str) -> Vec<(Folder, PathBuf)> {
    let found: Vec<_> = folders()
        .into_iter()
        .filter(|folder| folder.has(file))
        .map(|folder| (folder.file(file), folder))
        .map(|(path, folder)| (folder, path))
        .collect();
    assert!(!found.is_empty(), "no fixture folder has {file}");
    found
}

fn all_data(path: &std::path::Path) -> Vec<(String, TensorData)> {
    let checkpoint = Checkpoint::open(path).unwrap();
    checkpoint
        .entries()
        .map(|entry| (entry.name().to_string(), entry.read().unwrap()))
        .collect()
}

#[test]
fn zip_legacy_and_safetensors_hold_equal_tensors() {
    for (folder, path) in each_folder_with("odd_tensors.safetensors") {
        let expected = all_data(&path);
        assert!(expected.len() >= 8);
        for other in ["odd_tensors.pth", "odd_tensors_legacy.pth"] {
            let actual = all_data(&folder.file(other));
            assert_eq!(actual.len(), expected.len(), "{other}");
            for ((name, data), (expected_name, expected)) in actual.iter().zip(&expected) {
                assert_eq!(name, expected_name);
                assert_eq!(data, expected, "{other}: {name}");
            }
        }
    }
}

#[test]
fn whole_checkpoints_agree_between_pth_and_safetensors() {
    for (folder, path) in each_folder_with("janus_vision.safetensors") {
        for stem in ["janus_vision", "nnet", "autoencoder_kl"] {
            let pth = folder.file(&format!("{stem}.pth"));
            if pth.is_file() {
                let path = path.with_file_name(format!("{stem}.safetensors"));
                assert_eq!(all_data(&pth), all_data(&path), "{stem}");
            }
        }
    }
}

#[derive(Module, Debug)]
struct Two {
    first: Linear,
    gain: Param<Tensor<1>>,
}

fn two(device: &Device) -> Two {
    Two {
        first: LinearConfig::new(3, 2).init(device),
        gain: Param::from_tensor(Tensor::zeros([2], device)),
    }
}

fn random_two(seed: u64) -> Two {
    let scale = |_: &str, _: &[usize]| Init::Normal { std: 1.0 };
    randomize(two(&Device::flex()), seed, scale).unwrap()
}

fn values<const D: usize>(tensor: &Tensor<D>) -> Vec<f32> {
    tensor.to_data().convert::<f32>().try_to_vec().unwrap()
}

/// Writes `module` as a safetensors file with module paths as names, in module layout.
fn write(module: &Two, path: &std::path::Path, dtype: FloatDType) -> String {
    let saved = save(path, &param_specs(module), dtype, |param| {
        let data = match param.path.as_str() {
            "first.weight" => module.first.weight.val().cast(dtype).into_data(),
            "first.bias" => module
                .first
                .bias
                .clone()
                .unwrap()
                .val()
                .cast(dtype)
                .into_data(),
            "gain" => module.gain.val().cast(dtype).into_data(),
            other => panic!("unexpected param {other}"),
        };
        Ok(data)
    });
    saved.unwrap().sha256
}

#[test]
fn what_is_saved_is_loaded_and_its_digest_is_that_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("two.safetensors");
    let module = random_two(1);
    for (dtype, tolerance) in [
        (FloatDType::F32, 0.0),
        (FloatDType::BF16, 0.01),
        (FloatDType::F16, 0.001),
    ] {
        let digest = write(&module, &path, dtype);
        assert_eq!(digest, sha256(&path).unwrap());
        let checkpoint = Checkpoint::open(&path).unwrap();
        assert_eq!(checkpoint.format(), Format::Safetensors);
        let reference = safetensors::SafeTensors::deserialize(&std::fs::read(&path).unwrap())
            .map(|all| all.names().len());
        assert_eq!(reference.unwrap(), 3, "the safetensors crate reads it too");
        let loaded = restore(two(&Device::flex()), &checkpoint, FloatDType::F32).unwrap();
        let pairs = [
            (
                values(&loaded.first.weight.val()),
                values(&module.first.weight.val()),
            ),
            (values(&loaded.gain.val()), values(&module.gain.val())),
        ];
        for (restored, original) in pairs {
            for (a, b) in restored.iter().zip(original) {
                assert!((a - b).abs() <= tolerance * b.abs());
            }
        }
    }
}

#[test]
fn own_and_published_files_are_not_mistaken_for_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let device = Device::flex();
    let own = folder.path().join("own.safetensors");
    write(&random_two(1), &own, FloatDType::F32);
    let own = Checkpoint::open(own).unwrap();
    let options = LoadOptions::default();
    let text = load(two(&device), &own, same_name, &options)
        .unwrap_err()
        .to_string();
    assert!(text.contains("no published checkpoint"), "{text}");
    let names = [
        ("first.weight", vec![3, 2]),
        ("first.bias", vec![2]),
        ("gain", vec![2]),
    ];
    let foreign = Checkpoint::open(published(folder.path(), &names)).unwrap();
    let text = restore(two(&device), &foreign, FloatDType::F32)
        .unwrap_err()
        .to_string();
    assert!(text.contains("convert it first"), "{text}");
}

fn published(folder: &std::path::Path, names: &[(&str, Vec<usize>)]) -> PathBuf {
    let path = folder.join("published.safetensors");
    let tensors = names.iter().map(|(name, shape)| {
        let count: usize = shape.iter().product();
        let bytes: Vec<u8> = (0..count).flat_map(|v| (v as f32).to_le_bytes()).collect();
        (*name, shape.clone(), bytes)
    });
    let owned: Vec<_> = tensors.collect();
    let views = owned.iter().map(|(name, shape, bytes)| {
        let view =
            safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), bytes);
        (*name, view.unwrap())
    });
    safetensors::serialize_to_file(views, None, &path).unwrap();
    path
}

fn same_name(key: &str) -> Key {
    match key.strip_prefix("decoy.") {
        Some(_) => Key::Unused,
        None => Key::Parameter(key.to_string()),
    }
}

#[test]
fn linear_weights_are_transposed_and_unused_names_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let names = [
        ("first.weight", vec![2, 3, 1, 1]),
        ("first.bias", vec![2]),
        ("gain", vec![2]),
        ("decoy.x", vec![9]),
    ];
    let checkpoint = Checkpoint::open(published(folder.path(), &names)).unwrap();
    let device = Device::flex();
    let loaded = load(
        two(&device),
        &checkpoint,
        same_name,
        &LoadOptions::default(),
    )
    .unwrap();
    assert_eq!(values(&loaded.first.weight.val()), [0., 3., 1., 4., 2., 5.]);
    let half = LoadOptions {
        dtype: FloatDType::BF16,
        ..LoadOptions::default()
    };
    let loaded = load(two(&device), &checkpoint, same_name, &half).unwrap();
    assert_eq!(loaded.gain.val().dtype(), DType::BF16);
    let plan = Plan::new(&two(&device), &checkpoint, same_name, false).unwrap();
    assert_eq!(plan.unused(), ["decoy.x"]);
}

#[test]
fn everything_that_does_not_fit_is_named_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let names = [
        ("first.weight", vec![3, 2]),
        ("gain", vec![2]),
        ("stray", vec![1]),
    ];
    let path = published(folder.path(), &names);
    let checkpoint = Checkpoint::open(&path).unwrap();
    let device = Device::flex();
    let fail = load(
        two(&device),
        &checkpoint,
        same_name,
        &LoadOptions::default(),
    )
    .unwrap_err();
    let text = fail.to_string();
    assert!(matches!(fail, Error::Mismatch(_)));
    for part in [
        path.to_str().unwrap(),
        "1 missing: first.bias",
        "1 misshapen: first.weight (expected [2, 3], found [3, 2])",
        "1 unknown: stray (they can be ignored",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let fitting = [
        ("first.weight", vec![2, 3]),
        ("first.bias", vec![2]),
        ("gain", vec![2]),
        ("stray", vec![1]),
    ];
    let checkpoint = Checkpoint::open(published(folder.path(), &fitting)).unwrap();
    let lenient = LoadOptions {
        allow_unknown: true,
        ..LoadOptions::default()
    };
    load(two(&device), &checkpoint, same_name, &lenient).unwrap();
    assert!(
        load(
            two(&device),
            &checkpoint,
            same_name,
            &LoadOptions::default()
        )
        .is_err()
    );
}

#[test]
fn names_below_another_are_taken_and_averaged_weights_first() {
    let folder = tempfile::tempdir().unwrap();
    let device = Device::flex();
    let names = |prefix: &str| {
        [
            (format!("{prefix}first.weight"), vec![2, 3]),
            (format!("{prefix}first.bias"), vec![2]),
            (format!("{prefix}gain"), vec![2]),
        ]
    };
    let plan = |all: &[(String, Vec<usize>)]| {
        let all: Vec<_> = all
            .iter()
            .map(|(name, shape)| (&**name, shape.clone()))
            .collect();
        let checkpoint = Checkpoint::open(published(folder.path(), &all)).unwrap();
        Plan::new(&two(&device), &checkpoint, same_name, false)
    };
    for prefix in ["_orig_mod.", "model.", "a.b.c.", "ema.module."] {
        assert!(plan(&names(prefix)).is_ok(), "{prefix}");
    }
    let both = [names("model."), names("model_ema.")].concat();
    let beside = [both, vec![("optimizer.step".into(), vec![1])]].concat();
    let plan_of_both = plan(&beside).unwrap();
    for param in plan_of_both.params() {
        let name = plan_of_both.source_name(param).unwrap();
        assert!(name.starts_with("model_ema."), "{name}");
    }
    assert_eq!(plan_of_both.unused().len(), 4);
    // Names that fit as they are stay, and most of them below another are a hint.
    assert!(plan(&names("")).is_ok());
    let most = [
        names("inner.")[..2].to_vec(),
        vec![("other".into(), vec![2])],
    ]
    .concat();
    let text = plan(&most).unwrap_err().to_string();
    assert!(
        text.contains("2 of the 3 parameters lie below \"inner.\""),
        "{text}"
    );
}

#[test]
fn folders_of_the_hub_and_of_diffusers_are_opened() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let file = published(folder.path(), &[("gain", vec![2])]);
        std::fs::rename(file, path).unwrap();
    };
    place("models--a--b/snapshots/0123/model.safetensors");
    place("pipeline/vae/diffusion_pytorch_model.fp16.safetensors");
    place("two/snapshots/0/model.safetensors");
    place("two/snapshots/1/model.safetensors");
    for name in ["models--a--b", "pipeline"] {
        assert!(Checkpoint::open(folder.path().join(name)).is_ok(), "{name}");
    }
    let two = folder.path().join("two");
    assert!(Checkpoint::open(&two).is_err(), "either may be meant");
    std::fs::create_dir(two.join("refs")).unwrap();
    std::fs::write(two.join("refs/main"), "1\n").unwrap();
    let opened = Checkpoint::open(&two).unwrap();
    assert!(opened.path().ends_with("snapshots/1/model.safetensors"));
}

#[test]
fn shards_open_through_their_index_and_through_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    for (name, tensor) in [
        ("one.safetensors", "gain"),
        ("two.safetensors", "first.bias"),
    ] {
        let path = published(folder.path(), &[(tensor, vec![2])]);
        std::fs::rename(path, folder.path().join(name)).unwrap();
    }
    let index = folder.path().join("model.safetensors.index.json");
    let text =
        r#"{"metadata":{},"weight_map":{"gain":"one.safetensors","first.bias":"two.safetensors"}}"#;
    std::fs::write(&index, text).unwrap();
    for path in [folder.path(), index.as_path()] {
        let checkpoint = Checkpoint::open(path).unwrap();
        assert_eq!(checkpoint.format(), Format::Sharded);
        assert_eq!(checkpoint.entries().count(), 2);
        assert_eq!(
            checkpoint
                .entry("gain")
                .unwrap()
                .read()
                .unwrap()
                .as_slice::<f32>()
                .unwrap(),
            [0., 1.]
        );
    }
    for bad in [
        r#"{"weight_map":{"gain":"../one.safetensors"}}"#,
        r#"{"weight_map":{"gain":"absent.safetensors"}}"#,
        r#"{"weight_map":{"other":"one.safetensors"}}"#,
        r#"{"weight_map":{"gain":"model.safetensors.index.json"}}"#,
        r#"{"weight_map":3}"#,
        "{",
    ] {
        std::fs::write(&index, bad).unwrap();
        let text = Checkpoint::open(&index).unwrap_err().to_string();
        assert!(text.contains(folder.path().to_str().unwrap()), "{text}");
    }
}

#[derive(Module, Debug)]
struct Large {
    weight: Param<Tensor<2>>,
}

/// More values than are read at once, and no multiple of that.
const LARGE: [usize; 2] = [2100, 2051];

fn large() -> Large {
    let zeros = Tensor::zeros(LARGE, &Device::flex());
    Large {
        weight: Param::from_tensor(zeros),
    }
}

/// A file with the values in half precision.
fn stored_large(values: Vec<half::f16>) -> (tempfile::TempDir, Checkpoint) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.safetensors");
    let data = TensorData::new(values, LARGE);
    save(&path, &param_specs(&large()), FloatDType::F16, |_| {
        Ok(data.clone())
    })
    .unwrap();
    let checkpoint = Checkpoint::open(&path).unwrap();
    (folder, checkpoint)
}

#[test]
fn a_large_tensor_is_read_piece_by_piece() {
    let values = (0..LARGE[0] * LARGE[1]).map(|i| half::f16::from_f32((i % 2039) as f32));
    let (_folder, checkpoint) = stored_large(values.clone().collect());
    let read = restore(large(), &checkpoint, FloatDType::F32).unwrap();
    let expected: Vec<f32> = values.map(f32::from).collect();
    assert!(read.weight.val().into_data() == TensorData::new(expected, LARGE));
}

#[test]
fn what_is_not_finite_is_counted_over_all_pieces() {
    let mut values = vec![half::f16::ONE; LARGE[0] * LARGE[1]];
    values[17] = half::f16::NAN;
    values[LARGE[0] * LARGE[1] - 1] = half::f16::INFINITY;
    let (_folder, checkpoint) = stored_large(values);
    let error = restore(large(), &checkpoint, FloatDType::F32).unwrap_err();
    let message = error.to_string();
    assert!(
        message.contains("holds 2 values that are not finite"),
        "{message}"
    );
}
