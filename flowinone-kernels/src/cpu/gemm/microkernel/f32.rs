//! Products of matrices, `c = a b` or `c += a b`, tile by tile in registers: every value of `a`
//! is spread over a vector and multiplied with a piece of a row of `b`.

use crate::cpu::gemm::layout::{Left, Right, in_tiles};
use crate::cpu::simd::{Kernel, Simd};

/// Values of a line of the first cache.
const LINE: usize = 16;

/// Steps from a row of a right factor to the one that is fetched into the first cache meanwhile.
pub(super) const AHEAD: usize = 8;

/// A product `[rows, vectors * WIDTH]` over `k`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SmallGemm<A> {
    /// `[rows, K]`.
    pub(crate) a: A,
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

impl<A: Left> SmallGemm<A> {
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
struct Sound<A>(SmallGemm<A>);

impl<A: Left> Kernel for Sound<A> {
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

impl<A: Left> SmallGemm<A> {
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
            if self.add {
                // Needed at the end, when it is there.
                for i in 0..ROWS {
                    simd.prefetch(c.add(i * self.c_row));
                    simd.prefetch(c.add(i * self.c_row + VECTORS * V::WIDTH - 1));
                }
            }
            let mut sums = [[simd.splat(0.0); VECTORS]; ROWS];
            let rows = self.a.rows::<ROWS>(row, self.k);
            let mut a = rows.start;
            let mut b = self.b.start.add(self.b.column(column));
            for _ in 0..self.k {
                let mut right = [simd.splat(0.0); VECTORS];
                for (j, right) in right.iter_mut().enumerate() {
                    let values = b.add(self.b.column(j * V::WIDTH));
                    *right = simd.load_from(values);
                    if j * V::WIDTH % LINE == 0 {
                        simd.prefetch(values.wrapping_add(AHEAD * self.b.row));
                    }
                }
                for (i, sums) in sums.iter_mut().enumerate() {
                    let left = simd.splat(*a.add(i * rows.row));
                    for (sum, right) in sums.iter_mut().zip(right) {
                        *sum = simd.fma(left, right, *sum);
                    }
                }
                a = a.wrapping_add(rows.column);
                b = b.wrapping_add(self.b.row);
            }
            for (i, sums) in sums.into_iter().enumerate() {
                for (j, mut sum) in sums.into_iter().enumerate() {
                    let c = c.add(i * self.c_row + j * V::WIDTH);
                    if self.add {
                        sum = simd.add(sum, simd.load_from(c));
                    }
                    simd.store_to(sum, c);
                }
            }
        }
    }
}
