//! Targets at coarser scales against the reference: even and odd sides, both divisors.
#![cfg(all(feature = "cpu", feature = "train"))]

use burn::tensor::Device;
use flowinone_flow::train::{Coarsening, coarser};
use flowinone_parity::{assert_close, folders};

/// Sums of up to 25 numbers in float32.
const TOLERANCE: f64 = 1e-6;

#[test]
fn coarser_targets_match_the_reference() {
    let device = Device::flex();
    for folder in folders() {
        let tensors = folder.tensors("multiscale.safetensors");
        let mut compared = 0;
        for name in tensors.names() {
            // `even.scale_correction_true.16`: a map, a divisor, and the width that comes out.
            let parts: Vec<&str> = name.split('.').collect();
            let [map, divisor, width] = parts[..] else {
                continue;
            };
            let coarsening = match divisor {
                "scale_correction_true" => Coarsening::KeepVariance,
                "scale_correction_false" => Coarsening::Mean,
                other => panic!("{name}: unknown divisor {other}"),
            };
            let map = tensors.tensor::<4>(map, &device);
            let (side, width) = (map.dims()[3], width.parse::<usize>().unwrap());
            // 32 to 16 is twice as coarse, and so is 17 to 9.
            let ratio = (side - side % 2) / (width - side % 2);
            let got = coarser(map, ratio, coarsening);
            assert_close(&name, got, tensors.tensor(&name, &device), TOLERANCE);
            compared += 1;
        }
        assert_eq!(compared, tensors.names().len() - 2, "every coarse map");
    }
}
