//! Pairs of bfloat16, of two input channels each, summed in float32.

use rayon::prelude::*;

use super::maps::Maps;
use super::row_block::Element;
use crate::cpu::gemm::layout::{MR, NR, Pair};
use crate::cpu::gemm::microkernel::avx512_bf16::Avx512Bf16;
use crate::cpu::gemm::scratch::Scratch;
use crate::cpu::simd::Simd;

/// Bf16 of bfloat16, with the token of a processor that multiplies them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bf16(pub(super) Avx512Bf16);

/// Weights `[output, input, K, K]` with those of two input channels side by side:
/// `[output, input / 2, K, K, 2]`, zeros for a channel that does not exist.
pub(super) fn pairs_of_channels(maps: Maps, weight: &[f32]) -> Vec<f32> {
    let places = maps.places();
    let of_output = 2 * maps.input.div_ceil(2) * places;
    let mut pairs = vec![0.0; maps.output * of_output];
    let outputs = pairs.par_chunks_exact_mut(of_output);
    let outputs = outputs.zip(weight.par_chunks_exact(maps.k()));
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

impl Element for Bf16 {
    type Value = Pair;

    const CHANNELS: usize = 2;

    fn take(scratch: &mut Scratch, count: usize) -> &mut [Pair] {
        scratch.pairs(count, 1)
    }

    #[inline(always)]
    fn clear(target: &mut [Pair]) {
        target.fill(Pair::ZERO);
    }

    #[inline(always)]
    fn row<'a, V: Simd>(_: V, mut channels: impl Iterator<Item = &'a [f32]>, target: &mut [Pair]) {
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
    unsafe fn tile<V: Simd, const CHANNELS: usize, const VECTORS: usize>(
        self,
        _: V,
        weight: *const Pair,
        offsets: &[usize],
        x: [*const Pair; VECTORS],
        sums: &mut [[f32; NR]; MR],
    ) {
        // SAFETY: the caller's.
        unsafe {
            self.0
                .convolve::<CHANNELS, VECTORS>(weight, offsets, x, sums);
        };
    }
}
