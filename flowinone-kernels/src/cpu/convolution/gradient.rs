//! The gradient of the weights of a convolution whose kernels have a side of 3:
//!
//! ```text
//! dw[o, i, j, k] = sum(dy[o, r, c] x[i, r + j - 1, c + k - 1])
//! ```
//!
//! over the pixels of all items. With one zero before each row of `x`, which is also the one behind
//! the row before, and one behind each row of `dy`, both are lines in which a weight stands for an
//! offset:
//!
//! ```text
//! dw[j, k] = sum(dy[p] x[p + j (width + 1) + k])
//! ```
//!
//! Vectors lie along the lines; a tile is some output channels by the three columns of a row of the
//! kernel, so that a vector of `dy` serves three sums and one of `x` serves four.

use rayon::prelude::*;

use super::maps::Maps;
use super::row_block::copy;
use crate::cpu::gemm::scratch::{Scratch, whole};
use crate::cpu::simd::level::SimdLevel;
use crate::cpu::simd::{Kernel, Simd};

/// Side of the kernels.
const SIDE: usize = 3;
/// Output channels of a tile.
const OUTPUTS: usize = 4;
/// Pixels of a channel at a time, where items have fewer: the sums over lanes at the end are then
/// few.
const PIXELS: usize = 2048;

/// Whether the gradient of such weights is computed here.
pub(crate) fn supports(maps: Maps) -> bool {
    (maps.kernel, maps.stride) == (SIDE, 1)
}

/// The gradient of weights `[output, input, 3, 3]`.
pub(crate) fn of_weights(level: SimdLevel, maps: Maps, x: &[f32], dy: &[f32]) -> Vec<f32> {
    assert!(supports(maps));
    assert_eq!(x.len(), maps.batch * maps.input * maps.plane());
    assert_eq!(dy.len(), maps.batch * maps.output * maps.plane());
    let of_input = maps.output * maps.places();
    let tasks = match rayon::current_num_threads() {
        1 => 1,
        threads => 2 * threads,
    };
    let each = maps.input.div_ceil(tasks);
    let mut by_input = vec![0.0; maps.input * of_input]; // [input, output, 3, 3]
    let blocks = by_input.par_chunks_mut(each * of_input).enumerate();
    blocks.for_each_init(Scratch::default, |scratch, (task, sums)| {
        level.run(Block {
            maps,
            x,
            dy,
            first: task * each,
            sums,
            scratch,
        });
    });
    let mut of_weights = vec![0.0; by_input.len()];
    for (index, sums) in by_input.chunks_exact(maps.places()).enumerate() {
        let (input, output) = (index / maps.output, index % maps.output);
        let at = (output * maps.input + input) * maps.places();
        of_weights[at..at + maps.places()].copy_from_slice(sums);
    }
    of_weights
}

/// The sums of some input channels.
struct Block<'a> {
    maps: Maps,
    x: &'a [f32],
    dy: &'a [f32],
    /// The first of the channels.
    first: usize,
    /// `[channels, output, 3, 3]`, added to.
    sums: &'a mut [f32],
    scratch: &'a mut Scratch,
}

impl Kernel for Block<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Simd>(self, simd: V) {
        let Maps { width, height, .. } = self.maps;
        let (outputs, plane) = (self.maps.output, self.maps.plane());
        let line = width + 1;
        let of_y = whole(height * line, V::WIDTH);
        let of_x = of_y + 2 * line + 2;
        let most = (PIXELS / plane).clamp(1, self.maps.batch);
        let all = self.scratch.take(most * (of_x + outputs * of_y), 1);
        let (lines_of_x, lines_of_y) = all.split_at_mut(most * of_x);
        for start in (0..self.maps.batch).step_by(most) {
            let items = most.min(self.maps.batch - start);
            let dy = &self.dy[start * outputs * plane..][..items * outputs * plane];
            for (target, dy) in lines_of_y
                .chunks_exact_mut(of_y)
                .zip(dy.chunks_exact(plane))
            {
                into_line(simd, dy, width, 0, target);
            }
            let channels = self.sums.chunks_exact_mut(outputs * self.maps.places());
            for (index, sums) in channels.enumerate() {
                for (item, target) in lines_of_x.chunks_exact_mut(of_x).take(items).enumerate() {
                    let channel = (start + item) * self.maps.input + self.first + index;
                    into_line(
                        simd,
                        &self.x[channel * plane..][..plane],
                        width,
                        line + 1,
                        target,
                    );
                }
                simd.call(Channel {
                    items,
                    outputs,
                    line,
                    x: &lines_of_x[..items * of_x],
                    dy: &lines_of_y[..items * outputs * of_y],
                    sums,
                });
            }
        }
    }
}

