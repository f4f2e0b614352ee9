//! What a thread can do at most: a loop of multiplications and additions that depend on nothing but
//! registers.

use std::hint::black_box;
use std::time::Instant;

use crate::cpu::simd::level::SimdLevel;
use crate::cpu::simd::{Kernel, Simd};

/// Chains of additions: more than the processor needs to be busy, and as many as fit 16
/// registers.
const CHAINS: usize = 12;
/// Rounds of a measurement, some milliseconds.
const ROUNDS: usize = 2_000_000;

/// The most multiplications with addition of float32 that one thread does in a second at the level
/// of this processor: the best of five measurements, some hundredths of a second in all.
///
/// It is what benchmarks compare a product of matrices with.
pub fn peak_multiply_adds() -> f64 {
    let level = SimdLevel::current();
    let rate = |_| {
        let begin = Instant::now();
        let done = level.run(Chains);
        done as f64 / begin.elapsed().as_secs_f64()
    };
    (0..5).map(rate).fold(0.0, f64::max)
}

/// The loop; it returns how many multiplications it did.
struct Chains;

impl Kernel for Chains {
    type Output = usize;

    #[inline(always)]
    fn run<V: Simd>(self, simd: V) -> usize {
        let (factor, summand) = (simd.splat(black_box(0.999)), simd.splat(black_box(1e-3)));
        let mut chains = [simd.splat(0.5); CHAINS];
        for _ in 0..ROUNDS {
            for chain in &mut chains {
                *chain = simd.fma(*chain, factor, summand);
            }
        }
        black_box(chains.map(|chain| simd.sum(chain)));
        ROUNDS * CHAINS * V::WIDTH
    }
}
