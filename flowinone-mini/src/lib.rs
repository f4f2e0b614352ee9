#![doc = include_str!("../README.md")]

/// What errors and records call the model.
pub const NAME: &str = "built-in:mini";

/// Name and content of each file of the model directory.
pub static FILES: &[(&str, &[u8])] = &[
    ("config.json", include_bytes!("../model/config.json")),
    ("manifest.json", include_bytes!("../model/manifest.json")),
    (
        "encoder.safetensors",
        include_bytes!("../model/encoder.safetensors"),
    ),
    (
        "vae.safetensors",
        include_bytes!("../model/vae.safetensors"),
    ),
    ("flow.safetensors", flowinone_mini_flow::FLOW),
];