/// The rows of a plane one after another, a zero behind each, `before` zeros before all and zeros
/// to the end.
#[inline(always)]
fn into_line<V: Simd>(simd: V, plane: &[f32], width: usize, before: usize, target: &mut [f32]) {
    let (zeros, target) = target.split_at_mut(before);
    zeros.fill(0.0);
    let (rows, zeros) = target.split_at_mut(plane.len() / width * (width + 1));
    zeros.fill(0.0);
    for (row, target) in plane
        .chunks_exact(width)
        .zip(rows.chunks_exact_mut(width + 1))
    {
        copy(simd, row, &mut target[..width]);
        target[width] = 0.0;
    }
}

/// The sums of one input channel over some items.
struct Channel<'a> {
    items: usize,
    outputs: usize,
    /// Element from a row to the next.
    line: usize,
    /// Of each item a line, `2 line + 2` numbers longer than those of `dy`.
    x: &'a [f32],
    /// Of each item and output channel a line of whole vectors.
    dy: &'a [f32],
    /// `[outputs, 3, 3]`, added to.
    sums: &'a mut [f32],
}

impl Kernel for Channel<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Simd>(self, simd: V) {
        for first in (0..self.outputs).step_by(OUTPUTS) {
            for row in 0..SIDE {
                let tile = self.tile(simd, first, row);
                for (index, sums) in tile.into_iter().enumerate() {
                    if first + index < self.outputs {
                        let at = ((first + index) * SIDE + row) * SIDE;
                        for (target, sum) in self.sums[at..at + SIDE].iter_mut().zip(sums) {
                            *target += simd.sum(sum);
                        }
                    }
                }
            }
        }
    }
}

impl Channel<'_> {
    /// The sums, lane by lane, of some output channels for one row of the kernel; the last channel
    /// stands for those that do not exist.
    #[inline(always)]
    fn tile<V: Simd>(&self, simd: V, first: usize, row: usize) -> [[V::Float; SIDE]; OUTPUTS] {
        let of_y = self.dy.len() / (self.items * self.outputs);
        let of_x = self.x.len() / self.items;
        assert!(of_y.is_multiple_of(V::WIDTH) && of_x >= of_y + 2 * self.line + 2);
        let channels: [usize; OUTPUTS] =
            std::array::from_fn(|index| (first + index).min(self.outputs - 1));
        let mut sums = [[simd.splat(0.0); SIDE]; OUTPUTS];
        for item in 0..self.items {
            let mut x = self.x[item * of_x + row * self.line..].as_ptr();
            let mut dy =
                channels.map(|channel| self.dy[(item * self.outputs + channel) * of_y..].as_ptr());
            for _ in 0..of_y / V::WIDTH {
                // SAFETY: lines of `dy` are `of_y` numbers long, and those of `x` longer by two
                // rows of the kernel and two of its columns.
                let (vectors, of_outputs) = unsafe {
                    let vectors: [V::Float; SIDE] =
                        std::array::from_fn(|column| simd.load_from(x.add(column)));
                    (vectors, dy.map(|dy| simd.load_from(dy)))
                };
                for (sums, dy) in sums.iter_mut().zip(of_outputs) {
                    for (sum, x) in sums.iter_mut().zip(vectors) {
                        *sum = simd.fma(dy, x, *sum);
                    }
                }
                x = x.wrapping_add(V::WIDTH);
                dy = dy.map(|dy| dy.wrapping_add(V::WIDTH));
            }
        }
        sums
    }
}
