//! Products of large matrices, `c = a b + bias`, block by block on all threads.
//!
//! The same loops serve numbers of several sizes: a [`Scheme`] knows its packed factors and the tile
//! that multiplies them.

use std::ops::Range;

use rayon::prelude::*;

use crate::cpu::gemm::layout::{BREADTH, HEIGHT, Target};
use crate::cpu::gemm::scratch::Scratch;
use crate::cpu::parallel::Shared;
use crate::cpu::simd::level::Level;
use crate::cpu::simd::{Kernel, Lanes, slots};

/// Rows of the left factor at a time, in the second cache.
const BLOCK: usize = 96;

/// Two packed factors, and how to multiply them.
pub(crate) trait Scheme: Copy + Sync {
    /// A panel of the right factor, ready for tiles.
    type Panel: Copy;

    /// Steps of the depth at a time: a panel stays in the second cache.
    const STEPS: usize;

    /// Rows of the left factor.
    fn rows(self) -> usize;

    /// Rows of a tile, at most [`BREADTH`] and a divisor of 96.
    fn height(self) -> usize {
        HEIGHT
    }

    /// Columns of the right factor.
    fn columns(self) -> usize;

    /// Steps of the whole depth.
    fn depth(self) -> usize;

    /// Comes before the first tile of a block.
    #[inline(always)]
    fn begin(self) {}

    /// Comes after its last one.
    #[inline(always)]
    fn end(self) {}

    /// Makes a part of a panel of the right factor ready, in `scratch` if it must.
    fn panel<L: Lanes>(
        self,
        lanes: L,
        index: usize,
        steps: Range<usize>,
        scratch: &mut Scratch,
    ) -> Self::Panel;

    /// Multiplies that part with the same steps of the rows of tile `index` of the left factor.
    ///
    /// # Safety
    /// It must stand between [`begin`](Self::begin) and [`end`](Self::end).
    /// `target` must have room for its rows of [`BREADTH`] numbers, written before if they are added
    /// to, one row at least and no more than the left factor has from that tile on; the panel must be one of
    /// these steps.
    unsafe fn tile<L: Lanes>(
        self,
        lanes: L,
        index: usize,
        steps: Range<usize>,
        panel: Self::Panel,
        target: Target,
    );
}

/// `a b + bias`, `[rows of a, columns of b]`.
///
/// # Panics
/// If the factors have not the same depth, or the bias not one number for each column.
pub(crate) fn product(level: Level, scheme: impl Scheme, bias: Option<&[f32]>) -> Vec<f32> {
    let (rows, columns) = (scheme.rows(), scheme.columns());
    if let Some(bias) = bias {
        assert_eq!(bias.len(), columns, "one bias for each column");
    }
    let mut c: Vec<f32> = Vec::with_capacity(rows * columns);
    // SAFETY: there is room for the matrix, and all of its numbers are written.
    unsafe {
        compute(level, scheme, Beginning::of(bias), c.as_mut_ptr());
        c.set_len(rows * columns);
    }
    c
}

/// `c += a b`, `[rows of a, columns of b]`.
///
/// # Panics
/// If the factors have not the same depth, or `c` another size.
pub(crate) fn product_onto(level: Level, scheme: impl Scheme, c: &mut [f32]) {
    assert_eq!(c.len(), scheme.rows() * scheme.columns(), "size of a sum");
    // SAFETY: `c` is the matrix, borrowed for this alone.
    unsafe { compute(level, scheme, Beginning::There, c.as_mut_ptr()) };
}

/// What the product is added to.
#[derive(Debug, Clone, Copy)]
enum Beginning<'a> {
    Zero,
    Bias(&'a [f32]),
    /// The numbers that stand in the result.
    There,
}

impl<'a> Beginning<'a> {
    fn of(bias: Option<&'a [f32]>) -> Self {
        bias.map_or(Self::Zero, Self::Bias)
    }
}

/// Computes the product into `[rows of a, columns of b]`, every number of it.
///
/// # Safety
/// The result must be writable, and written before if it is added to; no one else may use it.
unsafe fn compute(level: Level, scheme: impl Scheme, beginning: Beginning<'_>, c: *mut f32) {
    let (rows, columns) = (scheme.rows(), scheme.columns());
    let panels = columns.div_ceil(BREADTH);
    let row_blocks = rows.div_ceil(BLOCK);
    let (height, tiles) = (scheme.height(), BLOCK / scheme.height());
    let wanted = 4 * rayon::current_num_threads();
    let strips = wanted.div_ceil(row_blocks.max(1)).clamp(1, panels.max(1));
    let strip = panels.div_ceil(strips).max(1);
    let out = Shared(c);
    let run = |scratch: &mut Scratch, task: usize| {
        let (block, first) = (task / strips, task % strips * strip);
        level.run(Block {
            scheme,
            beginning,
            tiles: block * tiles..(block * tiles + tiles).min(rows.div_ceil(height)),
            panels: first..(first + strip).min(panels),
            c: out.start(),
            scratch,
        });
    };
    let tasks = row_blocks * strips;
    if rows * columns * scheme.depth() < 256 * 1024 {
        let mut scratch = Scratch::default();
        (0..tasks).for_each(|task| run(&mut scratch, task));
    } else {
        let tasks = (0..tasks).into_par_iter();
        tasks.for_each_init(Scratch::default, run);
    }
}

/// Some rows and columns of the result.
struct Block<'a, S> {
    scheme: S,
    beginning: Beginning<'a>,
    /// Of the left factor.
    tiles: Range<usize>,
    /// Panels of the right factor.
    panels: Range<usize>,
    c: *mut f32,
    scratch: &'a mut Scratch,
}

impl<S: Scheme> Kernel for Block<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let (depth, columns) = (self.scheme.depth(), self.scheme.columns());
        let height = self.scheme.height();
        self.scheme.begin();
        let mut edge = [0.0; BREADTH * BREADTH];
        for first in (0..depth.max(1)).step_by(S::STEPS) {
            let steps = first..(first + S::STEPS).min(depth);
            for index in self.panels.clone() {
                let column = index * BREADTH;
                let breadth = BREADTH.min(columns - column);
                let panel = self.scheme.panel(lanes, index, steps.clone(), self.scratch);
                for tile in self.tiles.clone() {
                    let row = tile * height;
                    let rows = height.min(self.scheme.rows() - row);
                    let whole = breadth == BREADTH;
                    // SAFETY: the tile lies within the result, which belongs to this block alone;
                    // the edge has room for the highest and broadest tile.
                    unsafe {
                        let c = self.c.add(row * columns + column);
                        let (start, target_row) = match whole {
                            true => (c, columns),
                            false => (edge.as_mut_ptr(), BREADTH),
                        };
                        let add = match self.beginning {
                            Beginning::Zero if first == 0 => false,
                            Beginning::Bias(bias) if first == 0 => {
                                let bias = &bias[column..column + breadth];
                                spread(lanes, bias, start, target_row, rows);
                                true
                            }
                            _ => {
                                if !whole {
                                    copy(c, columns, start, target_row, rows, breadth);
                                }
                                true
                            }
                        };
                        let target = Target {
                            start,
                            row: target_row,
                            rows,
                            add,
                        };
                        self.scheme.tile(lanes, tile, steps.clone(), panel, target);
                        if !whole {
                            copy(start, target_row, c, columns, rows, breadth);
                        }
                    }
                }
            }
        }
        self.scheme.end();
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
