//! Published names -> module paths. Module fields bear the names of the original (latent diffusion)
//! checkpoint, so that only norms differ: `weight`, `bias` -> `gamma`, `beta`. Diffusers' names are
//! first put back into the original ones:
//!
//! | diffusers | original |
//! |---|---|
//! | `encoder.down_blocks.i.resnets.j` | `encoder.down.i.block.j` |
//! | `encoder.down_blocks.i.downsamplers.0` | `encoder.down.i.downsample` |
//! | `decoder.up_blocks.i.resnets.j` | `decoder.up.{levels - 1 - i}.block.j` |
//! | `decoder.up_blocks.i.upsamplers.0` | `decoder.up.{levels - 1 - i}.upsample` |
//! | `mid_block.resnets.j` | `mid.block_{j + 1}` |
//! | `mid_block.attentions.0` | `mid.attn_1` |
//! | `group_norm`, `to_q`, `to_k`, `to_v`, `to_out.0` there | `norm`, `q`, `k`, `v`, `proj_out` |
//! | `query`, `key`, `value`, `proj_attn` there (older) | `q`, `k`, `v`, `proj_out` |
//! | `conv_shortcut` | `nin_shortcut` |
//! | `conv_norm_out` | `norm_out` |

use flowinone_weights::Key;

/// What a file with an autoencoder may hold besides: the loss of its training, the other parts of
/// a full Stable Diffusion checkpoint, and what a trainer saves next to `state_dict`.
const UNUSED_PARTS: [&str; 9] = [
    "callbacks.",
    "cond_stage_model.",
    "conditioner.",
    "denoiser.",
    "loss.",
    "lr_schedulers.",
    "model.diffusion_model.",
    "model_ema.",
    "optimizer_states.",
];

/// Single values of such a checkpoint, most of them of the diffusion's noise schedule.
const UNUSED_VALUES: [&str; 17] = [
    "alphas_cumprod",
    "alphas_cumprod_prev",
    "betas",
    "epoch",
    "global_step",
    "log_one_minus_alphas_cumprod",
    "logvar",
    "lvlb_weights",
    "posterior_log_variance_clipped",
    "posterior_mean_coef1",
    "posterior_mean_coef2",
    "posterior_variance",
    "scale_factor",
    "sqrt_alphas_cumprod",
    "sqrt_one_minus_alphas_cumprod",
    "sqrt_recip_alphas_cumprod",
    "sqrt_recipm1_alphas_cumprod",
];

/// Where a tensor of a checkpoint belongs in an [`Autoencoder`](crate::Autoencoder) of `levels`
/// resolutions.
///
/// Knows the names of the original checkpoint, alone or inside a full Stable Diffusion checkpoint
/// (`first_stage_model.`), and those of diffusers' `AutoencoderKL`, older and newer. A name it does
/// not know becomes a path that no network has, which loading reports.
pub fn map_key(key: &str, levels: usize) -> Key {
    let key = key.strip_prefix("state_dict.").unwrap_or(key);
    let key = key.strip_prefix("first_stage_model.").unwrap_or(key);
    if UNUSED_VALUES.contains(&key) || UNUSED_PARTS.iter().any(|part| key.starts_with(part)) {
        return Key::Unused;
    }
    let original = original_name(key, levels).unwrap_or_else(|| key.to_string());
    Key::Parameter(module_path(&original))
}

/// The original name of a diffusers name; `None` for any other.
fn original_name(key: &str, levels: usize) -> Option<String> {
    let (side, rest) = key.split_once('.')?;
    let parts: Vec<&str> = rest.split('.').collect();
    let layer = match (side, parts.as_slice()) {
        ("encoder", ["down_blocks", level, "resnets", block, tail @ ..]) => {
            format!("down.{level}.block.{block}.{}", res_layer(tail))
        }
        ("encoder", ["down_blocks", level, "downsamplers", "0", tail @ ..]) => {
            format!("down.{level}.downsample.{}", tail.join("."))
        }
        ("decoder", ["up_blocks", index, "resnets", block, tail @ ..]) => {
            let level = from_the_lowest(index, levels)?;
            format!("up.{level}.block.{block}.{}", res_layer(tail))
        }
        ("decoder", ["up_blocks", index, "upsamplers", "0", tail @ ..]) => {
            let level = from_the_lowest(index, levels)?;
            format!("up.{level}.upsample.{}", tail.join("."))
        }
        ("encoder" | "decoder", ["mid_block", "resnets", block, tail @ ..]) => {
            let block = block.parse::<usize>().ok()?.checked_add(1)?;
            format!("mid.block_{block}.{}", res_layer(tail))
        }
        ("encoder" | "decoder", ["mid_block", "attentions", "0", tail @ ..]) => {
            format!("mid.attn_1.{}", attention_layer(tail)?)
        }
        ("encoder" | "decoder", ["conv_norm_out", value]) => format!("norm_out.{value}"),
        _ => return None,
    };
    Some(format!("{side}.{layer}"))
}

