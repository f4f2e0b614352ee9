//! Products of large matrices, `c = a b + bias`, block by block on all threads.
//!
//! The same loops serve values of several sizes: a [`Scheme`] knows its packed factors and the
//! tile that multiplies them.

use std::ops::Range;

use rayon::prelude::*;

use crate::cpu::gemm::layout::{MR, NR, Target};
use crate::cpu::gemm::scratch::Scratch;
use crate::cpu::parallel::Shared;
use crate::cpu::simd::level::SimdLevel;
use crate::cpu::simd::{Kernel, Simd, slots};

/// Rows of the left factor at a time, in the second cache.
pub(crate) const ROW_BLOCK: usize = 96;

/// Two packed factors, and how to multiply them.
pub(crate) trait Scheme: Copy + Sync {
    /// A panel of the right factor, ready for tiles.
    type Panel: Copy;

    /// Steps of K at a time: a panel stays in the second cache.
    const STEPS: usize;

    /// The same where it depends on the vectors.
    #[inline(always)]
    fn steps<V: Simd>(self) -> usize {
        Self::STEPS
    }

    /// Rows of the left factor.
    fn rows(self) -> usize;

    /// Rows of a tile, at most [`NR`] and a divisor of 96.
    fn height(self) -> usize {
        MR
    }

    /// Columns of the right factor.
    fn columns(self) -> usize;

    /// Steps over all of K.
    fn k(self) -> usize;

    /// Comes before the first tile of a block.
    #[inline(always)]
    fn begin(self) {}

    /// Comes after its last one.
    #[inline(always)]
    fn end(self) {}

    /// Makes a block of rows of the left factor ready, in `scratch` if it must.
    #[inline(always)]
    fn row_block<V: Simd>(
        self,
        _: V,
        _tiles: Range<usize>,
        _steps: Range<usize>,
        _scratch: &mut Scratch,
    ) {
    }

    /// Makes a part of a panel of the right factor ready, in `scratch` if it must.
    fn panel<V: Simd>(
        self,
        simd: V,
        index: usize,
        steps: Range<usize>,
        scratch: &mut Scratch,
    ) -> Self::Panel;

    /// Multiplies that part with the same steps of the rows of tile `index` of the left factor.
    ///
    /// # Safety
    /// It must stand between [`begin`](Self::begin) and [`end`](Self::end). `target` must have room
    /// for its rows of [`NR`] values, written before if they are added to, one row at least and no
    /// more than the left factor has from that tile on; the panel must be one of these steps.
    unsafe fn tile<V: Simd>(
        self,
        simd: V,
        index: usize,
        steps: Range<usize>,
        panel: Self::Panel,
        target: Target,
    );
}

/// `a b + bias`, `[rows of a, columns of b]`.
///
/// # Panics
/// If the factors differ in K, or the bias does not have one value per column.
pub(crate) fn gemm(level: SimdLevel, scheme: impl Scheme, bias: Option<&[f32]>) -> Vec<f32> {
    let (rows, columns) = (scheme.rows(), scheme.columns());
    if let Some(bias) = bias {
        assert_eq!(bias.len(), columns, "one bias for each column");
    }
    let mut c: Vec<f32> = Vec::with_capacity(rows * columns);
    // SAFETY: there is room for the matrix, and all of its values are written.
    unsafe {
        compute(level, scheme, Beginning::of(bias), c.as_mut_ptr());
        c.set_len(rows * columns);
    }
    c
}

/// `c += a b`, `[rows of a, columns of b]`.
///
/// # Panics
/// If the factors differ in K, or `c` has another size.
pub(crate) fn gemm_add(level: SimdLevel, scheme: impl Scheme, c: &mut [f32]) {
    assert_eq!(c.len(), scheme.rows() * scheme.columns(), "size of a sum");
    // SAFETY: `c` is the matrix, borrowed for this alone.
    unsafe { compute(level, scheme, Beginning::There, c.as_mut_ptr()) };
}

/// The rows `block * ROW_BLOCK..` of the product, up to [`ROW_BLOCK`] of them, on this thread.
///
/// # Safety
/// The result `[rows of a, columns of b]` must be writable, and no one else may use these rows of
/// it.
pub(crate) unsafe fn row_block(
    level: SimdLevel,
    scheme: impl Scheme,
    block: usize,
    c: *mut f32,
    scratch: &mut Scratch,
) {
    let (height, tiles) = (scheme.height(), ROW_BLOCK / scheme.height());
    level.run(Block {
        scheme,
        beginning: Beginning::Zero,
        tiles: block * tiles..(block * tiles + tiles).min(scheme.rows().div_ceil(height)),
        panels: 0..scheme.columns().div_ceil(NR),
        c,
        scratch,
    });
}

