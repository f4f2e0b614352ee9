//! One network, several spellings: the names of the original checkpoint, alone and inside a full
//! one, and those of diffusers.
#![cfg(feature = "cpu")]

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::{Device, Tensor};
use flowinone_parity::{Folder, folders};
use flowinone_vae::{Autoencoder, LatentCodec, VaeConfig};
use flowinone_weights::{Checkpoint, Error, LoadOptions};
use safetensors::tensor::{Dtype, TensorView};

const ORIGINAL: &str = "autoencoder_kl.safetensors";

/// Pieces of names as (original, diffusers), for four levels and two blocks in each of the
/// encoder's; written down from diffusers' own modules.
const BLOCKS: [(&str, &str); 35] = [
    ("encoder.down.0.block.0", "encoder.down_blocks.0.resnets.0"),
    ("encoder.down.0.block.1", "encoder.down_blocks.0.resnets.1"),
    (
        "encoder.down.0.downsample",
        "encoder.down_blocks.0.downsamplers.0",
    ),
    ("encoder.down.1.block.0", "encoder.down_blocks.1.resnets.0"),
    ("encoder.down.1.block.1", "encoder.down_blocks.1.resnets.1"),
    (
        "encoder.down.1.downsample",
        "encoder.down_blocks.1.downsamplers.0",
    ),
    ("encoder.down.2.block.0", "encoder.down_blocks.2.resnets.0"),
    ("encoder.down.2.block.1", "encoder.down_blocks.2.resnets.1"),
    (
        "encoder.down.2.downsample",
        "encoder.down_blocks.2.downsamplers.0",
    ),
    ("encoder.down.3.block.0", "encoder.down_blocks.3.resnets.0"),
    ("encoder.down.3.block.1", "encoder.down_blocks.3.resnets.1"),
    ("encoder.mid.block_1", "encoder.mid_block.resnets.0"),
    ("encoder.mid.block_2", "encoder.mid_block.resnets.1"),
    ("encoder.mid.attn_1", "encoder.mid_block.attentions.0"),
    ("encoder.norm_out", "encoder.conv_norm_out"),
    ("decoder.up.3.block.0", "decoder.up_blocks.0.resnets.0"),
    ("decoder.up.3.block.1", "decoder.up_blocks.0.resnets.1"),
    ("decoder.up.3.block.2", "decoder.up_blocks.0.resnets.2"),
    ("decoder.up.3.upsample", "decoder.up_blocks.0.upsamplers.0"),
    ("decoder.up.2.block.0", "decoder.up_blocks.1.resnets.0"),
    ("decoder.up.2.block.1", "decoder.up_blocks.1.resnets.1"),
    ("decoder.up.2.block.2", "decoder.up_blocks.1.resnets.2"),
    ("decoder.up.2.upsample", "decoder.up_blocks.1.upsamplers.0"),
    ("decoder.up.1.block.0", "decoder.up_blocks.2.resnets.0"),
    ("decoder.up.1.block.1", "decoder.up_blocks.2.resnets.1"),
    ("decoder.up.1.block.2", "decoder.up_blocks.2.resnets.2"),
    ("decoder.up.1.upsample", "decoder.up_blocks.2.upsamplers.0"),
    ("decoder.up.0.block.0", "decoder.up_blocks.3.resnets.0"),
    ("decoder.up.0.block.1", "decoder.up_blocks.3.resnets.1"),
    ("decoder.up.0.block.2", "decoder.up_blocks.3.resnets.2"),
    ("decoder.mid.block_1", "decoder.mid_block.resnets.0"),
    ("decoder.mid.block_2", "decoder.mid_block.resnets.1"),
    ("decoder.mid.attn_1", "decoder.mid_block.attentions.0"),
    ("decoder.norm_out", "decoder.conv_norm_out"),
    ("nin_shortcut", "conv_shortcut"),
];

const ATTENTION: [(&str, &str); 5] = [
    ("attentions.0.norm.", "attentions.0.group_norm."),
    ("attentions.0.q.", "attentions.0.to_q."),
    ("attentions.0.k.", "attentions.0.to_k."),
    ("attentions.0.v.", "attentions.0.to_v."),
    ("attentions.0.proj_out.", "attentions.0.to_out.0."),
];

const OLDER_ATTENTION: [(&str, &str); 5] = [
    ("attentions.0.norm.", "attentions.0.group_norm."),
    ("attentions.0.q.", "attentions.0.query."),
    ("attentions.0.k.", "attentions.0.key."),
    ("attentions.0.v.", "attentions.0.value."),
    ("attentions.0.proj_out.", "attentions.0.proj_attn."),
];

/// Tensors by name: extents and values.
type Weights = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// The committed folder and its weights under their original names.
fn original() -> (Folder, Weights) {
    let folder = folders().remove(0);
    let tensors = folder.tensors(ORIGINAL);
    let values = |name: String| {
        let tensor = (tensors.shape(&name), tensors.floats(&name));
        (name, tensor)
    };
    let weights = tensors.names().into_iter().map(values).collect();
    (folder, weights)
}

