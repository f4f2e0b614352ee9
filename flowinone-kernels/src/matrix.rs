//! Products of large matrices, `c = a b + bias`. Both factors are first packed into panels in the
//! order in which tiles read them: `a` by [`HEIGHT`] rows, `b` by [`BREADTH`] columns.

use std::ops::Range;

use rayon::prelude::*;

use crate::lanes::{Lanes, Slot, WIDEST, slots};
use crate::level::{Kernel, Level};
use crate::pieces::filled;
use crate::tile::{Left, Product};

/// Rows of a panel of `a`: the highest tile of any level.
const HEIGHT: usize = 12;
/// Columns of a panel of `b`: the broadest tile of any level.
const BREADTH: usize = 2 * WIDEST;
/// Depth at a time: a panel of `b` stays in the second cache.
const DEPTH: usize = 1024;
/// Panels of `a` at a time, in the second cache as well.
const BLOCK: usize = 8;

/// A matrix whose rows or columns lie in order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Matrix<'a> {
    numbers: &'a [f32],
    rows: usize,
    columns: usize,
    /// Whether columns lie in order, rather than rows.
    transposed: bool,
}

impl<'a> Matrix<'a> {
    /// `[rows, columns]`, row by row.
    ///
    /// # Panics
    /// If there are not as many numbers.
    pub(crate) fn new(numbers: &'a [f32], rows: usize, columns: usize) -> Self {
        assert_eq!(numbers.len(), rows * columns);
        Self {
            numbers,
            rows,
            columns,
            transposed: false,
        }
    }

    /// Rows become columns.
    pub(crate) fn transposed(self) -> Self {
        Self {
            numbers: self.numbers,
            rows: self.columns,
            columns: self.rows,
            transposed: !self.transposed,
        }
    }

    /// As the left factor of a product.
    pub(crate) fn left(self, level: Level) -> Packed {
        Packed::new::<HEIGHT>(level, self.transposed())
    }

    /// As the right factor of a product.
    pub(crate) fn right(self, level: Level) -> Packed {
        Packed::new::<BREADTH>(level, self)
    }
}

/// A factor of a product in panels: `[panels, depth, lines of a panel]`, a line being a row of the
/// left or a column of the right factor. Lines behind the last one hold anything.
#[derive(Debug, Clone)]
pub(crate) struct Packed {
    numbers: Vec<f32>,
    lines: usize,
    depth: usize,
}

impl Packed {
    /// From `[depth, lines]`, `N` lines to a panel.
    fn new<const N: usize>(level: Level, matrix: Matrix<'_>) -> Self {
        let (depth, lines) = (matrix.rows, matrix.columns);
        let size = depth * N;
        // SAFETY: the kernel writes every slot.
        let [numbers] = unsafe {
            filled(lines.div_ceil(N), [size], 2 * size, |panels, [slots]| {
                for (panel, slots) in panels.zip(slots.chunks_exact_mut(size.max(1))) {
                    let lines = panel * N..(panel * N + N).min(lines);
                    level.run(Pack::<N> {
                        matrix,
                        lines,
                        slots,
                    });
                }
            })
        };
        Self {
            numbers,
            lines,
            depth,
        }
    }

    /// Numbers it takes.
    pub(crate) fn len(&self) -> usize {
        self.numbers.len()
    }
}

/// One panel of `N` lines.
struct Pack<'a, const N: usize> {
    matrix: Matrix<'a>,
    lines: Range<usize>,
    slots: &'a mut [Slot],
}

