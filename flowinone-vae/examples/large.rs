//! Peak memory of decoding a large picture: in bands of rows, then as a whole, and the difference.
//!
//! ```sh
//! cargo run --release -p flowinone-vae --example large --features cpu -- 1024
//! ```
//!
//! Weights are random, of the published sizes. The peak is the process's (`VmHWM`, Linux), weights
//! included; `bands` as a second argument leaves the whole decode out.

use std::time::Instant;

use burn::tensor::{Device, Distribution, Tensor};
use flowinone_vae::{Autoencoder, LatentCodec, VaeConfig};
use flowinone_weights::{Init, randomize};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let side: usize = arguments.next().as_deref().unwrap_or("1024").parse()?;
    let bands_alone = arguments.next().as_deref() == Some("bands");

    let device = Device::flex();
    let vae = randomize(VaeConfig::flowinone_256().init(&device), 1, Init::by_fan_in)?;
    let small = side / vae.config().reduction();
    let normal = Distribution::Normal(0.0, 1.0);
    let latent = Tensor::random([1, 4, small, small], normal, &device) * vae.config().scale;
    println!("latent {small} x {small}, picture {side} x {side}");
    println!("before:   peak {}", peak());

    let banded = timed("in bands", &vae.clone().whole_up_to(0), &latent);
    if bands_alone {
        return Ok(());
    }
    let whole = timed("whole", &vae.whole_up_to(usize::MAX), &latent);
    let largest = |x: Tensor<4>| -> f32 { x.abs().max().into_scalar() };
    let difference = largest(whole.clone() - banded);
    println!(
        "largest difference {difference:.3e}, largest value {:.3}",
        largest(whole)
    );
    Ok(())
}

fn timed(name: &str, vae: &Autoencoder, latent: &Tensor<4>) -> Tensor<4> {
    let begin = Instant::now();
    let picture = vae.decode(latent.clone());
    let seconds = begin.elapsed().as_secs_f64();
    println!("{name:9} peak {}, {seconds:.1} s", peak());
    picture
}

/// Peak resident memory of this process so far.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or("unknown".into(), |line| line.trim().to_string())
}