/// The weights under diffusers' names, projections of the attention as matrices.
fn in_diffusers(weights: &Weights, attention: &[(&str, &str)]) -> Weights {
    let renamed = weights.iter().map(|(name, (shape, values))| {
        let pairs = BLOCKS.iter().chain(attention);
        let name = pairs.fold(name.clone(), |name, (from, to)| name.replace(from, to));
        let matrix = name.contains("attentions") && shape.len() == 4;
        let shape = if matrix { &shape[..2] } else { shape };
        (name, (shape.to_vec(), values.clone()))
    });
    renamed.collect()
}

fn write(weights: &Weights, path: &Path) {
    let bytes: Vec<Vec<u8>> = weights
        .values()
        .map(|(_, values)| values.iter().flat_map(|v| v.to_le_bytes()).collect())
        .collect();
    let views = weights
        .iter()
        .zip(&bytes)
        .map(|((name, (shape, _)), bytes)| {
            let view = TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap();
            (name.as_str(), view)
        });
    safetensors::serialize_to_file(views, None, path).unwrap();
}

fn load(folder: &Folder, path: &Path) -> Result<Autoencoder, Error> {
    let config: VaeConfig = serde_json::from_value(folder.vae_config()).unwrap();
    let vae = config.init(&Device::flex());
    vae.load(&Checkpoint::open(path)?, &LoadOptions::default())
}

/// What loading these weights gives.
fn load_weights(folder: &Folder, weights: &Weights) -> Result<Autoencoder, Error> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vae.safetensors");
    write(weights, &path);
    load(folder, &path)
}

fn assert_same_network(folder: &Folder, other: &Autoencoder) {
    let vae = load(folder, &folder.file(ORIGINAL)).unwrap();
    let device = Device::flex();
    let same = |a: Tensor<4>, b: Tensor<4>| {
        assert_eq!((a - b).abs().max().into_scalar::<f32>(), 0.0);
    };
    let picture = tensor_of_waves([1, 3, 32, 32], &device);
    same(vae.moments(picture.clone()), other.moments(picture));
    let latent = tensor_of_waves([1, 4, 4, 4], &device);
    same(vae.decode(latent.clone()), other.decode(latent));
}

fn tensor_of_waves(shape: [usize; 4], device: &Device) -> Tensor<4> {
    let count = shape.iter().product::<usize>();
    let values = (0..count).map(|i| (i as f32 * 0.37).sin()).collect();
    flowinone_parity::tensor(values, shape, device)
}

#[test]
fn diffusers_names_load_the_same_network() {
    let (folder, weights) = original();
    for attention in [ATTENTION, OLDER_ATTENTION] {
        let renamed = in_diffusers(&weights, &attention);
        assert!(renamed.contains_key("decoder.up_blocks.1.resnets.0.conv_shortcut.weight"));
        let kept = renamed.keys().filter(|name| weights.contains_key(*name));
        let kept: Vec<&str> = kept.map(String::as_str).collect();
        let shared = ["conv_in.", "conv_out.", "quant_conv."];
        assert!(
            kept.iter()
                .all(|name| shared.iter().any(|part| name.contains(part))),
            "{kept:?}"
        );
        assert_same_network(&folder, &load_weights(&folder, &renamed).unwrap());
    }
}

#[test]
fn a_full_checkpoint_holds_the_network_under_a_prefix() {
    let (folder, weights) = original();
    let prefixed = |(name, tensor)| (format!("first_stage_model.{name}"), tensor);
    let mut full: Weights = weights.into_iter().map(prefixed).collect();
    for decoy in [
        "model.diffusion_model.out.2.weight",
        "cond_stage_model.transformer.text_model.final_layer_norm.weight",
        "model_ema.diffusion_modelout2weight",
        "first_stage_model.loss.logvar",
        "betas",
        "scale_factor",
    ] {
        full.insert(decoy.into(), (vec![2], vec![0.5, 0.25]));
    }
    assert_same_network(&folder, &load_weights(&folder, &full).unwrap());
}

#[test]
fn unknown_key_is_named_in_the_error() {
    let (folder, mut weights) = original();
    let surprise = "encoder.down.1.attn.0.q.weight";
    weights.insert(surprise.into(), (vec![1], vec![1.0]));
    let error = load_weights(&folder, &weights).unwrap_err().to_string();
    assert!(error.contains(surprise), "{error}");
}

#[test]
fn missing_key_is_named_in_the_error() {
    let (folder, mut weights) = original();
    weights.remove("decoder.norm_out.bias");
    let error = load_weights(&folder, &weights).unwrap_err().to_string();
    assert!(error.contains("decoder.norm_out.beta"), "{error}");
}
