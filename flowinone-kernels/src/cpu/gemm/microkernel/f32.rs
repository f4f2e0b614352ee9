//! Products of matrices, `c = a b` or `c += a b`, tile by tile in registers: every value of `a`
//! is spread over a vector and multiplied with a piece of a row of `b`.

use crate::cpu::gemm::layout::{Left, Right, in_tiles};
use crate::cpu::simd::{Kernel, Simd};

/// A product `[rows, vectors * WIDTH]` over `k`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SmallGemm {
    /// `[rows, K]`.
    pub(crate) a: Left,
    /// `[K, columns]`.
    pub(crate) b: Right,
    /// `[rows, columns]`.
    pub(crate) c: *mut f32,
    /// From a row of `c` to the next.
    pub(crate) c_row: usize,
    /// Rows of `a` and `c`.
    pub(crate) rows: usize,
    /// Columns of `b` and `c`, a whole number of vectors.
    pub(crate) columns: usize,
    /// Columns of `a` and rows of `b`.
    pub(crate) k: usize,
    /// Whether the product is added to what `c` holds.
    pub(crate) add: bool,
}

impl SmallGemm {
    /// Computes it.
    ///
    /// # Safety
    /// `a` and `b` must be readable, `c` writable (and written before, if it is added to) in the
    /// whole of their shapes, and no one else may use `c`.
    ///
    /// # Panics
    /// If the columns are not a whole number of vectors.
    #[inline(always)]
    pub(crate) unsafe fn compute<V: Simd>(self, simd: V) {
        assert_eq!(self.columns % V::WIDTH, 0, "columns are whole vectors");
        simd.call(Sound(self));
    }
}

/// A product whose maker vouches for its pointers.
struct Sound(SmallGemm);

impl Kernel for Sound {
    type Output = ();

    #[inline(always)]
    fn run<V: Simd>(self, simd: V) {
        let product = self.0;
        let mut column = 0;
        while column + 2 * V::WIDTH <= product.columns {
            // SAFETY: the maker's, for all rows of these columns.
            unsafe { product.columns_of::<V, 2>(simd, column) };
            column += 2 * V::WIDTH;
        }
        if column < product.columns {
            // SAFETY: as above.
            unsafe { product.columns_of::<V, 1>(simd, column) };
        }
    }
}

impl SmallGemm {
    /// All rows of `VECTORS` vectors, tiles as high as possible first.
    #[inline(always)]
    unsafe fn columns_of<V: Simd, const VECTORS: usize>(&self, simd: V, column: usize) {
        in_tiles!(self.rows, V::TILE_ROWS, |row, ROWS| {
            // SAFETY: the caller's, and these rows exist.
            unsafe { self.tile::<V, ROWS, VECTORS>(simd, row, column) }
        });
    }

    #[inline(always)]
    unsafe fn tile<V: Simd, const ROWS: usize, const VECTORS: usize>(
        &self,
        simd: V,
        row: usize,
        column: usize,
    ) {
        // SAFETY: the caller vouches for these rows and columns of all three matrices.
        unsafe {
            let c = self.c.add(row * self.c_row + column);
            let mut sums = [[simd.splat(0.0); VECTORS]; ROWS];
            if self.add {
                for (i, sums) in sums.iter_mut().enumerate() {
                    for (j, sum) in sums.iter_mut().enumerate() {
                        *sum = simd.load_from(c.add(i * self.c_row + j * V::WIDTH));
                    }
                }
            }
            let mut a = self.a.start.add(row * self.a.row);
            let mut b = self.b.start.add(self.b.column(column));
            for _ in 0..self.k {
                let mut right = [simd.splat(0.0); VECTORS];
                for (j, right) in right.iter_mut().enumerate() {
                    *right = simd.load_from(b.add(self.b.column(j * V::WIDTH)));
                }
                for (i, sums) in sums.iter_mut().enumerate() {
                    let left = simd.splat(*a.add(i * self.a.row));
                    for (sum, right) in sums.iter_mut().zip(right) {
                        *sum = simd.fma(left, right, *sum);
                    }
                }
                a = a.wrapping_add(self.a.column);
                b = b.wrapping_add(self.b.row);
            }
            for (i, sums) in sums.into_iter().enumerate() {
                for (j, sum) in sums.into_iter().enumerate() {
                    simd.store_to(sum, c.add(i * self.c_row + j * V::WIDTH));
                }
            }
        }
    }
}
