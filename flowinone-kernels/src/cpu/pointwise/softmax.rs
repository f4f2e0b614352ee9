//! Softmax of rows, `p = exp(x - max(x)) / sum`, and its gradient `dx = p (dp - sum(p dp))`.

use crate::cpu::parallel::filled;
use crate::cpu::pointwise::math::exp;
use crate::cpu::simd::level::SimdLevel;
use crate::cpu::simd::{Kernel, Simd, Slot, slots};

/// Softmax of every row of `width` values.
pub(crate) fn softmax(level: SimdLevel, x: &[f32], width: usize) -> Vec<f32> {
    // SAFETY: the kernel writes every slot.
    let [p] = unsafe {
        filled(x.len() / width, [width], 2 * width, |items, [p]| {
            let x = &x[items.start * width..items.end * width];
            level.run(Forward { x, p, width });
        })
    };
    p
}

/// The gradient of `x`, from the softmax `p` and its gradient.
pub(crate) fn softmax_gradient(level: SimdLevel, p: &[f32], dp: &[f32], width: usize) -> Vec<f32> {
    // SAFETY: the kernel writes every slot.
    let [dx] = unsafe {
        filled(p.len() / width, [width], width, |items, [dx]| {
            let range = items.start * width..items.end * width;
            let (p, dp) = (&p[range.clone()], &dp[range]);
            level.run(Backward { p, dp, dx, width });
        })
    };
    dx
}

/// Exponentials of `scale * (x - max(x))` in place of a row, and one over their sum.
///
/// # Panics
/// If the row is not a whole number of vectors.
#[inline(always)]
pub(crate) fn exponentials<V: Simd>(simd: V, row: &mut [f32], scale: f32) -> f32 {
    let mut largest = simd.splat(f32::NEG_INFINITY);
    for x in row.chunks_exact(V::WIDTH) {
        largest = simd.max(largest, simd.load(x));
    }
    let scale = simd.splat(scale);
    let shift = simd.mul(simd.splat(simd.largest(largest)), scale);
    let mut sum = simd.splat(0.0);
    for x in row.chunks_exact_mut(V::WIDTH) {
        // The difference first: scaled separately, both would round.
        let scaled = simd.sub(simd.mul(simd.load(x), scale), shift);
        let e = exp(simd, scaled);
        sum = simd.add(sum, e);
        simd.store(e, slots(x));
    }
    1.0 / simd.sum(sum)
}

struct Forward<'a> {
    x: &'a [f32],
    p: &'a mut [Slot],
    width: usize,
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Simd>(self, simd: V) {
        let lowest = f32::NEG_INFINITY;
        let rows = self.x.chunks(self.width).zip(self.p.chunks_mut(self.width));
        for (x, p) in rows {
            let mut largest = simd.splat(lowest);
            let mut start = 0;
            while start < x.len() {
                largest = simd.max(largest, simd.load_at(x, start, lowest));
                start += V::WIDTH;
            }
            let largest = simd.splat(simd.largest(largest));
            let mut sum = simd.splat(0.0);
            let mut start = 0;
            while start < x.len() {
                let x = simd.sub(simd.load_at(x, start, lowest), largest);
                let e = exp(simd, x);
                sum = simd.add(sum, e);
                simd.store_at(e, p, start);
                start += V::WIDTH;
            }
            let factor = simd.splat(1.0 / simd.sum(sum));
            // SAFETY: the loop above has written the whole row.
            let p = unsafe { p.assume_init_mut() };
            let mut start = 0;
            while start < x.len() {
                let value = simd.mul(simd.load_at(p, start, 0.0), factor);
                simd.store_at(value, slots(p), start);
                start += V::WIDTH;
            }
        }
    }
}

struct Backward<'a> {
    p: &'a [f32],
    dp: &'a [f32],
    dx: &'a mut [Slot],
    width: usize,
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Simd>(self, simd: V) {
        let rows = self.p.chunks(self.width).zip(self.dp.chunks(self.width));
        for ((p, dp), dx) in rows.zip(self.dx.chunks_mut(self.width)) {
            let mut sum = simd.splat(0.0);
            let mut start = 0;
            while start < p.len() {
                let dp = simd.load_at(dp, start, 0.0);
                sum = simd.fma(simd.load_at(p, start, 0.0), dp, sum);
                start += V::WIDTH;
            }
            let sum = simd.splat(simd.sum(sum));
            let mut start = 0;
            while start < p.len() {
                let dp = simd.sub(simd.load_at(dp, start, 0.0), sum);
                let value = simd.mul(simd.load_at(p, start, 0.0), dp);
                simd.store_at(value, dx, start);
                start += V::WIDTH;
            }
        }
    }
}
