//! Names of the published checkpoint: where each belongs in [`FlowNetwork`](crate::FlowNetwork),
//! and the scale of a parameter that is drawn at random.

use flowinone_weights::{Init, Key};

/// Published beginnings of names and the module paths they stand for; `*` is a list index.
const NAMES: &[(&str, &str)] = &[
    ("adapter.0", "source.adapter"),
    ("token_compressor", "source.token_compressor"),
    (
        "context_encoder.layers.*.attn.W_Q",
        "source.context_encoder.layers.*.attention.query",
    ),
    (
        "context_encoder.layers.*.attn.W_K",
        "source.context_encoder.layers.*.attention.key",
    ),
    (
        "context_encoder.layers.*.attn.W_V",
        "source.context_encoder.layers.*.attention.value",
    ),
    (
        "context_encoder.layers.*.attn.W_O",
        "source.context_encoder.layers.*.attention.output",
    ),
    (
        "context_encoder.reduction_layers.*.attn.W_Q",
        "source.context_encoder.reduction_layers.*.layer.attention.query",
    ),
    (
        "context_encoder.reduction_layers.*.attn.W_K",
        "source.context_encoder.reduction_layers.*.layer.attention.key",
    ),
    (
        "context_encoder.reduction_layers.*.attn.W_V",
        "source.context_encoder.reduction_layers.*.layer.attention.value",
    ),
    (
        "context_encoder.reduction_layers.*.attn.W_O",
        "source.context_encoder.reduction_layers.*.layer.attention.output",
    ),
    (
        "context_encoder.reduction_layers.*.reduction",
        "source.context_encoder.reduction_layers.*.reduction",
    ),
    (
        "context_encoder.reduction_layers.*",
        "source.context_encoder.reduction_layers.*.layer",
    ),
    ("context_encoder", "source.context_encoder"),
    (
        "stages.0.tensor_false",
        "velocity.transformer.indicator.conditional",
    ),
    (
        "stages.0.tensor_true",
        "velocity.transformer.indicator.unconditional",
    ),
    ("stages.0.input_layer.1", "velocity.transformer.input.conv"),
    (
        "stages.0.input_layer.3.position_embeddings.weight",
        "velocity.transformer.input.positions",
    ),
    (
        "stages.0.image_latent_layer.1",
        "velocity.transformer.structure_input.conv",
    ),
    (
        "stages.0.image_latent_layer.3.position_embeddings.weight",
        "velocity.transformer.structure_input.positions",
    ),
    (
        "stages.0.blocks.*.block1",
        "velocity.transformer.blocks.*.attention",
    ),
    (
        "stages.0.blocks.*.block1_cross.weight_mlp.0",
        "velocity.transformer.blocks.*.structure.gate.w1",
    ),
    (
        "stages.0.blocks.*.block1_cross.weight_mlp.2",
        "velocity.transformer.blocks.*.structure.gate.w2",
    ),
    (
        "stages.0.blocks.*.block1_cross",
        "velocity.transformer.blocks.*.structure",
    ),
    (
        "stages.0.blocks.*.block2",
        "velocity.transformer.blocks.*.mlp",
    ),
    ("stages.0.skip_denses", "velocity.transformer.skip_denses"),
    (
        "stages.0.output_layer.0",
        "velocity.transformer.output.norm",
    ),
    (
        "stages.0.output_layer.2",
        "velocity.transformer.output.conv",
    ),
    ("stages.1.input_layer.1", "velocity.convnext.input.conv"),
    (
        "stages.1.input_layer.3.position_embeddings.weight",
        "velocity.convnext.input.positions",
    ),
    (
        "stages.1.upsample.0",
        "velocity.convnext.upsample.states_norm",
    ),
    (
        "stages.1.upsample.1.kernel",
        "velocity.convnext.upsample.linear",
    ),
    ("stages.1.upsample.2", "velocity.convnext.upsample.norm"),
    (
        "stages.1.blocks.*.block1.1",
        "velocity.convnext.blocks.*.conv",
    ),
    ("stages.1.blocks.*.block2", "velocity.convnext.blocks.*.mlp"),
    ("stages.1.skip_denses", "velocity.convnext.skip_denses"),
    ("stages.1.output_layer.0", "velocity.convnext.output.norm"),
    ("stages.1.output_layer.2", "velocity.convnext.output.conv"),
];