fn res_layer(tail: &[&str]) -> String {
    match tail {
        ["conv_shortcut", value] => format!("nin_shortcut.{value}"),
        _ => tail.join("."),
    }
}

fn attention_layer(tail: &[&str]) -> Option<String> {
    let (layer, value) = match *tail {
        ["to_out", "0", value] | ["proj_attn", value] => ("proj_out", value),
        ["group_norm", value] => ("norm", value),
        ["to_q" | "query", value] => ("q", value),
        ["to_k" | "key", value] => ("k", value),
        ["to_v" | "value", value] => ("v", value),
        _ => return None,
    };
    Some(format!("{layer}.{value}"))
}

/// The level of a decoder block that diffusers counts from the lowest resolution.
fn from_the_lowest(index: &str, levels: usize) -> Option<usize> {
    let index = index.parse::<usize>().ok()?;
    levels.checked_sub(1)?.checked_sub(index)
}

/// The path of an original name: Burn calls a norm's gain `gamma` and its bias `beta`.
fn module_path(original: &str) -> String {
    let renamed = original.rsplit_once('.').and_then(|(layer, value)| {
        let value = match value {
            "weight" => "gamma",
            "bias" => "beta",
            _ => return None,
        };
        let name = layer.rsplit('.').next()?;
        let norm = ["norm", "norm1", "norm2", "norm_out"].contains(&name);
        norm.then(|| format!("{layer}.{value}"))
    });
    renamed.unwrap_or_else(|| original.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(key: &str) -> String {
        match map_key(key, 4) {
            Key::Parameter(path) => path,
            Key::Unused => panic!("{key} is unused"),
        }
    }

    #[test]
    fn original_names_are_paths_but_for_norms() {
        for same in [
            "quant_conv.weight",
            "encoder.down.1.block.0.nin_shortcut.bias",
            "decoder.mid.attn_1.proj_out.weight",
            "decoder.up.3.upsample.conv.weight",
        ] {
            assert_eq!(path(same), same);
            assert_eq!(path(&format!("first_stage_model.{same}")), same);
        }
        assert_eq!(
            path("encoder.mid.attn_1.norm.bias"),
            "encoder.mid.attn_1.norm.beta"
        );
        assert_eq!(path("decoder.norm_out.weight"), "decoder.norm_out.gamma");
    }

    #[test]
    fn diffusers_counts_decoder_levels_from_the_lowest() {
        assert_eq!(
            path("decoder.up_blocks.0.resnets.2.norm1.weight"),
            "decoder.up.3.block.2.norm1.gamma"
        );
        assert_eq!(
            path("decoder.up_blocks.2.upsamplers.0.conv.bias"),
            "decoder.up.1.upsample.conv.bias"
        );
        assert_eq!(
            path("encoder.down_blocks.2.downsamplers.0.conv.bias"),
            "encoder.down.2.downsample.conv.bias"
        );
    }

    #[test]
    fn what_is_around_an_autoencoder_is_unused() {
        for key in [
            "loss.discriminator.main.0.weight",
            "first_stage_model.loss.logvar",
            "model.diffusion_model.input_blocks.0.0.weight",
            "cond_stage_model.transformer.text_model.final_layer_norm.weight",
            "model_ema.decay",
            "alphas_cumprod",
            "state_dict.betas",
            "optimizer_states.0.state.0.exp_avg",
        ] {
            assert_eq!(map_key(key, 4), Key::Unused, "{key}");
        }
    }

    #[test]
    fn unknown_names_stay_as_they_are() {
        for key in [
            "decoder.up_blocks.4.resnets.0.conv1.weight",
            "encoder.mid_block.attentions.0.to_qkv.weight",
            "encoder.mid_block.resnets.18446744073709551615.conv1.weight",
            "encoder.down.0.attn.0.q.weight",
            "betas.extra",
            "",
        ] {
            assert_eq!(path(key), key);
        }
    }
}
