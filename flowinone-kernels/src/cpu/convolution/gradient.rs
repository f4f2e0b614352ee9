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
//! kernel, so that a vector of `dy` serves three sums and one of `x` one for each channel. Lines
//! are cut into pieces that stay in the first cache for all three rows. Where the results are half
//! as wide and high, a line of `x` is four: its pixels of even and of odd rows and columns, each of
//! which meets `dy` pixel by pixel.
//!
//! The gradient of such halved maps' input is a convolution again, with four results for a pixel of
//! `dy`: one for each of the four pixels of `x` that lie there ([`of_halved`]).

use std::ops::Range;

use rayon::prelude::*;

use super::Layer;
use super::f32::F32;
use super::maps::Maps;
use super::row_block::{Panel, copy, halves};
use crate::cpu::gemm::layout::in_tiles;
use crate::cpu::gemm::pack::{Matrix, Packed};
use crate::cpu::gemm::scratch::{Scratch, whole};
use crate::cpu::simd::level::SimdLevel;
use crate::cpu::simd::{Kernel, Simd};

/// Side of the kernels.
const SIDE: usize = 3;
/// Vectors of a piece of a line.
const PIECE: usize = 32;
/// Pixels of a channel at a time, where items have fewer: the sums over lanes at the end are then
/// few.
const PIXELS: usize = 2048;

/// Whether the gradient of such weights is computed here.
pub(crate) fn supports(maps: Maps) -> bool {
    let kernel = (maps.kernel, maps.stride, maps.before);
    kernel == (SIDE, 1, 1) || kernel == (SIDE, 2, 0)
}

