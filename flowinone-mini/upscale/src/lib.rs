#![doc = include_str!("../README.md")]

/// The networks by what errors and records call each, with its safetensors file in f16:
/// Real-ESRGAN's own, and the same trained on for pictures of the mini model.
pub const MODELS: [(&str, &[u8]); 2] = [
    (
        "built-in:animevideov3",
        include_bytes!("../model/animevideov3.safetensors"),
    ),
    (
        "built-in:mini-x4",
        include_bytes!("../model/mini-x4.safetensors"),
    ),
];
