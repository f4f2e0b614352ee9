#![doc = include_str!("../README.md")]

/// The file `flow.safetensors` of the mini model's directory.
pub const FLOW: &[u8] = include_bytes!("../model/flow.safetensors");