impl<const N: usize> Kernel for Pack<'_, N> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let (depth, all) = (self.matrix.rows, self.matrix.columns);
        let Range { start, end } = self.lines;
        if !self.matrix.transposed {
            // Numbers of the lines side by side.
            for (row, slots) in self.slots.chunks_exact_mut(N).enumerate() {
                let source = &self.matrix.numbers[row * all..];
                match source[start..].first_chunk::<N>() {
                    Some(numbers) if end - start == N => {
                        for first in (0..N).step_by(4) {
                            for k in first..first + 4 {
                                slots[k].write(numbers[k]);
                            }
                        }
                    }
                    _ => {
                        slots.fill(Slot::new(0.0));
                        for (slot, x) in slots.iter_mut().zip(&source[start..end]) {
                            slot.write(*x);
                        }
                    }
                }
            }
            return;
        }
        // Lines in order: turned four columns at a time, the last group of lines first, since a
        // vector may reach over the end of a row of the panel. What reaches there is overwritten by
        // the next row, and the last rows are written number by number.
        let line = |index: usize| {
            let line = (start + index).min(end - 1);
            &self.matrix.numbers[line * depth..][..depth]
        };
        let turned = depth.saturating_sub(4) / 4 * 4;
        let groups = N.div_ceil(L::WIDTH);
        let mut rows = [[std::ptr::null(); WIDEST]; BREADTH];
        for (group, rows) in rows.iter_mut().enumerate().take(groups) {
            for (index, row) in rows.iter_mut().enumerate().take(L::WIDTH) {
                *row = line(group * L::WIDTH + index).as_ptr();
            }
        }
        for column in (0..turned).step_by(4) {
            for group in (0..groups).rev() {
                // SAFETY: each line has four numbers from `column` on. At least four rows of the
                // panel follow those written, more than a vector.
                unsafe {
                    let rows = rows[group].map(|row: *const f32| row.wrapping_add(column));
                    let four = lanes.four_columns(&rows);
                    for (k, numbers) in four.into_iter().enumerate() {
                        let at = (column + k) * N + group * L::WIDTH;
                        lanes.store_to(numbers, self.slots.as_mut_ptr().add(at).cast());
                    }
                }
            }
        }
        for column in turned..depth {
            for (index, slot) in self.slots[column * N..][..N].iter_mut().enumerate() {
                slot.write(line(index)[column]);
            }
        }
    }
}

/// `a b + bias`, `[rows of a, columns of b]`.
///
/// # Panics
/// If the factors have not the same depth, or the bias not one number for each column.
pub(crate) fn product(level: Level, a: &Packed, b: &Packed, bias: Option<&[f32]>) -> Vec<f32> {
    assert_eq!(a.depth, b.depth, "factors of unequal depth");
    if let Some(bias) = bias {
        assert_eq!(bias.len(), b.lines, "one bias for each column");
    }
    let (rows, columns) = (a.lines, b.lines);
    let mut c: Vec<f32> = Vec::with_capacity(rows * columns);
    let panels = columns.div_ceil(BREADTH);
    let row_blocks = rows.div_ceil(HEIGHT * BLOCK);
    let wanted = 4 * rayon::current_num_threads();
    let strips = wanted.div_ceil(row_blocks.max(1)).clamp(1, panels.max(1));
    let strip = panels.div_ceil(strips).max(1);
    let out = Shared(c.as_mut_ptr());
    let run = |task: usize| {
        let (block, first) = (task / strips, task % strips * strip);
        level.run(Block {
            a,
            b,
            bias,
            tiles: block * BLOCK..(block * BLOCK + BLOCK).min(rows.div_ceil(HEIGHT)),
            panels: first..(first + strip).min(panels),
            c: out.start(),
        });
    };
    let tasks = row_blocks * strips;
    if rows * columns * a.depth < 256 * 1024 {
        (0..tasks).for_each(run);
    } else {
        (0..tasks).into_par_iter().for_each(run);
    }
    // SAFETY: the blocks cover the matrix, and each writes all of its numbers.
    unsafe { c.set_len(rows * columns) };
    c
}

/// Where blocks are written, each by one thread.
#[derive(Clone, Copy)]
struct Shared(*mut f32);

// SAFETY: blocks do not overlap.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    fn start(self) -> *mut f32 {
        self.0
    }
}

/// Some rows and columns of the result.
struct Block<'a> {
    a: &'a Packed,
    b: &'a Packed,
    bias: Option<&'a [f32]>,
    /// Panels of `a`.
    tiles: Range<usize>,
    /// Panels of `b`.
    panels: Range<usize>,
    c: *mut f32,
}

