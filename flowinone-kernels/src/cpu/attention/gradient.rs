//! The gradients of one head, as the kernels of every element type take it.

use super::heads::{Heads, HeadsMut, Shape};
use crate::cpu::gemm::scratch::Scratch;
use crate::cpu::simd::{Simd, slots};

/// Matrices in working memory, at most.
pub(super) const BUFFERS: usize = 16;

/// A head, its gradients and working memory.
pub(super) struct GradientHead<'a> {
    pub(super) shape: Shape,
    pub(super) q: Heads<'a>,
    pub(super) k: Heads<'a>,
    pub(super) v: Heads<'a>,
    pub(super) dy: Heads<'a>,
    pub(super) dq: HeadsMut<'a>,
    pub(super) dk: HeadsMut<'a>,
    pub(super) dv: HeadsMut<'a>,
    pub(super) pair: [usize; 2],
    pub(super) scratch: &'a mut [Scratch; BUFFERS],
}

/// Turns exponentials into the softmax `p`, and `dp` into `scale * ds`.
#[inline(always)]
pub(super) fn through_softmax<V: Simd>(
    simd: V,
    p: &mut [f32],
    dp: &mut [f32],
    factor: f32,
    scale: f32,
) {
    let factor = simd.splat(factor);
    let mut sum = simd.splat(0.0);
    for (p, dp) in p.chunks_exact_mut(V::WIDTH).zip(dp.chunks_exact(V::WIDTH)) {
        let value = simd.mul(simd.load(p), factor);
        sum = simd.fma(value, simd.load(dp), sum);
        simd.store(value, slots(p));
    }
    let (sum, scale) = (simd.splat(simd.sum(sum)), simd.splat(scale));
    for (p, dp) in p.chunks_exact(V::WIDTH).zip(dp.chunks_exact_mut(V::WIDTH)) {
        let difference = simd.sub(simd.load(dp), sum);
        let ds = simd.mul(simd.mul(simd.load(p), scale), difference);
        simd.store(ds, slots(dp));
    }
}

/// Writes rows to the tokens from `first` on.
///
/// # Safety
/// The tokens must exist, and belong to this thread alone.
#[inline(always)]
pub(super) unsafe fn write<V: Simd>(
    simd: V,
    heads: HeadsMut<'_>,
    pair: [usize; 2],
    first: usize,
    rows: &[f32],
    columns: usize,
) {
    for (index, row) in rows.chunks_exact(columns).enumerate() {
        // SAFETY: the caller's.
        unsafe { heads.write(simd, pair, first + index, row, 1.0) };
    }
}
