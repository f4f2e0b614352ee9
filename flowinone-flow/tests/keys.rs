//! The full-size network has the parameters of the published checkpoint, and every published name
//! leads to one of them. Nothing is initialised here: only names and shapes are looked at.
#![cfg(feature = "cpu")]

use std::collections::BTreeMap;

use burn::tensor::Device;
use flowinone_flow::{FlowConfig, map_key};
use flowinone_weights::{Key, param_specs};

/// Number of parameters below each module path that starts with one of `parts`.
fn counts<'a>(parts: &[&'a str]) -> BTreeMap<&'a str, usize> {
    let network = FlowConfig::flowinone_256().init(&Device::flex());
    let mut counts = BTreeMap::new();
    for param in param_specs(&network) {
        let part = parts.iter().find(|part| param.path.starts_with(**part));
        let part = part.unwrap_or_else(|| panic!("{} belongs to no part", param.path));
        *counts.entry(*part).or_default() += param.len();
    }
    counts
}

#[test]
fn every_part_has_the_published_number_of_parameters() {
    let expected = [
        ("source.adapter", 1_573_632),
        ("source.token_compressor", 44_429),
        ("source.context_encoder", 110_156_512),
        ("velocity.transformer.blocks", 989_847_105),
        ("velocity.transformer.skip_denses", 67_141_632),
        (
            "velocity.transformer",
            1_057_592_903 - 989_847_105 - 67_141_632,
        ),
        ("velocity.convnext.blocks", 52_901_376),
        ("velocity.convnext.upsample", 138_958_848),
        ("velocity.convnext.skip_denses", 8_396_800),
        (
            "velocity.convnext",
            200_806_404 - 52_901_376 - 138_958_848 - 8_396_800,
        ),
    ];
    let parts = expected.map(|(part, _)| part);
    assert_eq!(counts(&parts), BTreeMap::from(expected));
}

#[test]
fn published_names_lead_to_module_paths() {
    for (name, path) in [
        ("adapter.0.weight", "source.adapter.weight"),
        (
            "context_encoder.layers.10.attn.W_Q.bias",
            "source.context_encoder.layers.10.attention.query.bias",
        ),
        (
            "context_encoder.reduction_layers.2.norm1.g",
            "source.context_encoder.reduction_layers.2.layer.norm1.g",
        ),
        (
            "context_encoder.reduction_layers.2.reduction.weight",
            "source.context_encoder.reduction_layers.2.reduction.weight",
        ),
        (
            "stages.0.tensor_true",
            "velocity.transformer.indicator.unconditional",
        ),
        (
            "stages.0.blocks.64.block1_cross.norm_kv.scale.nodecay_bias",
            "velocity.transformer.blocks.64.structure.norm_kv.scale.nodecay_bias",
        ),
        (
            "stages.0.blocks.7.block1_cross.weight_mlp.2.bias",
            "velocity.transformer.blocks.7.structure.gate.w2.bias",
        ),
        (
            "stages.1.blocks.3.block1.1.weight",
            "velocity.convnext.blocks.3.conv.weight",
        ),
        (
            "stages.1.upsample.0.bias.param1",
            "velocity.convnext.upsample.states_norm.bias.param1",
        ),
    ] {
        for wrapper in ["", "module.", "nnet.", "module.nnet."] {
            let name = format!("{wrapper}{name}");
            assert_eq!(map_key(&name), Key::Parameter(path.into()), "{name}");
        }
    }
}

#[test]
fn the_image_tower_of_the_training_loss_is_unused() {
    for name in [
        "open_clip.logit_scale",
        "open_clip.visual.trunk.norm.weight",
        "open_clip_output.0.weight",
        "module.open_clip.logit_scale",
    ] {
        assert_eq!(map_key(name), Key::Unused, "{name}");
    }
}

#[test]
fn an_unknown_name_stays_as_it_is() {
    for name in [
        "stages.2.tensor_true",
        "module.stages.0.blocks.x.block1.dense.bias",
        "ema",
    ] {
        assert_eq!(map_key(name), Key::Parameter(name.into()));
    }
}
