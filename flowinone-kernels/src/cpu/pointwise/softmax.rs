//! Softmax of rows, `p = exp(x - max(x)) / sum`, and its gradient `dx = p (dp - sum(p dp))`.

use crate::cpu::parallel::filled;
use crate::cpu::pointwise::math::exp;
use crate::cpu::simd::level::Level;
use crate::cpu::simd::{Kernel, Lanes, Slot, slots};

/// Softmax of every row of `width` numbers.
pub(crate) fn softmax(level: Level, x: &[f32], width: usize) -> Vec<f32> {
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
pub(crate) fn softmax_gradient(level: Level, p: &[f32], dp: &[f32], width: usize) -> Vec<f32> {
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
pub(crate) fn exponentials<L: Lanes>(lanes: L, row: &mut [f32], scale: f32) -> f32 {
    let mut largest = lanes.splat(f32::NEG_INFINITY);
    for x in row.chunks_exact(L::WIDTH) {
        largest = lanes.max(largest, lanes.load(x));
    }
    let scale = lanes.splat(scale);
    let shift = lanes.mul(lanes.splat(lanes.largest(largest)), scale);
    let mut sum = lanes.splat(0.0);
    for x in row.chunks_exact_mut(L::WIDTH) {
        // The difference first: scaled separately, both would round.
        let scaled = lanes.sub(lanes.mul(lanes.load(x), scale), shift);
        let e = exp(lanes, scaled);
        sum = lanes.add(sum, e);
        lanes.store(e, slots(x));
    }
    1.0 / lanes.sum(sum)
}

struct Forward<'a> {
    x: &'a [f32],
    p: &'a mut [Slot],
    width: usize,
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let lowest = f32::NEG_INFINITY;
        let rows = self.x.chunks(self.width).zip(self.p.chunks_mut(self.width));
        for (x, p) in rows {
            let mut largest = lanes.splat(lowest);
            let mut start = 0;
            while start < x.len() {
                largest = lanes.max(largest, lanes.load_at(x, start, lowest));
                start += L::WIDTH;
            }
            let largest = lanes.splat(lanes.largest(largest));
            let mut sum = lanes.splat(0.0);
            let mut start = 0;
            while start < x.len() {
                let x = lanes.sub(lanes.load_at(x, start, lowest), largest);
                let e = exp(lanes, x);
                sum = lanes.add(sum, e);
                lanes.store_at(e, p, start);
                start += L::WIDTH;
            }
            let factor = lanes.splat(1.0 / lanes.sum(sum));
            // SAFETY: the loop above has written the whole row.
            let p = unsafe { p.assume_init_mut() };
            let mut start = 0;
            while start < x.len() {
                let value = lanes.mul(lanes.load_at(p, start, 0.0), factor);
                lanes.store_at(value, slots(p), start);
                start += L::WIDTH;
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
    fn run<L: Lanes>(self, lanes: L) {
        let rows = self.p.chunks(self.width).zip(self.dp.chunks(self.width));
        for ((p, dp), dx) in rows.zip(self.dx.chunks_mut(self.width)) {
            let mut sum = lanes.splat(0.0);
            let mut start = 0;
            while start < p.len() {
                let dp = lanes.load_at(dp, start, 0.0);
                sum = lanes.fma(lanes.load_at(p, start, 0.0), dp, sum);
                start += L::WIDTH;
            }
            let sum = lanes.splat(lanes.sum(sum));
            let mut start = 0;
            while start < p.len() {
                let dp = lanes.sub(lanes.load_at(dp, start, 0.0), sum);
                let value = lanes.mul(lanes.load_at(p, start, 0.0), dp);
                lanes.store_at(value, dx, start);
                start += L::WIDTH;
            }
        }
    }
}
