//! Numbers in float32, one input channel each.

use super::row_block::{Numbers, copy};
use crate::cpu::gemm::layout::{BREADTH, HEIGHT};
use crate::cpu::gemm::scratch::Scratch;
use crate::cpu::simd::Lanes;

/// Float32.
#[derive(Debug, Clone, Copy)]
pub(super) struct Floats;

impl Numbers for Floats {
    type Number = f32;

    const CHANNELS: usize = 1;

    fn take(scratch: &mut Scratch, count: usize) -> &mut [f32] {
        scratch.take(count, 1)
    }

    #[inline(always)]
    fn clear(target: &mut [f32]) {
        target.fill(0.0);
    }

    #[inline(always)]
    fn row<'a, L: Lanes>(lanes: L, channels: impl Iterator<Item = &'a [f32]>, target: &mut [f32]) {
        for channel in channels {
            copy(lanes, channel, target);
        }
    }

    #[inline(always)]
    unsafe fn tile<L: Lanes, const CHANNELS: usize, const VECTORS: usize>(
        self,
        lanes: L,
        mut weight: *const f32,
        offsets: &[usize],
        x: [*const f32; VECTORS],
        sums: &mut [[f32; BREADTH]; HEIGHT],
    ) {
        let mut of_tile = [[lanes.splat(0.0); VECTORS]; CHANNELS];
        for offset in offsets {
            let mut right = [lanes.splat(0.0); VECTORS];
            for (right, x) in right.iter_mut().zip(x) {
                // SAFETY: the caller's.
                *right = unsafe { lanes.load_from(x.add(*offset)) };
            }
            for (index, sums) in of_tile.iter_mut().enumerate() {
                // SAFETY: the caller's.
                let left = lanes.splat(unsafe { *weight.add(index) });
                for (sum, right) in sums.iter_mut().zip(right) {
                    *sum = lanes.fma(left, right, *sum);
                }
            }
            weight = weight.wrapping_add(HEIGHT);
        }
        for (of_tile, sums) in of_tile.into_iter().zip(sums) {
            for (sum, target) in of_tile.into_iter().zip(sums.chunks_exact_mut(L::WIDTH)) {
                lanes.store(sum, crate::cpu::simd::slots(target));
            }
        }
    }
}
