//! How much of what the processor can multiply a linear layer of the published size does, on one
//! thread:
//!
//! ```sh
//! RAYON_NUM_THREADS=1 cargo run --release -p flowinone-kernels --features cpu --example peak
//! ```

use std::time::Instant;

use burn::tensor::{Device, Distribution, Tensor};
use flowinone_kernels::{Dtype, PackedLinear, SimdLevel, peak_multiply_adds};

const ROWS: usize = 514;
const INPUT: usize = 1024;
const OUTPUT: usize = 3072;

fn main() {
    let random =
        |shape| Tensor::<2>::random(shape, Distribution::Normal(0.0, 1.0), &Device::flex());
    let layer = PackedLinear::new(random([INPUT, OUTPUT]), None, Dtype::F32);
    let x = random([ROWS, INPUT]);
    let best = (0..15)
        .map(|_| {
            let begin = Instant::now();
            drop(layer.forward(x.clone()));
            begin.elapsed().as_secs_f64()
        })
        .fold(f64::INFINITY, f64::min);
    let (peak, done) = (peak_multiply_adds(), (ROWS * INPUT * OUTPUT) as f64 / best);
    println!(
        "{}: {:.1} of {:.1} GMAC/s, {:.2}",
        SimdLevel::current().name(),
        done / 1e9,
        peak / 1e9,
        done / peak
    );
}