/// What the product is added to.
#[derive(Debug, Clone, Copy)]
enum Beginning<'a> {
    Zero,
    Bias(&'a [f32]),
    /// The values that stand in the result.
    There,
}

impl<'a> Beginning<'a> {
    fn of(bias: Option<&'a [f32]>) -> Self {
        bias.map_or(Self::Zero, Self::Bias)
    }
}

/// Computes the product into `[rows of a, columns of b]`, every value of it.
///
/// # Safety
/// The result must be writable, and written before if it is added to; no one else may use it.
unsafe fn compute(level: SimdLevel, scheme: impl Scheme, beginning: Beginning<'_>, c: *mut f32) {
    let (rows, columns) = (scheme.rows(), scheme.columns());
    let panels = columns.div_ceil(NR);
    let row_blocks = rows.div_ceil(ROW_BLOCK);
    let (height, tiles) = (scheme.height(), ROW_BLOCK / scheme.height());
    let wanted = 4 * rayon::current_num_threads();
    let column_blocks = wanted.div_ceil(row_blocks.max(1)).clamp(1, panels.max(1));
    let block_panels = panels.div_ceil(column_blocks).max(1);
    let out = Shared(c);
    let run = |scratch: &mut Scratch, task: usize| {
        let (block, first) = (task / column_blocks, task % column_blocks * block_panels);
        level.run(Block {
            scheme,
            beginning,
            tiles: block * tiles..(block * tiles + tiles).min(rows.div_ceil(height)),
            panels: first..(first + block_panels).min(panels),
            c: out.start(),
            scratch,
        });
    };
    let tasks = row_blocks * column_blocks;
    if rows * columns * scheme.k() < 256 * 1024 {
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
    fn run<V: Simd>(self, simd: V) {
        let (k, columns) = (self.scheme.k(), self.scheme.columns());
        let height = self.scheme.height();
        self.scheme.begin();
        let mut edge = [0.0; NR * NR];
        let most = self.scheme.steps::<V>();
        for first in (0..k.max(1)).step_by(most) {
            let steps = first..(first + most).min(k);
            self.scheme
                .row_block(simd, self.tiles.clone(), steps.clone(), self.scratch);
            for index in self.panels.clone() {
                let column = index * NR;
                let breadth = NR.min(columns - column);
                let panel = self.scheme.panel(simd, index, steps.clone(), self.scratch);
                for tile in self.tiles.clone() {
                    let row = tile * height;
                    let rows = height.min(self.scheme.rows() - row);
                    let whole = breadth == NR;
                    // SAFETY: the tile lies within the result, which belongs to this block alone;
                    // the edge has room for the highest and broadest tile.
                    unsafe {
                        let c = self.c.add(row * columns + column);
                        let (start, target_row) = match whole {
                            true => (c, columns),
                            false => (edge.as_mut_ptr(), NR),
                        };
                        let add = match self.beginning {
                            Beginning::Zero if first == 0 => false,
                            Beginning::Bias(bias) if first == 0 => {
                                let bias = &bias[column..column + breadth];
                                spread(simd, bias, start, target_row, rows);
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
                        self.scheme.tile(simd, tile, steps.clone(), panel, target);
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
unsafe fn spread<V: Simd>(simd: V, bias: &[f32], c: *mut f32, c_row: usize, rows: usize) {
    for row in 0..rows {
        // SAFETY: the caller's.
        let c = unsafe { std::slice::from_raw_parts_mut(c.add(row * c_row), bias.len()) };
        for start in (0..bias.len()).step_by(V::WIDTH) {
            simd.store_at(simd.load_at(bias, start, 0.0), slots(c), start);
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
pub(crate) fn column_sums(values: &[f32], columns: usize) -> Vec<f32> {
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
    let parts: Vec<Vec<f32>> = match values.len() > 4 * piece {
        true => values.par_chunks(piece).map(sums).collect(),
        false => values.chunks(piece).map(sums).collect(),
    };
    let mut all = vec![0.0; columns];
    for part in parts {
        for (sum, x) in all.iter_mut().zip(part) {
            *sum += x;
        }
    }
    all
}