impl Kernel for Block<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let (depth, columns) = (self.a.depth, self.b.lines);
        let mut edge = [0.0; HEIGHT * BREADTH];
        for first in (0..depth.max(1)).step_by(DEPTH) {
            let part = DEPTH.min(depth - first);
            for panel in self.panels.clone() {
                let column = panel * BREADTH;
                let breadth = BREADTH.min(columns - column);
                let b = self.b.numbers[(panel * depth + first) * BREADTH..].as_ptr();
                for tile in self.tiles.clone() {
                    let row = tile * HEIGHT;
                    let rows = HEIGHT.min(self.a.lines - row);
                    let a = self.a.numbers[(tile * depth + first) * HEIGHT..].as_ptr();
                    // SAFETY: the tile lies within the result, which belongs to this block alone.
                    let c = unsafe { self.c.add(row * columns + column) };
                    let whole = breadth == BREADTH;
                    let (target, target_row) = match whole {
                        true => (c, columns),
                        false => (edge.as_mut_ptr(), BREADTH),
                    };
                    // SAFETY: as above; the edge has room for the highest and broadest tile.
                    unsafe {
                        if first == 0 {
                            if let Some(bias) = self.bias {
                                let bias = &bias[column..column + breadth];
                                spread(lanes, bias, target, target_row, rows);
                            }
                        } else if !whole {
                            copy(c, columns, target, target_row, rows, breadth);
                        }
                        Product {
                            a: Left {
                                start: a,
                                row: 1,
                                column: HEIGHT,
                            },
                            b,
                            b_row: BREADTH,
                            c: target,
                            c_row: target_row,
                            rows,
                            columns: BREADTH,
                            depth: part,
                            add: first > 0 || self.bias.is_some(),
                        }
                        .compute(lanes);
                        if !whole {
                            copy(target, target_row, c, columns, rows, breadth);
                        }
                    }
                }
            }
        }
    }
}

/// Writes the bias to every row.
///
/// # Safety
/// The rows must be writable.
#[inline(always)]
unsafe fn spread<L: Lanes>(lanes: L, bias: &[f32], c: *mut f32, c_row: usize, rows: usize) {
    for row in 0..rows {
        // SAFETY: the caller's.
        let c = unsafe { std::slice::from_raw_parts_mut(c.add(row * c_row), bias.len()) };
        for start in (0..bias.len()).step_by(L::WIDTH) {
            lanes.store_at(lanes.load_at(bias, start, 0.0), slots(c), start);
        }
    }
}

/// Copies rows.
///
/// # Safety
/// They must be readable and writable, and not overlap.
unsafe fn copy(
    from: *const f32,
    from_row: usize,
    to: *mut f32,
    to_row: usize,
    rows: usize,
    columns: usize,
) {
    for row in 0..rows {
        // SAFETY: the caller's.
        unsafe {
            let (from, to) = (from.add(row * from_row), to.add(row * to_row));
            std::ptr::copy_nonoverlapping(from, to, columns);
        }
    }
}

/// The sum of every column of `[rows, columns]`.
pub(crate) fn column_sums(numbers: &[f32], columns: usize) -> Vec<f32> {
    let sums = |rows: &[f32]| {
        let mut sums = vec![0.0; columns];
        for row in rows.chunks_exact(columns) {
            for (sum, x) in sums.iter_mut().zip(row) {
                *sum += x;
            }
        }
        sums
    };
    let piece = columns * (32 * 1024 / columns).max(64);
    let parts: Vec<Vec<f32>> = match numbers.len() > 4 * piece {
        true => numbers.par_chunks(piece).map(sums).collect(),
        false => numbers.chunks(piece).map(sums).collect(),
    };
    let mut all = vec![0.0; columns];
    for part in parts {
        for (sum, x) in all.iter_mut().zip(part) {
            *sum += x;
        }
    }
    all
}
