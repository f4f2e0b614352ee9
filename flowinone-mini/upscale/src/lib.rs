#![doc = include_str!("../README.md")]

/// What errors and records call the model.
pub const NAME: &str = "built-in:animevideov3";

/// Its safetensors file, in f16.
pub const MODEL: &[u8] = include_bytes!("../model/animevideov3.safetensors");
