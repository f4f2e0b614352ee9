//! Names, wrappers and containers: the same network, bit by bit; and what is refused, by name.
#![cfg(feature = "cpu")]

#[allow(dead_code, reason = "each file of tests uses a part of it")]
mod support;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use burn::tensor::{Device, Distribution, Tensor};
use flowinone_kernels::Dtype;
use flowinone_upscale::{Network, Upscaler};
use flowinone_weights::Checkpoint;
use safetensors::tensor::{Dtype as Stored, TensorView};
use safetensors::{SafeTensors, serialize};
use support::{cases, load, run};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

/// The tensors of a file under other names, written to `path`.
fn renamed(file: &Path, path: &Path, names: impl Fn(&str) -> Vec<String>) {
    let bytes = std::fs::read(file).unwrap();
    let all = SafeTensors::deserialize(&bytes).unwrap();
    let mut tensors: Vec<(String, TensorView<'_>)> = vec![];
    for (name, view) in all.tensors() {
        for name in names(&name) {
            let view = TensorView::new(view.dtype(), view.shape().to_vec(), view.data());
            tensors.push((name, view.unwrap()));
        }
    }
    std::fs::write(path, serialize(tensors, None).unwrap()).unwrap();
}

/// The middle and the old name of a new one, for a network of one block and two doublings.
fn other_names(name: &str) -> [String; 2] {
    let (module, kind) = name.rsplit_once('.').unwrap();
    let table: HashMap<&str, [&str; 2]> = HashMap::from([
        ("conv_first", ["conv_first", "model.0"]),
        ("conv_body", ["trunk_conv", "model.1.sub.1"]),
        ("conv_up1", ["upconv1", "model.3"]),
        ("conv_up2", ["upconv2", "model.6"]),
        ("conv_hr", ["HRconv", "model.8"]),
        ("conv_last", ["conv_last", "model.10"]),
    ]);
    match table.get(module) {
        Some(names) => names.map(|name| format!("{name}.{kind}")),
        None => {
            let block = module.strip_prefix("body.").unwrap().replace("rdb", "RDB");
            [
                format!("RRDB_trunk.{block}.{kind}"),
                format!("model.1.sub.{block}.0.{kind}"),
            ]
        }
    }
}

fn bits(network: &Network) -> Vec<u32> {
    let channels = network.config().channels();
    let device = Device::flex();
    device.seed(5);
    let x = Tensor::random(
        [1, channels, 8, 8],
        Distribution::Uniform(0.0, 1.0),
        &device,
    );
    let y: Vec<f32> = run(network, x, Dtype::F32)
        .into_data()
        .try_into_vec()
        .unwrap();
    y.into_iter().map(f32::to_bits).collect()
}

#[test]
fn every_naming_and_wrapper_is_the_same_network() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let new = fixture("rrdb_gray_x4_new.safetensors");
    let expected = bits(&load(&new));
    for wrapper in [
        "",
        "params_ema.",
        "params-ema.",
        "params.",
        "state_dict.",
        "model_state_dict.",
        "model.",
        "net.",
        "netG.",
        "module.",
        "state_dict.module.",
        "params_ema.module.",
    ] {
        for naming in 0..3 {
            renamed(&new, &path, |name| {
                let [middle, old] = other_names(name);
                let name = [name.to_string(), middle, old]
                    .into_iter()
                    .nth(naming)
                    .unwrap();
                vec![format!("{wrapper}{name}")]
            });
            assert_eq!(bits(&load(&path)), expected, "{wrapper:?}, naming {naming}");
        }
    }
}

#[test]
fn averaged_weights_are_taken_before_others() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let file = fixture("compact_x2.safetensors");
    let bytes = std::fs::read(&file).unwrap();
    let all = SafeTensors::deserialize(&bytes).unwrap();
    let zeros = vec![0u8; 1 << 20];
    let mut tensors: Vec<(String, TensorView<'_>)> = vec![];
    for (name, view) in all.tensors() {
        let zeros = TensorView::new(
            view.dtype(),
            view.shape().to_vec(),
            &zeros[..view.data().len()],
        );
        tensors.push((format!("params.{name}"), zeros.unwrap()));
        let view = TensorView::new(view.dtype(), view.shape().to_vec(), view.data());
        tensors.push((format!("params_ema.{name}"), view.unwrap()));
    }
    std::fs::write(&path, serialize(tensors, None).unwrap()).unwrap();
    assert_eq!(bits(&load(&path)), bits(&load(&file)));
}

