//! Group norm followed by SiLU, on maps `[batch, channels, pixels]`. With `n` the values of a
//! group, centred and divided by `sqrt(variance + epsilon)`, and `w`, `b` those of their channel:
//!
//! ```text
//! h = w n + b,   y = SiLU(h)
//! dh = dy SiLU'(h),   dn = w dh,   dx = (dn - mean(dn) - n mean(dn n)) / sqrt(variance + epsilon)
//! dw = sum(dh n),   db = sum(dh)
//! ```

use crate::cpu::parallel::filled;
use crate::cpu::pointwise::math::sigmoid;
use crate::cpu::pointwise::silu_slope;
use crate::cpu::simd::level::SimdLevel;
use crate::cpu::simd::{Kernel, Simd, Slot, slots};

/// Maps with the parameters of their norm.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Maps<'a> {
    /// `[batch, channels, pixels]`.
    pub(crate) x: &'a [f32],
    /// `[channels]`.
    pub(crate) weight: &'a [f32],
    /// `[channels]`.
    pub(crate) bias: &'a [f32],
    /// Groups of consecutive channels.
    pub(crate) groups: usize,
    /// Values in a channel.
    pub(crate) pixels: usize,
    /// Added to the variance.
    pub(crate) epsilon: f32,
}

/// Channel by channel of one group: its values, weight and bias.
struct Group<'a> {
    x: &'a [f32],
    weight: &'a [f32],
    bias: &'a [f32],
    pixels: usize,
    epsilon: f32,
}

impl<'a> Maps<'a> {
    fn group_channels(&self) -> usize {
        self.weight.len() / self.groups
    }

    /// Groups of all items.
    fn count(&self) -> usize {
        self.x.len() / (self.pixels * self.group_channels())
    }

    fn group(&self, index: usize) -> Group<'a> {
        let channels = self.group_channels();
        let first = index % self.groups * channels;
        Group {
            x: &self.x[index * channels * self.pixels..][..channels * self.pixels],
            weight: &self.weight[first..first + channels],
            bias: &self.bias[first..first + channels],
            pixels: self.pixels,
            epsilon: self.epsilon,
        }
    }

    /// `y`, of the shape of `x`.
    pub(crate) fn normed(self, level: SimdLevel) -> Vec<f32> {
        let size = self.pixels * self.group_channels();
        // SAFETY: the kernel writes every slot.
        let [y] = unsafe {
            filled(self.count(), [size], size, |items, [y]| {
                for (index, y) in items.zip(y.chunks_mut(size)) {
                    let group = self.group(index);
                    level.run(Forward { group, y });
                }
            })
        };
        y
    }

    /// `dx` of the shape of `x`, `dw` and `db` `[channels]`.
    pub(crate) fn gradients(self, level: SimdLevel, dy: &[f32]) -> [Vec<f32>; 3] {
        let channels = self.group_channels();
        let size = self.pixels * channels;
        let sizes = [size, channels, channels];
        // SAFETY: the kernel writes every slot.
        let [dx, dw, db] = unsafe {
            filled(self.count(), sizes, 2 * size, |items, [dx, dw, db]| {
                let parts = dw.chunks_mut(channels).zip(db.chunks_mut(channels));
                for ((index, dx), (dw, db)) in items.zip(dx.chunks_mut(size)).zip(parts) {
                    let dy = &dy[index * size..][..size];
                    let group = self.group(index);
                    level.run(Backward {
                        group,
                        dy,
                        dx,
                        dw,
                        db,
                    });
                }
            })
        };
        let over_batch = |parts: Vec<f32>| {
            let mut sums = vec![0.0; self.weight.len()];
            for item in parts.chunks(sums.len()) {
                for (sum, x) in sums.iter_mut().zip(item) {
                    *sum += x;
                }
            }
            sums
        };
        [dx, over_batch(dw), over_batch(db)]
    }
}

impl Group<'_> {
    /// Mean and `1 / sqrt(variance + epsilon)`, from sums of short pieces: a single sum over a
    /// large map would lose digits.
    #[inline(always)]
    fn moments<V: Simd>(&self, simd: V) -> (f32, f32) {
        const PIECE: usize = 1024;
        let count = self.x.len() as f64;
        let mut total = 0.0f64;
        for piece in self.x.chunks(PIECE) {
            total += f64::from(sum_around(simd, piece, 0.0).0);
        }
        let mean = (total / count) as f32;
        let mut total = 0.0f64;
        for piece in self.x.chunks(PIECE) {
            total += f64::from(sum_around(simd, piece, mean).1);
        }
        let variance = (total / count) as f32;
        (mean, 1.0 / (variance + self.epsilon).sqrt())
    }
}

