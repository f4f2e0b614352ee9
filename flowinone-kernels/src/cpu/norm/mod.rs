//! Norms of rows, and their gradients. With `n` the row, centred where the norm centres it and
//! multiplied with its factor `r`, and `D` the width:
//!
//! ```text
//! y  = w n + b
//! dn = w dy
//! dx = r (dn - mean(dn)) - n mean(dn n) k,   k = -D / (r n) dr/dx
//! dw = sum(dy n),   db = sum(dy)
//! ```
//!
//! `mean(dn)` belongs to the norms that centre; `k` is given with each norm below.

pub(crate) mod group;

use std::ops::Range;

use crate::cpu::parallel::{each_piece, filled};
use crate::cpu::simd::level::SimdLevel;
use crate::cpu::simd::{Kernel, Simd, Slot, slots};

/// What a row is divided by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Spread {
    /// `rms + epsilon`, not centred; `k = 1 / rms`.
    RootMeanSquare { epsilon: f32 },
    /// `sqrt(variance + epsilon)`, centred; `k = r`.
    Deviation { epsilon: f32 },
    /// `deviation of a sample (divided by D - 1) + epsilon`, centred;
    /// `k = D / ((D - 1) deviation)`.
    SampleDeviation { epsilon: f32 },
}

impl Spread {
    fn centres(self) -> bool {
        !matches!(self, Self::RootMeanSquare { .. })
    }

    /// `r` and `k`, from the sum of the squares of a (centred) row of that width.
    #[inline(always)]
    fn factors(self, squares: f32, width: usize) -> (f32, f32) {
        let width = width as f32;
        let or_zero = |x: f32| if x.is_infinite() { 0.0 } else { x };
        match self {
            Self::RootMeanSquare { epsilon } => {
                let rms = (squares / width).sqrt();
                (1.0 / (rms + epsilon), or_zero(1.0 / rms))
            }
            Self::Deviation { epsilon } => {
                let r = 1.0 / (squares / width + epsilon).sqrt();
                (r, r)
            }
            Self::SampleDeviation { epsilon } => {
                let deviation = (squares / (width - 1.0)).sqrt();
                let k = width / ((width - 1.0) * deviation);
                (1.0 / (deviation + epsilon), or_zero(k))
            }
        }
    }
}

/// Rows of a matrix, and the weights and biases that they share: equal values of consecutive rows
/// have one row of each.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rows<'a> {
    /// `[rows, width]`.
    pub(crate) x: &'a [f32],
    /// `[groups, width]`.
    pub(crate) weight: &'a [f32],
    /// `[groups, width]`.
    pub(crate) bias: Option<&'a [f32]>,
    /// Values in a row.
    pub(crate) width: usize,
    /// What a row is divided by.
    pub(crate) spread: Spread,
}

impl Rows<'_> {
    fn count(&self) -> usize {
        self.x.len() / self.width
    }

    fn rows_of_a_group(&self) -> usize {
        (self.count() / (self.weight.len() / self.width)).max(1)
    }

    fn row(&self, index: usize) -> &[f32] {
        &self.x[index * self.width..][..self.width]
    }

    fn group<'b>(&self, of_groups: &'b [f32], index: usize) -> &'b [f32] {
        &of_groups[index / self.rows_of_a_group() * self.width..][..self.width]
    }

    /// `y`, `[rows, width]`.
    pub(crate) fn normed(self, level: SimdLevel) -> Vec<f32> {
        // SAFETY: the kernel writes every slot.
        let [y] = unsafe {
            filled(self.count(), [self.width], self.width, |items, [y]| {
                level.run(Forward {
                    rows: self,
                    items,
                    y,
                });
            })
        };
        y
    }

    /// `dx` `[rows, width]`, `dw` and `db` `[groups, width]`.
    pub(crate) fn gradients(self, level: SimdLevel, dy: &[f32]) -> [Vec<f32>; 3] {
        let (width, each) = (self.width, self.rows_of_a_group());
        let groups = self.weight.len() / width;
        // Blocks of rows with their own sums for the weights, several if there is one group.
        let block = match groups {
            1 => each.div_ceil(4 * rayon::current_num_threads()).max(16),
            _ => each,
        };
        let blocks = self.count().div_ceil(block);
        let mut dx = Vec::with_capacity(self.count() * width);
        let [mut dw, mut db] = [0, 1].map(|_| vec![0.0; blocks * width]);
        let mut parts: Vec<(&mut [Slot], &mut [f32], &mut [f32])> = dx.spare_capacity_mut()
            [..self.count() * width]
            .chunks_mut(block * width)
            .zip(dw.chunks_mut(width))
            .zip(db.chunks_mut(width))
            .map(|((dx, dw), db)| (dx, dw, db))
            .collect();
        let work = 4 * block * width;
        each_piece(
            blocks,
            [1],
            work,
            [parts.as_mut_slice()],
            &|blocks, [parts]| {
                for (index, (dx, dw, db)) in blocks.zip(parts) {
                    level.run(Backward {
                        rows: self,
                        items: index * block..(index * block + block).min(self.count()),
                        dy,
                        dx,
                        dw,
                        db,
                    });
                }
            },
        );
        // SAFETY: the blocks cover all rows, and the kernel writes every slot of its block.
        unsafe { dx.set_len(self.count() * width) };
        if groups == 1 {
            [dw, db] = [dw, db].map(|blocks| sum_of_rows(&blocks, width));
        }
        [dx, dw, db]
    }
}

