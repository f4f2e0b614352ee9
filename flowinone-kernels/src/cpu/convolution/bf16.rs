//! Pairs of bfloat16, two input channels each, summed in float32.

use rayon::prelude::*;

use super::maps::Maps;
use super::row_block::Numbers;
use crate::cpu::gemm::layout::{BREADTH, HEIGHT, Pair};
use crate::cpu::gemm::microkernel::avx512_bf16::Proof;
use crate::cpu::gemm::scratch::Scratch;
use crate::cpu::simd::Lanes;

/// Pairs of bfloat16, with the proof that the processor multiplies them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pairs(pub(super) Proof);

/// Weights `[output, input, K, K]` with those of two input channels side by side:
/// `[output, input / 2, K, K, 2]`, zeros for a channel that does not exist.
pub(super) fn pairs_of_channels(maps: Maps, weight: &[f32]) -> Vec<f32> {
    let places = maps.places();
    let of_output = 2 * maps.input.div_ceil(2) * places;
    let mut pairs = vec![0.0; maps.output * of_output];
    let outputs = pairs.par_chunks_exact_mut(of_output);
    let outputs = outputs.zip(weight.par_chunks_exact(maps.depth()));
    outputs.for_each(|(pairs, weight)| {
        for (input, kernel) in weight.chunks_exact(places).enumerate() {
            let first = input / 2 * 2 * places + input % 2;
            for (place, w) in kernel.iter().enumerate() {
                pairs[first + 2 * place] = *w;
            }
        }
    });
    pairs
}

impl Numbers for Pairs {
    type Number = Pair;

    const CHANNELS: usize = 2;

    fn take(scratch: &mut Scratch, count: usize) -> &mut [Pair] {
        scratch.pairs(count, 1)
    }

    #[inline(always)]
    fn clear(target: &mut [Pair]) {
        target.fill(Pair::ZERO);
    }

    #[inline(always)]
    fn row<'a, L: Lanes>(_: L, mut channels: impl Iterator<Item = &'a [f32]>, target: &mut [Pair]) {
        let even = channels.next().unwrap_or(&[]);
        match channels.next() {
            Some(odd) => {
                for ((pair, even), odd) in target.iter_mut().zip(even).zip(odd) {
                    *pair = Pair::new(*even, *odd);
                }
            }
            None => {
                for (pair, even) in target.iter_mut().zip(even) {
                    *pair = Pair::new(*even, 0.0);
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn tile<L: Lanes, const CHANNELS: usize, const VECTORS: usize>(
        self,
        _: L,
        weight: *const Pair,
        offsets: &[usize],
        x: [*const Pair; VECTORS],
        sums: &mut [[f32; BREADTH]; HEIGHT],
    ) {
        // SAFETY: the caller's.
        unsafe {
            self.0
                .convolve::<CHANNELS, VECTORS>(weight, offsets, x, sums);
        };
    }
}