#[test]
fn all_files_of_a_case_are_the_same_network() {
    for case in cases() {
        // Files in f32 hold the numbers as they were before they were rounded to f16.
        for dtype in ["f16", "f32"] {
            let listed = case.value["weights"].as_array().unwrap().iter();
            let listed = listed.filter(|file| file["dtype"] == dtype);
            let files = listed.map(|file| case.folder.join(file["file"].as_str().unwrap()));
            let mut networks = files
                .filter(|file| file.is_file())
                .map(|file| (bits(&load(&file)), file));
            let Some((first, _)) = networks.next() else {
                continue;
            };
            for (other, file) in networks {
                assert!(other == first, "{}", file.display());
            }
        }
    }
}

fn refused(path: &Path) -> String {
    let device = Device::flex();
    let error = Upscaler::open(path, &device, Dtype::F32).unwrap_err();
    error.to_string()
}

/// A checkpoint of zeros in f16 with these names and shapes.
fn zeros(path: &Path, tensors: &[(&str, &[usize])]) {
    let data = vec![0u8; 1 << 22];
    let views = tensors.iter().map(|(name, shape)| {
        let bytes = 2 * shape.iter().product::<usize>();
        (
            *name,
            TensorView::new(Stored::F16, shape.to_vec(), &data[..bytes]).unwrap(),
        )
    });
    std::fs::write(path, serialize(views, None).unwrap()).unwrap();
}

#[test]
fn other_networks_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.safetensors");
    for (tensors, word) in [
        (
            &[("feats.1.block_1.c1_r.eval_conv.weight", &[4, 4, 3, 3][..])][..],
            "SPANPlus",
        ),
        (
            &[(
                "params.layers.0.residual_group.blocks.0.attn.relative_position_index",
                &[4, 4][..],
            )],
            "SwinIR",
        ),
        (
            &[(
                "layers.0.residual_group.overlap_attn.qkv.weight",
                &[4, 4][..],
            )],
            "HAT",
        ),
        (
            &[("layers.0.blocks.0.attn.attns.0.rpe_biases", &[4, 2][..])],
            "DAT",
        ),
        (
            &[(
                "residual_layer.0.residual_layer.0.layer.0.fn.0.weight",
                &[4, 4][..],
            )],
            "OmniSR",
        ),
        (&[("feats.1.refine.weight", &[4, 4, 1, 1][..])], "PLKSR"),
        (
            &[("body.0.body.0.body.0.weight", &[4, 4, 3, 3][..])],
            "RCAN",
        ),
        (
            &[("unet1.conv1.conv.0.weight", &[4, 3, 3, 3][..])],
            "Real-CUGAN",
        ),
        (
            &[
                ("model.1.sub.0.RDB1.conv1.0.weight", &[4, 8, 3, 3][..]),
                ("model.1.sub.0.RDB1.conv1x1.weight", &[4, 8, 1, 1]),
            ],
            "ESRGAN+",
        ),
        (&[("some.weight", &[4, 4][..])], "none of Compact"),
        (
            &[("block_1.c1_r.sk.weight", &[4, 4, 1, 1][..])],
            "no tensor conv_1.eval_conv.weight",
        ),
        // Sizes that are none.
        (
            &[("body.0.weight", &[64, 3, 3, 3][..])],
            "single convolution",
        ),
        (
            &[
                ("body.0.weight", &[64, 3, 3, 3][..]),
                ("body.2.weight", &[47, 64, 3, 3]),
            ],
            "47",
        ),
        (
            &[
                ("body.0.weight", &[64, 3, 5, 5][..]),
                ("body.2.weight", &[48, 64, 3, 3]),
            ],
            "3x3",
        ),
        (
            &[
                ("body.0.weight", &[8, 5, 3, 3][..]),
                ("body.2.weight", &[20, 8, 3, 3]),
            ],
            "5 channels",
        ),
        (
            &[
                ("body.0.weight", &[0, 3, 3, 3][..]),
                ("body.2.weight", &[12, 0, 3, 3]),
            ],
            "0 features",
        ),
        (
            &[
                ("body.0.weight", &[64, 3, 3, 3][..]),
                ("body.2.weight", &[48, 64, 3, 3]),
            ],
            "missing",
        ),
    ] {
        zeros(&path, tensors);
        let text = refused(&path);
        assert!(text.contains(word), "{word}: {text}");
        assert!(text.contains("other.safetensors"), "{text}");
    }
}