fn sum_of_rows(rows: &[f32], width: usize) -> Vec<f32> {
    let mut sums = vec![0.0; width];
    for row in rows.chunks(width) {
        for (sum, x) in sums.iter_mut().zip(row) {
            *sum += x;
        }
    }
    sums
}

/// The mean of a row, and the sum of the squares around it.
#[inline(always)]
fn moments<V: Simd>(simd: V, row: &[f32], centres: bool) -> (f32, f32) {
    let mut mean = 0.0;
    if centres {
        let mut sums = [simd.splat(0.0); 2];
        let mut start = 0;
        while start < row.len() {
            let sum = &mut sums[start / V::WIDTH % 2];
            *sum = simd.add(*sum, simd.load_at(row, start, 0.0));
            start += V::WIDTH;
        }
        mean = simd.sum(simd.add(sums[0], sums[1])) / row.len() as f32;
    }
    let centre = simd.splat(mean);
    let mut squares = [simd.splat(0.0); 2];
    let mut start = 0;
    while start < row.len() {
        let x = simd.sub(simd.load_at(row, start, mean), centre);
        let square = &mut squares[start / V::WIDTH % 2];
        *square = simd.fma(x, x, *square);
        start += V::WIDTH;
    }
    (mean, simd.sum(simd.add(squares[0], squares[1])))
}

/// The mean of each row, and the sum of the squares around it: `[rows, 2]`.
pub(crate) fn moments_of_rows(level: SimdLevel, x: &[f32], width: usize) -> Vec<f32> {
    // SAFETY: the kernel writes both slots of each row.
    let [moments] = unsafe {
        filled(x.len() / width, [2], width, |items, [slots]| {
            let x = &x[items.start * width..items.end * width];
            level.run(Moments { x, width, slots });
        })
    };
    moments
}

struct Moments<'a, 'b> {
    x: &'a [f32],
    width: usize,
    slots: &'b mut [Slot],
}

impl Kernel for Moments<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Simd>(self, simd: V) {
        let rows = self.x.chunks_exact(self.width);
        for (row, slots) in rows.zip(self.slots.chunks_exact_mut(2)) {
            let (mean, squares) = moments(simd, row, true);
            slots[0].write(mean);
            slots[1].write(squares);
        }
    }
}

/// Rows whose moments are known from elsewhere: `(x - mean) r weight + bias`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placed<'a> {
    /// `[rows, width]`.
    pub(crate) x: &'a [f32],
    /// Mean and `r` of each row, `[rows, 2]`.
    pub(crate) spread: &'a [f32],
    /// Weight and bias, `[groups, 2, width]`.
    pub(crate) gains: &'a [f32],
    /// Values in a row.
    pub(crate) width: usize,
}

impl Placed<'_> {
    /// `y`, `[rows, width]`.
    pub(crate) fn normed(self, level: SimdLevel) -> Vec<f32> {
        let count = self.spread.len() / 2;
        // SAFETY: the kernel writes every slot.
        let [y] = unsafe {
            filled(count, [self.width], self.width, |items, [y]| {
                level.run(ForwardPlaced {
                    rows: self,
                    items,
                    y,
                });
            })
        };
        y
    }
}

struct ForwardPlaced<'a, 'b> {
    rows: Placed<'a>,
    items: Range<usize>,
    y: &'b mut [Slot],
}

