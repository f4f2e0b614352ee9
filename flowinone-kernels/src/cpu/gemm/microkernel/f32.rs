//! Products of matrices, `c = a b` or `c += a b`, tile by tile in registers: every number of `a`
//! is spread over a vector and multiplied with a piece of a row of `b`.

use crate::cpu::gemm::layout::{Left, in_tiles};
use crate::cpu::simd::{Kernel, Lanes};

/// A product `[rows, vectors * WIDTH]` over `depth`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Product {
    /// `[rows, depth]`.
    pub(crate) a: Left,
    /// `[depth, columns]`.
    pub(crate) b: *const f32,
    /// From a row of `b` to the next.
    pub(crate) b_row: usize,
    /// `[rows, columns]`.
    pub(crate) c: *mut f32,
    /// From a row of `c` to the next.
    pub(crate) c_row: usize,
    /// Rows of `a` and `c`.
    pub(crate) rows: usize,
    /// Columns of `b` and `c`, a whole number of vectors.
    pub(crate) columns: usize,
    /// Columns of `a` and rows of `b`.
    pub(crate) depth: usize,
    /// Whether the product is added to what `c` holds.
    pub(crate) add: bool,
}

impl Product {
    /// Computes it.
    ///
    /// # Safety
    /// `a` and `b` must be readable, `c` writable (and written before, if it is added to) in the
    /// whole of their shapes, and no one else may use `c`.
    ///
    /// # Panics
    /// If the columns are not a whole number of vectors.
    #[inline(always)]
    pub(crate) unsafe fn compute<L: Lanes>(self, lanes: L) {
        assert_eq!(self.columns % L::WIDTH, 0, "columns are whole vectors");
        lanes.call(Sound(self));
    }
}

/// A product whose maker vouches for its pointers.
struct Sound(Product);

impl Kernel for Sound {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let product = self.0;
        let mut column = 0;
        while column + 2 * L::WIDTH <= product.columns {
            // SAFETY: the maker's, for all rows of these columns.
            unsafe { product.strip::<L, 2>(lanes, column) };
            column += 2 * L::WIDTH;
        }
        if column < product.columns {
            // SAFETY: as above.
            unsafe { product.strip::<L, 1>(lanes, column) };
        }
    }
}

impl Product {
    /// All rows of `VECTORS` vectors, tiles as high as possible first.
    #[inline(always)]
    unsafe fn strip<L: Lanes, const VECTORS: usize>(&self, lanes: L, column: usize) {
        in_tiles!(self.rows, L::TILE_ROWS, |row, ROWS| {
            // SAFETY: the caller's, and these rows exist.
            unsafe { self.tile::<L, ROWS, VECTORS>(lanes, row, column) }
        });
    }

    #[inline(always)]
    unsafe fn tile<L: Lanes, const ROWS: usize, const VECTORS: usize>(
        &self,
        lanes: L,
        row: usize,
        column: usize,
    ) {
        // SAFETY: the caller vouches for these rows and columns of all three matrices.
        unsafe {
            let c = self.c.add(row * self.c_row + column);
            let mut sums = [[lanes.splat(0.0); VECTORS]; ROWS];
            if self.add {
                for (i, sums) in sums.iter_mut().enumerate() {
                    for (j, sum) in sums.iter_mut().enumerate() {
                        *sum = lanes.load_from(c.add(i * self.c_row + j * L::WIDTH));
                    }
                }
            }
            let mut a = self.a.start.add(row * self.a.row);
            let mut b = self.b.add(column);
            for _ in 0..self.depth {
                let mut right = [lanes.splat(0.0); VECTORS];
                for (j, right) in right.iter_mut().enumerate() {
                    *right = lanes.load_from(b.add(j * L::WIDTH));
                }
                for (i, sums) in sums.iter_mut().enumerate() {
                    let left = lanes.splat(*a.add(i * self.a.row));
                    for (sum, right) in sums.iter_mut().zip(right) {
                        *sum = lanes.fma(left, right, *sum);
                    }
                }
                a = a.wrapping_add(self.a.column);
                b = b.wrapping_add(self.b_row);
            }
            for (i, sums) in sums.into_iter().enumerate() {
                for (j, sum) in sums.into_iter().enumerate() {
                    lanes.store_to(sum, c.add(i * self.c_row + j * L::WIDTH));
                }
            }
        }
    }
}