/// Sums of `x - centre` and of its square.
#[inline(always)]
fn sum_around<V: Simd>(simd: V, x: &[f32], centre: f32) -> (f32, f32) {
    let middle = simd.splat(centre);
    let mut sums = [simd.splat(0.0); 2];
    let mut squares = sums;
    let mut start = 0;
    while start < x.len() {
        let parity = start / V::WIDTH % 2;
        let x = simd.sub(simd.load_at(x, start, centre), middle);
        sums[parity] = simd.add(sums[parity], x);
        squares[parity] = simd.fma(x, x, squares[parity]);
        start += V::WIDTH;
    }
    (
        simd.sum(simd.add(sums[0], sums[1])),
        simd.sum(simd.add(squares[0], squares[1])),
    )
}

struct Forward<'a> {
    group: Group<'a>,
    y: &'a mut [Slot],
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Simd>(self, simd: V) {
        let group = self.group;
        let pixels = group.pixels;
        let (mean, r) = group.moments(simd);
        let channels = group.x.chunks(pixels).zip(self.y.chunks_mut(pixels));
        for (channel, (x, y)) in channels.enumerate() {
            let (mean, factor) = (simd.splat(mean), simd.splat(r * group.weight[channel]));
            let bias = simd.splat(group.bias[channel]);
            let mut start = 0;
            while start < pixels {
                let centred = simd.sub(simd.load_at(x, start, 0.0), mean);
                let h = simd.fma(centred, factor, bias);
                simd.store_at(simd.mul(h, sigmoid(simd, h).0), y, start);
                start += V::WIDTH;
            }
        }
    }
}

struct Backward<'a, 'b> {
    group: Group<'a>,
    dy: &'b [f32],
    dx: &'b mut [Slot],
    dw: &'b mut [Slot],
    db: &'b mut [Slot],
}

impl Kernel for Backward<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Simd>(self, simd: V) {
        let group = self.group;
        let pixels = group.pixels;
        let (mean, r) = group.moments(simd);
        let zero = simd.splat(0.0);
        let (middle, factor) = (simd.splat(mean), simd.splat(r));
        let mut means = [0.0f64; 2]; // of dn and dn n
        // dh goes to dx for now.
        for (channel, dx) in self.dx.chunks_mut(pixels).enumerate() {
            let range = channel * pixels..(channel + 1) * pixels;
            let (x, dy) = (&group.x[range.clone()], &self.dy[range]);
            let weight = simd.splat(group.weight[channel]);
            let bias = simd.splat(group.bias[channel]);
            let mut sums = [zero; 2];
            let mut start = 0;
            while start < pixels {
                let n = simd.mul(simd.sub(simd.load_at(x, start, 0.0), middle), factor);
                let h = simd.fma(n, weight, bias);
                let dh = simd.mul(simd.load_at(dy, start, 0.0), silu_slope(simd, h));
                sums[0] = simd.add(sums[0], dh);
                sums[1] = simd.fma(dh, n, sums[1]);
                simd.store_at(dh, dx, start);
                start += V::WIDTH;
            }
            let sums = [simd.sum(sums[0]), simd.sum(sums[1])];
            self.db[channel].write(sums[0]);
            self.dw[channel].write(sums[1]);
            for (mean, sum) in means.iter_mut().zip(sums) {
                *mean += f64::from(group.weight[channel] * sum) / group.x.len() as f64;
            }
        }
        // SAFETY: the loop above has written all of it.
        let dx = unsafe { self.dx.assume_init_mut() };
        let [dn_mean, dn_n_mean] = [simd.splat(means[0] as f32), simd.splat(-means[1] as f32)];
        for (channel, dx) in dx.chunks_mut(pixels).enumerate() {
            let x = &group.x[channel * pixels..][..pixels];
            let weight = simd.splat(group.weight[channel]);
            let mut start = 0;
            while start < pixels {
                let n = simd.mul(simd.sub(simd.load_at(x, start, 0.0), middle), factor);
                let dn = simd.mul(simd.load_at(dx, start, 0.0), weight);
                let value = simd.fma(n, dn_n_mean, simd.sub(dn, dn_mean));
                simd.store_at(simd.mul(value, factor), slots(dx), start);
                start += V::WIDTH;
            }
        }
    }
}