impl Kernel for ForwardPlaced<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Simd>(self, simd: V) {
        let Placed {
            x,
            spread,
            gains,
            width,
        } = self.rows;
        let of_a_group = (spread.len() / 2 / (gains.len() / (2 * width))).max(1);
        for (index, y) in self.items.zip(self.y.chunks_mut(width)) {
            let row = &x[index * width..][..width];
            let [mean, r] = [0, 1].map(|k| simd.splat(spread[2 * index + k]));
            let gains = &gains[index / of_a_group * 2 * width..][..2 * width];
            let (weight, bias) = gains.split_at(width);
            let mut start = 0;
            while start < width {
                let n = simd.mul(simd.sub(simd.load_at(row, start, 0.0), mean), r);
                let weight = simd.load_at(weight, start, 0.0);
                let value = simd.fma(n, weight, simd.load_at(bias, start, 0.0));
                simd.store_at(value, y, start);
                start += V::WIDTH;
            }
        }
    }
}

struct Forward<'a, 'b> {
    rows: Rows<'a>,
    items: Range<usize>,
    y: &'b mut [Slot],
}

impl Kernel for Forward<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Simd>(self, simd: V) {
        let Rows { width, spread, .. } = self.rows;
        for (index, y) in self.items.zip(self.y.chunks_mut(width)) {
            let row = self.rows.row(index);
            let (mean, squares) = moments(simd, row, spread.centres());
            let (r, _) = spread.factors(squares, width);
            let (mean, r) = (simd.splat(mean), simd.splat(r));
            let weight = self.rows.group(self.rows.weight, index);
            let bias = self.rows.bias.map(|bias| self.rows.group(bias, index));
            let mut start = 0;
            while start < width {
                let n = simd.mul(simd.sub(simd.load_at(row, start, 0.0), mean), r);
                let weight = simd.load_at(weight, start, 0.0);
                let value = match bias {
                    Some(bias) => simd.fma(n, weight, simd.load_at(bias, start, 0.0)),
                    None => simd.mul(n, weight),
                };
                simd.store_at(value, y, start);
                start += V::WIDTH;
            }
        }
    }
}

struct Backward<'a, 'b> {
    rows: Rows<'a>,
    items: Range<usize>,
    dy: &'b [f32],
    dx: &'b mut [Slot],
    dw: &'b mut [f32],
    db: &'b mut [f32],
}

impl Kernel for Backward<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Simd>(self, simd: V) {
        let Rows { width, spread, .. } = self.rows;
        let zero = simd.splat(0.0);
        for (index, dx) in self.items.zip(self.dx.chunks_mut(width)) {
            let row = self.rows.row(index);
            let dy = &self.dy[index * width..][..width];
            let weight = self.rows.group(self.rows.weight, index);
            let (mean, squares) = moments(simd, row, spread.centres());
            let (r, k) = spread.factors(squares, width);
            let (mean, r) = (simd.splat(mean), simd.splat(r));
            // mean(dn), mean(dn n), and this row's part of dw and db.
            let mut sums = [zero; 2];
            let mut start = 0;
            while start < width {
                let n = simd.mul(simd.sub(simd.load_at(row, start, 0.0), mean), r);
                let dy = simd.load_at(dy, start, 0.0);
                let dn = simd.mul(dy, simd.load_at(weight, start, 0.0));
                sums[0] = simd.add(sums[0], dn);
                sums[1] = simd.fma(dn, n, sums[1]);
                let dw = simd.fma(dy, n, simd.load_at(self.dw, start, 0.0));
                simd.store_at(dw, slots(self.dw), start);
                let db = simd.add(dy, simd.load_at(self.db, start, 0.0));
                simd.store_at(db, slots(self.db), start);
                start += V::WIDTH;
            }
            let [dn_mean, dn_n_mean] = [
                simd.sum(sums[0]) / width as f32,
                simd.sum(sums[1]) / width as f32,
            ];
            let dn_mean = simd.splat(if spread.centres() { dn_mean } else { 0.0 });
            let pull = simd.splat(-dn_n_mean * k);
            let mut start = 0;
            while start < width {
                let n = simd.mul(simd.sub(simd.load_at(row, start, 0.0), mean), r);
                let dy = simd.load_at(dy, start, 0.0);
                let dn = simd.mul(dy, simd.load_at(weight, start, 0.0));
                let value = simd.fma(n, pull, simd.mul(r, simd.sub(dn, dn_mean)));
                simd.store_at(value, dx, start);
                start += V::WIDTH;
            }
        }
    }
}
