//! How far each form is from double precision.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::Tile;
use crate::cpu::convolution::{Maps, direct, winograd};
use crate::cpu::simd::level::SimdLevel;
use crate::cpu::simd::level::tests::at_every_level;
use crate::cpu::tests::random;

/// A form by its name, `None` the direct one, and the largest error that it may have: twice what a
/// thousand convolutions showed (1.3e-6, 7.2e-7 and 2.6e-6), as not every processor rounds a
/// product and its sum at once.
const FORMS: [(&str, Option<Tile>, f64); 3] = [
    ("direct", None, 3e-6),
    ("tiles of two", Some(Tile::Two), 1.5e-6),
    ("tiles of four", Some(Tile::Four), 5e-6),
];

#[test]
fn a_thousand_convolutions_are_near_those_in_double_precision() {
    let levels = SimdLevel::available().len() as u64;
    // The maps are small: threads would wait for each other.
    let alone = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .unwrap();
    at_every_level(|level| {
        for seed in 0..1000 / levels {
            let mut sizes = ChaCha8Rng::seed_from_u64(seed);
            let mut up_to = |most: usize| sizes.random_range(1..=most);
            let maps = Maps {
                batch: up_to(2),
                input: up_to(64),
                output: up_to(24),
                height: up_to(18),
                width: up_to(18),
                kernel: 3,
                stride: 1,
                before: 1,
            };
            let x = random(maps.batch * maps.input * maps.height * maps.width, seed);
            let weight = random(maps.output * maps.input * 9, seed + 1);
            let bias = random(maps.output, seed + 2);
            let results = maps.batch * maps.output * maps.height * maps.width;
            let at: Vec<usize> = (0..results).step_by(results.div_ceil(40)).collect();
            let exact: Vec<f64> = at
                .iter()
                .map(|at| exact(maps, &x, &weight, &bias, *at))
                .collect();
            // Never below what sums of this size have as their deviation, lest few results are all
            // small.
            let usual = (9.0 * maps.input as f64).sqrt() * 4.0 / 3.0;
            let largest = exact.iter().fold(usual, |m, y| m.max(y.abs()));
            for (name, tile, most) in FORMS {
                let bias = Some(bias.as_slice());
                let y = alone.install(|| match tile {
                    None => direct(level, maps, &x, &weight, bias),
                    Some(tile) => winograd::convolved(level, tile, maps, &x, &weight, bias),
                });
                assert_eq!(y.len(), results);
                for (at, exact) in at.iter().zip(&exact) {
                    let error = (f64::from(y[*at]) - exact).abs() / largest;
                    assert!(error < most, "{name}, {maps:?}, {level:?}: {error:e}");
                }
            }
        }
    });
}

/// One result by the definition.
fn exact(maps: Maps, x: &[f32], weight: &[f32], bias: &[f32], at: usize) -> f64 {
    let (row, column) = (at / maps.width % maps.height, at % maps.width);
    let plane = at / (maps.height * maps.width);
    let (item, output) = (plane / maps.output, plane % maps.output);
    let mut sum = f64::from(bias[output]);
    for input in 0..maps.input {
        let plane = (item * maps.input + input) * maps.height;
        for place in 0..9 {
            let (row, column) = (row + place / 3, column + place % 3);
            if (1..=maps.height).contains(&row) && (1..=maps.width).contains(&column) {
                let x = x[(plane + row - 1) * maps.width + column - 1];
                let w = weight[(output * maps.input + input) * 9 + place];
                sum += f64::from(x) * f64::from(w);
            }
        }
    }
    sum
}