/// Names that wrappers of the reference put in front of all others.
const WRAPPERS: [&str; 2] = ["module.", "nnet."];

/// Parts of the checkpoint that only the reference's training loss uses.
const UNUSED: [&str; 2] = ["open_clip.", "open_clip_output."];

/// Where a name of the published checkpoint belongs in a [`FlowNetwork`](crate::FlowNetwork).
///
/// A name that the network does not know stays as it is, so that loading reports it.
pub fn map_key(key: &str) -> Key {
    let mut name = key;
    while let Some(inner) = WRAPPERS
        .iter()
        .find_map(|wrapper| name.strip_prefix(wrapper))
    {
        name = inner;
    }
    if UNUSED.iter().any(|part| name.starts_with(part)) {
        return Key::Unused;
    }
    let path = NAMES.iter().find_map(|(from, to)| rename(name, from, to));
    Key::Parameter(path.unwrap_or_else(|| key.to_string()))
}

/// The published name of the parameter at a module path of a [`FlowNetwork`](crate::FlowNetwork):
/// [`map_key`] backwards.
pub fn published_key(path: &str) -> String {
    // Of two beginnings of a path the longer one is meant.
    let mut names: Vec<_> = NAMES.iter().collect();
    names.sort_by_key(|(_, to)| std::cmp::Reverse(to.len()));
    let name = names.iter().find_map(|(from, to)| rename(path, to, from));
    name.unwrap_or_else(|| path.to_string())
}

/// `name` with the beginning `from` replaced by `to`, if it begins so; the index that stands for
/// `*` is kept.
fn rename(name: &str, from: &str, to: &str) -> Option<String> {
    let mut rest = name.split('.');
    let mut index = None;
    for wanted in from.split('.') {
        let found = rest.next()?;
        if wanted == "*" {
            found.parse::<usize>().ok()?;
            index = Some(found);
        } else if wanted != found {
            return None;
        }
    }
    let head = index.map_or_else(|| to.to_string(), |index| to.replace('*', index));
    Some(
        std::iter::once(head.as_str())
            .chain(rest)
            .collect::<Vec<_>>()
            .join("."),
    )
}

/// How much weaker than its input the output of a residual branch is, so that 65 of them in a row
/// stay of order one.
const RESIDUAL: f32 = 0.1;

/// The scale of a random parameter at a module path of a [`FlowNetwork`](crate::FlowNetwork), such
/// that the network's velocity is finite and of order one at any depth.
pub fn default_init(path: &str, shape: &[usize]) -> Init {
    let (owner, name) = path.rsplit_once('.').unwrap_or(("", path));
    let is_bias = name == "bias" || owner.ends_with(".bias");
    let around = |mean| Init::Around { mean, std: 0.02 };
    match name {
        "unconditional" => around(-1.0),
        "conditional" | "g" => around(1.0),
        "param0" | "param1" if !is_bias => around(1.0),
        "weight" => {
            // Linear weights are [in, out], kernels [out, in, height, width].
            let fan_in: usize = match shape {
                [input, _] => *input,
                [_, kernel @ ..] => kernel.iter().product(),
                [] => 1,
            };
            let residual = is_residual(owner);
            let gain = if residual { RESIDUAL } else { 1.0 };
            Init::Normal {
                std: gain / (fan_in.max(1) as f32).sqrt(),
            }
        }
        _ => Init::Normal { std: 0.02 },
    }
}

/// Whether a layer's output is added to what came before it in the velocity network.
fn is_residual(owner: &str) -> bool {
    owner.contains(".blocks.")
        && [".dense", ".w2", ".conv"]
            .iter()
            .any(|layer| owner.ends_with(layer))
        && !owner.ends_with(".gate.w2")
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use flowinone_weights::param_specs;

    use super::*;
    use crate::FlowConfig;

    #[test]
    fn every_parameter_has_a_published_name_that_leads_back_to_it() {
        let network = FlowConfig::tiny().init(&Device::default());
        let params = param_specs(&network);
        assert!(params.len() > 50);
        for param in params {
            let name = published_key(&param.path);
            assert_ne!(name, param.path);
            assert_eq!(map_key(&name), Key::Parameter(param.path), "{name}");
        }
    }
}
