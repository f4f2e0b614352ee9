//! Names of tensors in a Janus-Pro checkpoint, and the parameters they belong to.

use flowinone_weights::Key;

const TOWER: &str = "vision_model.vision_tower.";

/// Parts of the published model that make text and pictures from tokens.
const OTHER_PARTS: [&str; 5] = [
    "language_model.",
    "gen_vision_model.",
    "gen_aligner.",
    "gen_head.",
    "gen_embed.",
];

/// The module path of a published name.
///
/// The attention-pooling head of the tower and every part of Janus that is not vision are
/// [unused](Key::Unused); a name that is not Janus's stays itself, so that loading reports it.
pub fn map_key(key: &str) -> Key {
    if let Some(name) = key.strip_prefix(TOWER) {
        return match name.starts_with("attn_pool.") {
            true => Key::Unused,
            false => Key::Parameter(format!("vision_tower.{}", norm_field(name))),
        };
    }
    if OTHER_PARTS.iter().any(|part| key.starts_with(part)) {
        return Key::Unused;
    }
    for (layer, field) in [("layers.0.", "input."), ("layers.2.", "output.")] {
        if let Some(name) = key
            .strip_prefix("aligner.")
            .and_then(|k| k.strip_prefix(layer))
        {
            return Key::Parameter(format!("aligner.{field}{name}"));
        }
    }
    Key::Parameter(key.to_string())
}

/// Burn calls the weight of a norm gamma and its bias beta.
fn norm_field(name: &str) -> String {
    if let Some((layer, field)) = name.rsplit_once('.')
        && ["norm", "norm1", "norm2"].contains(&layer.rsplit('.').next().unwrap_or(layer))
    {
        match field {
            "weight" => return format!("{layer}.gamma"),
            "bias" => return format!("{layer}.beta"),
            _ => {}
        }
    }
    name.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(key: &str) -> String {
        match map_key(key) {
            Key::Parameter(path) => path,
            Key::Unused => panic!("{key} is unused"),
        }
    }

    #[test]
    fn names_of_the_tower_and_the_aligner_become_module_paths() {
        for (key, expected) in [
            ("pos_embed", "pos_embed"),
            ("patch_embed.proj.weight", "patch_embed.proj.weight"),
            ("blocks.7.attn.qkv.bias", "blocks.7.attn.qkv.bias"),
            ("blocks.0.mlp.fc1.weight", "blocks.0.mlp.fc1.weight"),
            ("blocks.23.norm1.weight", "blocks.23.norm1.gamma"),
            ("blocks.23.norm2.bias", "blocks.23.norm2.beta"),
            ("norm.weight", "norm.gamma"),
            ("norm.bias", "norm.beta"),
        ] {
            let published = format!("vision_model.vision_tower.{key}");
            assert_eq!(path(&published), format!("vision_tower.{expected}"));
        }
        assert_eq!(path("aligner.layers.0.weight"), "aligner.input.weight");
        assert_eq!(path("aligner.layers.2.bias"), "aligner.output.bias");
    }

    #[test]
    fn the_rest_of_janus_is_unused() {
        for key in [
            "vision_model.vision_tower.attn_pool.norm.weight",
            "vision_model.vision_tower.attn_pool.latent",
            "language_model.model.embed_tokens.weight",
            "language_model.lm_head.weight",
            "gen_vision_model.quantize.embedding.weight",
            "gen_aligner.layers.2.bias",
            "gen_head.output_mlp_projector.weight",
            "gen_embed.weight",
        ] {
            assert_eq!(map_key(key), Key::Unused, "{key}");
        }
    }

    #[test]
    fn a_foreign_name_stays_itself() {
        for key in [
            "nnet.context",
            "aligner.layers.1.weight",
            "genuine.bias",
            "",
        ] {
            assert_eq!(path(key), key);
        }
    }
}