/// The gradient of weights `[output, input, 3, 3]`.
pub(crate) fn of_weights(level: SimdLevel, maps: Maps, x: &[f32], dy: &[f32]) -> Vec<f32> {
    assert!(supports(maps));
    assert_eq!(x.len(), maps.batch * maps.input * maps.plane());
    assert_eq!(dy.len(), maps.batch * maps.output * maps.results());
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

/// The gradient of maps `[batch, input, 2 height, 2 width]` whose convolution has a stride of 2.
/// Row `2 r + p` of `x` is seen by the rows `p + 2 t` of the kernels of row `r - t` of the results.
pub(crate) fn of_halved(level: SimdLevel, maps: Maps, weight: &[f32], dy: &[f32]) -> Vec<f32> {
    assert_eq!((maps.stride, maps.before), (2, 0));
    let Maps { input, output, .. } = maps;
    let kernel = maps.kernel.div_ceil(2);
    let back = Maps {
        input: output,
        output: 4 * input,
        kernel,
        stride: 1,
        before: kernel - 1,
        ..maps
    };
    let phases: Vec<Phase> = (0..4)
        .map(|at| Phase::new(level, maps, weight, at))
        .collect();
    let panels = phases.iter().enumerate();
    let panels: Vec<_> = panels
        .flat_map(|(at, phase)| Panel::all(&phase.weight, &phase.taps, at * input))
        .collect();
    let phases = super::in_row_blocks(level, F32, back, &[dy], &panels, Layer::of(&[]));
    let mut dx = vec![0.0; maps.batch * input * maps.plane()];
    let channels = dx.par_chunks_exact_mut(maps.plane()).enumerate();
    channels.for_each(|(index, dx)| {
        let (item, channel) = (index / input, index % input);
        let rows = dx.chunks_exact_mut(2 * maps.width).enumerate();
        for (row, dx) in rows {
            let [even, odd] = [0, 1].map(|column| {
                let phase = row % 2 * 2 + column;
                let at = (item * back.output + phase * input + channel) * maps.height + row / 2;
                &phases[at * maps.width..][..maps.width]
            });
            for (dx, (even, odd)) in dx.chunks_exact_mut(2).zip(even.iter().zip(odd)) {
                (dx[0], dx[1]) = (*even, *odd);
            }
        }
    });
    dx
}

/// The weights that the pixels of one parity of rows and columns see.
struct Phase {
    /// `[input, taps]`.
    weight: Packed<f32>,
    /// Their places among `[output, kernel, kernel]`.
    taps: Vec<usize>,
}

impl Phase {
    /// Of the even or odd rows (`at / 2`) and columns (`at % 2`).
    fn new(level: SimdLevel, maps: Maps, weight: &[f32], at: usize) -> Self {
        let (side, half) = (maps.kernel, maps.kernel.div_ceil(2));
        // From a row or column of the turned, halved kernel to that of the kernel.
        let of = |parity: usize| {
            let behind = move |place: usize| (place, 2 * (half - 1 - place) + parity);
            let places = (0..half).map(behind);
            places.filter(move |(_, whole)| *whole < side)
        };
        let (mut taps, mut wholes) = (vec![], vec![]);
        for output in 0..maps.output {
            for (row, of_row) in of(at / 2) {
                for (column, of_column) in of(at % 2) {
                    taps.push((output * half + row) * half + column);
                    wholes.push((output, of_row * side + of_column));
                }
            }
        }
        let mut values = Vec::with_capacity(maps.input * taps.len());
        for input in 0..maps.input {
            let of_input = wholes.iter().map(|(output, place)| {
                weight[(output * maps.input + input) * maps.places() + place]
            });
            values.extend(of_input);
        }
        let weight = Matrix::new(&values, maps.input, taps.len()).left(level);
        Self { weight, taps }
    }
}

/// Where the lines of an input channel begin and what of them a kernel sees.
#[derive(Clone, Copy)]
struct Lines {
    /// Values from a row of the results to the next.
    line: usize,
    /// Length of a channel of `dy`, in whole vectors.
    of_y: usize,
    /// Length of a channel of `x`.
    of_x: usize,
    /// From a pixel of `dy` to what the rows of a kernel see.
    rows: [usize; SIDE],
    /// From there to what its columns see.
    columns: [usize; SIDE],
}

impl Lines {
    fn new(maps: Maps, vector: usize) -> Self {
        let line = maps.width + 1;
        let of_y = whole(maps.height * line, vector);
        let (of_x, rows, columns) = match maps.stride {
            1 => (of_y + 2 * line + 2, [0, line, 2 * line], [0, 1, 2]),
            _ => {
                let phase = of_y + line + 1;
                (4 * phase, [0, 2 * phase, line], [0, phase, 1])
            }
        };
        Self {
            line,
            of_y,
            of_x,
            rows,
            columns,
        }
    }
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
        let Maps { width, stride, .. } = self.maps;
        let (outputs, plane) = (self.maps.output, self.maps.results());
        let lines = Lines::new(self.maps, V::WIDTH);
        let Lines { of_x, of_y, .. } = lines;
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
                    let x = &self.x[channel * self.maps.plane()..][..self.maps.plane()];
                    match stride {
                        1 => into_line(simd, x, width, lines.line + 1, target),
                        _ => into_phases(x, width, target),
                    }
                }
                simd.call(Channel {
                    items,
                    outputs,
                    lines,
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

/// The pixels of even and odd rows and columns of a plane `2 width` wide, as four lines of equal
/// length.
#[inline(always)]
fn into_phases(plane: &[f32], width: usize, target: &mut [f32]) {
    let (length, count) = (target.len() / 4, plane.len() / (4 * width));
    for (parity, target) in target.chunks_exact_mut(2 * length).enumerate() {
        let (even, odd) = target.split_at_mut(length);
        let rows = plane.chunks_exact(2 * width).skip(parity).step_by(2);
        let lines = even
            .chunks_exact_mut(width + 1)
            .zip(odd.chunks_exact_mut(width + 1));
        for (row, (even, odd)) in rows.zip(lines) {
            halves(row, even, odd);
            (even[width], odd[width]) = (0.0, 0.0);
        }
        for line in [even, odd] {
            line[count * (width + 1)..].fill(0.0);
        }
    }
}

/// The sums of one input channel over some items.
struct Channel<'a> {
    items: usize,
    outputs: usize,
    lines: Lines,
    /// Of each item the lines of a channel.
    x: &'a [f32],
    /// Of each item and output channel a line of whole vectors.
    dy: &'a [f32],
    /// `[outputs, 3, 3]`, added to.
    sums: &'a mut [f32],
}

impl Kernel for Channel<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Simd>(mut self, simd: V) {
        in_tiles!(self.outputs, V::TILE_ROWS * 2 / SIDE, |first, OUTPUTS| {
            self.some::<V, OUTPUTS>(simd, first);
        });
    }
}

impl Channel<'_> {
    /// Some output channels.
    #[inline(always)]
    fn some<V: Simd, const OUTPUTS: usize>(&mut self, simd: V, first: usize) {
        let mut tiles = [[[simd.splat(0.0); SIDE]; OUTPUTS]; SIDE]; // by row, output, column
        let vectors = self.lines.of_y / V::WIDTH;
        for item in 0..self.items {
            for start in (0..vectors).step_by(PIECE) {
                let piece = start..(start + PIECE).min(vectors);
                for (row, tile) in tiles.iter_mut().enumerate() {
                    self.add(simd, first, row, item, piece.clone(), tile);
                }
            }
        }
        for (row, tile) in tiles.into_iter().enumerate() {
            for (index, sums) in tile.into_iter().enumerate() {
                let at = ((first + index) * SIDE + row) * SIDE;
                for (target, sum) in self.sums[at..at + SIDE].iter_mut().zip(sums) {
                    *target += simd.sum(sum);
                }
            }
        }
    }

    /// Adds the products of a piece of an item's lines, lane by lane, for some output channels and
    /// one row of the kernel.
    #[inline(always)]
    fn add<V: Simd, const OUTPUTS: usize>(
        &self,
        simd: V,
        first: usize,
        row: usize,
        item: usize,
        piece: Range<usize>,
        tile: &mut [[V::Float; SIDE]; OUTPUTS],
    ) {
        let Lines { of_x, of_y, .. } = self.lines;
        let columns = self.lines.columns;
        assert!(of_y.is_multiple_of(V::WIDTH) && piece.end <= of_y / V::WIDTH);
        assert_eq!(self.x.len(), self.items * of_x);
        assert_eq!(self.dy.len(), self.items * self.outputs * of_y);
        let begin = piece.start * V::WIDTH;
        let mut x = self.x[item * of_x + self.lines.rows[row] + begin..].as_ptr();
        let mut dy: [*const f32; OUTPUTS] = std::array::from_fn(|index| {
            let channel = item * self.outputs + first + index;
            self.dy[channel * of_y + begin..].as_ptr()
        });
        let mut sums = *tile;
        for _ in piece {
            // SAFETY: lines of `dy` are `of_y` values long, and a channel of `x` is longer by the
            // largest offset of a row and of a column (`Lines::new`).
            let (vectors, of_outputs) = unsafe {
                let vectors: [V::Float; SIDE] = columns.map(|column| simd.load_from(x.add(column)));
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
        *tile = sums;
    }
}
