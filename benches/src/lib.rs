//! Benchmarks of every stage on the CPU.
//!
//! `cargo bench -p flowinone-benches` measures the tiny model; with
//! `FLOWINONE_BENCH=flowinone-256` the same benches run at the published size (7.1 GB of random
//! weights, some minutes).

mod block;

pub use block::Block;

use burn::tensor::Device;
use flowinone_tasks::{FlowInOne, ModelConfig, Precision, untrained};
use image::{Rgb, RgbImage};

/// The model to measure, with random weights, and its name.
///
/// # Panics
/// If `FLOWINONE_BENCH` names no preset.
pub fn model(device: &Device) -> (String, FlowInOne) {
    let config = match std::env::var("FLOWINONE_BENCH").as_deref() {
        Ok("flowinone-256") => ModelConfig::flowinone_256(),
        Err(_) | Ok("tiny") => ModelConfig::tiny(),
        Ok(other) => panic!("FLOWINONE_BENCH={other} is neither tiny nor flowinone-256"),
    };
    let pipeline = untrained(&config, 0, device, Precision::F32).expect("presets are valid");
    (config.name, pipeline)
}

/// A picture with something of every frequency, 800 x 600.
pub fn picture() -> RgbImage {
    RgbImage::from_fn(800, 600, |x, y| {
        Rgb([(x * y / 97) as u8, (x / 3) as u8, (y * 7) as u8])
    })
}