#[test]
fn a_span_is_the_same_in_every_wrapper_whatever_its_eval_conv() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    for file in ["span_x2.safetensors", "span_x2_merged.safetensors"] {
        let file = fixture("span").join(file);
        let expected = bits(&load(&file));
        for wrapper in ["", "params_ema.", "params.", "state_dict.module.", "netG."] {
            renamed(&file, &path, |name| vec![format!("{wrapper}{name}")]);
            assert_eq!(bits(&load(&path)), expected, "{wrapper:?}");
        }
    }
    // Where it is trained, what was once computed from it is not needed.
    let file = fixture("span").join("span_x2.safetensors");
    renamed(&file, &path, |name| match name.contains("eval_conv") {
        true => vec![],
        false => vec![name.into()],
    });
    assert_eq!(bits(&load(&path)), bits(&load(&file)));
    // Without a mean, it is another network.
    let file = fixture("span").join("span_x4.safetensors");
    renamed(&file, &path, |name| match name {
        "no_norm" => vec![],
        _ => vec![name.into()],
    });
    assert!(bits(&load(&path)) != bits(&load(&file)));
}

#[test]
fn a_span_that_cannot_be_is_refused_with_the_number() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("span.safetensors");
    let span = |features: usize, channels: usize, inside: usize, output: usize| {
        [
            (
                "params.block_1.c1_r.sk.weight",
                vec![features, features, 1, 1],
            ),
            ("params.conv_1.sk.weight", vec![features, channels, 1, 1]),
            ("params.conv_1.conv.0.weight", vec![inside, channels, 1, 1]),
            ("params.upsampler.0.weight", vec![output, features, 3, 3]),
        ]
    };
    for (tensors, word) in [
        (span(4, 3, 27, 12), "27 channels inside for 3"),
        (span(4, 3, 6, 13), "do not become 13"),
        (span(0, 3, 6, 12), "0 features"),
        (span(1025, 3, 6, 12), "1025 features"),
        (span(4, 1, 2, 4), "the mean of three colours"),
        (span(4, 3, 6, 12), "missing"),
        (span(4, 3, 6, 3 * 17 * 17), "do not become 867"),
    ] {
        let tensors = tensors.each_ref();
        let tensors = tensors.map(|(name, shape)| (*name, shape.as_slice()));
        zeros(&path, &tensors);
        let text = refused(&path);
        assert!(text.contains(word), "{word}: {text}");
        assert!(text.contains("span.safetensors"), "{text}");
    }
    zeros(
        &path,
        &[
            ("block_1.c1_r.eval_conv.weight", &[4, 4, 3, 3]),
            ("conv_1.eval_conv.weight", &[4, 3, 5, 5]),
        ],
    );
    assert!(refused(&path).contains("not that of a 3x3 convolution"));
}

#[test]
fn a_network_of_a_thousand_million_features_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vast.safetensors");
    // A header that claims it, over a file that has nothing of the sort.
    let header = r#"{"body.0.weight":{"dtype":"F16","shape":[1000000000,3,3,3],"data_offsets":[0,54000000000]}}"#;
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    std::fs::write(&path, bytes).unwrap();
    let text = refused(&path);
    assert!(
        text.contains("vast.safetensors") && text.contains("truncated"),
        "{text}"
    );
    // Two numbers would do for a shape of which one extent is zero.
    zeros(
        &path,
        &[
            ("body.0.weight", &[1_000_000_000, 0, 3, 3]),
            ("body.2.weight", &[0, 1_000_000_000, 3, 3]),
        ],
    );
    let text = refused(&path);
    assert!(text.contains("vast.safetensors"), "{text}");
    assert!(Checkpoint::open(&path).is_ok());
}
