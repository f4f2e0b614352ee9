//! Single values in float32, of one input channel each.

use super::row_block::{Element, copy};
use crate::cpu::gemm::layout::{MR, NR};
use crate::cpu::gemm::scratch::Scratch;
use crate::cpu::simd::Simd;

/// Float32.
#[derive(Debug, Clone, Copy)]
pub(super) struct F32;

impl Element for F32 {
    type Value = f32;

    const CHANNELS: usize = 1;

    fn take(scratch: &mut Scratch, count: usize) -> &mut [f32] {
        scratch.take(count, 1)
    }

    #[inline(always)]
    fn clear(target: &mut [f32]) {
        target.fill(0.0);
    }

    #[inline(always)]
    fn row<'a, V: Simd>(simd: V, channels: impl Iterator<Item = &'a [f32]>, target: &mut [f32]) {
        for channel in channels {
            copy(simd, channel, target);
        }
    }

    #[inline(always)]
    unsafe fn tile<V: Simd, const CHANNELS: usize, const VECTORS: usize>(
        self,
        simd: V,
        mut weight: *const f32,
        offsets: &[usize],
        x: [*const f32; VECTORS],
        sums: &mut [[f32; NR]; MR],
    ) {
        let mut of_tile = [[simd.splat(0.0); VECTORS]; CHANNELS];
        for offset in offsets {
            let mut right = [simd.splat(0.0); VECTORS];
            for (right, x) in right.iter_mut().zip(x) {
                // SAFETY: the caller's.
                *right = unsafe { simd.load_from(x.add(*offset)) };
            }
            for (index, sums) in of_tile.iter_mut().enumerate() {
                // SAFETY: the caller's.
                let left = simd.splat(unsafe { *weight.add(index) });
                for (sum, right) in sums.iter_mut().zip(right) {
                    *sum = simd.fma(left, right, *sum);
                }
            }
            weight = weight.wrapping_add(MR);
        }
        for (of_tile, sums) in of_tile.into_iter().zip(sums) {
            for (sum, target) in of_tile.into_iter().zip(sums.chunks_exact_mut(V::WIDTH)) {
                simd.store(sum, crate::cpu::simd::slots(target));
            }
        }
    }
}
