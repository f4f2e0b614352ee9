//! Encodes a drawn picture with random weights and says what came out and how long it took.
//!
//! `cargo run -p flowinone-encoder --example encode --features cpu [-- full]`

use std::time::Instant;

use burn::tensor::Device;
use flowinone_encoder::{EncoderConfig, VisualEncoder, janus_pixels, janus_square};
use flowinone_image::center_crop;
use flowinone_weights::{Init, randomize};
use image::{Rgb, RgbImage};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = match std::env::args().nth(1).as_deref() {
        None => EncoderConfig::tiny(),
        Some("full") => EncoderConfig::flowinone_256(), // 1.3 GB
        Some(other) => return Err(format!("unknown argument {other}; only `full` is known").into()),
    };
    let device = Device::flex();
    let encoder = randomize(config.init(&device), 1, Init::by_fan_in)?;

    let picture = RgbImage::from_fn(800, 600, |x, y| {
        let inside = x.abs_diff(400).pow(2) + y.abs_diff(300).pow(2) < 200 * 200;
        Rgb(if inside {
            [240, 90, 40]
        } else {
            [(x / 4) as u8, (y / 3) as u8, 90]
        })
    });

    let start = Instant::now();
    let square = janus_square(&picture, encoder.side() as u32);
    let crop = center_crop(&picture, 256);
    println!(
        "picture {:?} -> vision {:?}, structure {:?}: {:.1?}",
        picture.dimensions(),
        square.dimensions(),
        crop.dimensions(),
        start.elapsed()
    );

    // The first call also waits for the threads and the memory.
    for run in 1..=3 {
        let start = Instant::now();
        let tokens = encoder.encode(janus_pixels([&square], &device));
        let shape = tokens.dims();
        let size = tokens.square().mean().sqrt().into_scalar::<f32>();
        println!(
            "run {run}: tokens {shape:?}, root mean square {size:.3}: {:.1?}",
            start.elapsed()
        );
    }
    Ok(())
}
