//! The reference's configuration, translated into this project's own form.

use serde_json::{Value, json};

pub(crate) fn encoder(reference: &Value) -> Value {
    let (tower, aligner) = (&reference["siglip"], &reference["aligner"]);
    let width = integer(&tower["width"]);
    let ratio = tower["mlp_ratio"].as_f64().expect("siglip.mlp_ratio");
    json!({
        "image_size": tower["image_size"],
        "patch_size": tower["patch_size"],
        "width": width,
        "layers": tower["layers"],
        "heads": tower["heads"],
        "mlp_width": (width as f64 * ratio) as u64,
        "output_width": aligner["n_embed"],
    })
}

pub(crate) fn vae(reference: &Value) -> Value {
    let net = &reference["vae"]["ddconfig"];
    json!({
        "image_channels": net["in_channels"],
        "latent_channels": reference["vae"]["embed_dim"],
        "channels": net["ch"],
        "multipliers": net["ch_mult"],
        "blocks": net["num_res_blocks"],
        "groups": 32,
        "scale": reference["vae"]["scale_factor"],
    })
}

pub(crate) fn flow(reference: &Value) -> Value {
    let net = &reference["nnet"];
    let (low, high) = (&net["stage_configs"][0], &net["stage_configs"][1]);
    let tokens = (integer(&reference["siglip"]["image_size"])
        / integer(&reference["siglip"]["patch_size"]))
    .pow(2);
    let blocks = |stage: &Value| integer(&stage["num_blocks"]) / 2 * 2 + 1;
    json!({
        "latent_channels": net["channels"],
        "latent_side": high["max_height"],
        "source": {
            "tokens": tokens,
            "token_width": net["adapter_in_embed"],
            "compressed_tokens": net["num_clip_token"],
            "width": net["clip_dim"],
            "layers": net["VAE"]["num_blocks"],
            "reductions": 3,
            "heads": net["VAE"]["num_attention_heads"],
            "mlp_width": net["VAE"]["hidden_dim"],
        },
        "transformer": {
            "side": low["max_height"],
            "patch": low["input_feature_ratio"],
            "width": low["dim"],
            "heads": low["num_attention_heads"],
            "mlp_width": low["hidden_dim"],
            "blocks": blocks(low),
            "structure": low["use_cross_attention"],
        },
        "convnext": {
            "side": high["max_height"],
            "width": high["dim"],
            "mlp_width": high["hidden_dim"],
            "blocks": blocks(high),
            "kernel": high["kernel_size"],
        },
    })
}

fn integer(value: &Value) -> u64 {
    value
        .as_u64()
        .expect("an integer in the reference's configuration")
}
