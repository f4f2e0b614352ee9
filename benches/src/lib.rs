//! Benchmarks of every stage on the CPU.
//!
//! `cargo bench -p flowinone-benches` measures the tiny model; with `FLOWINONE_BENCH=mini` or
//! `flowinone-256` the same benches run at the sizes of the small model or of the published one
//! (7.1 GB of random weights, some minutes). `compare.py` times `shapes`, the program of this
//! crate, against PyTorch.

mod block;

pub use block::Block;

use burn::tensor::Device;
use flowinone_tasks::{Dtype, FlowInOne, ModelConfig, untrained};
use image::{Rgb, RgbImage};

/// The model to measure, with random weights, and its configuration.
///
/// # Panics
/// If `FLOWINONE_BENCH` names no preset.
pub fn model(device: &Device) -> (ModelConfig, FlowInOne) {
    let config = match std::env::var("FLOWINONE_BENCH").as_deref() {
        Ok("flowinone-256") => ModelConfig::flowinone_256(),
        Ok("mini") => ModelConfig::mini(),
        Err(_) | Ok("tiny") => ModelConfig::tiny(),
        Ok(other) => panic!("FLOWINONE_BENCH={other} is none of tiny, mini, flowinone-256"),
    };
    let pipeline = untrained(&config, 0, device, Dtype::F32).expect("presets are valid");
    (config, pipeline)
}

/// A picture with something of every frequency, 800 x 600.
pub fn picture() -> RgbImage {
    RgbImage::from_fn(800, 600, |x, y| {
        Rgb([(x * y / 97) as u8, (x / 3) as u8, (y * 7) as u8])
    })
}
