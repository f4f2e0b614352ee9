//! Products of 8-bit integers that are kept as 16 bits, two at a time, summed in 32 bits: for
//! processors whose instructions multiply no bytes exactly. AVX2 has one for 16 bits (`vpmaddwd`);
//! its one for bytes (`vpmaddubsw`) saturates.

use crate::cpu::gemm::layout::{NR, Target, in_tiles};
use crate::cpu::gemm::microkernel::f32::AHEAD;
use crate::cpu::simd::{Kernel, Simd};

/// Two integers of 16 bits, each of 8 bits widened.
pub(crate) type Halves = u32;

/// A panel of weights, and what its sums become.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Panel {
    /// `[NR / vectors, steps, vectors]`, two vectors of the level side by side.
    pub(crate) values: *const Halves,
    /// `s_w`, [`NR`] of them.
    pub(crate) scales: *const f32,
}

/// The product of some rows and a panel of 32 columns.
pub(crate) struct Int16 {
    /// The first row, whose halves lie in order.
    pub(crate) a: *const Halves,
    /// From a row to the next.
    pub(crate) a_row: usize,
    /// `s_x`, for each row.
    pub(crate) scales: *const f32,
    pub(crate) panel: Panel,
    /// Halves of a row and of a column.
    pub(crate) steps: usize,
    pub(crate) target: Target,
}

/// A product whose maker vouches for its pointers: the factors are readable in all their steps, the
/// target writable in its rows of [`NR`] values, and written before if it is added to.
pub(crate) struct Sound(Int16);

impl Int16 {
    /// # Safety
    /// The factors must be readable in all their steps, the target writable in its rows of [`NR`]
    /// values, and written before if it is added to.
    #[inline(always)]
    pub(crate) unsafe fn compute<V: Simd>(self, simd: V) {
        simd.call(Sound(self));
    }
}

impl Kernel for Sound {
    type Output = ();

    #[inline(always)]
    fn run<V: Simd>(self, simd: V) {
        let all = self.0;
        for column in (0..NR).step_by(2 * V::WIDTH) {
            in_tiles!(all.target.rows, V::TILE_ROWS, |row, ROWS| {
                // SAFETY: the maker's, for rows and columns that exist.
                unsafe { all.tile::<V, ROWS>(simd, row, column) }
            });
        }
    }
}

impl Int16 {
    #[inline(always)]
    unsafe fn tile<V: Simd, const ROWS: usize>(&self, simd: V, row: usize, column: usize) {
        // SAFETY: the caller vouches for these rows and columns of all three matrices.
        unsafe {
            let mut a = self.a.add(row * self.a_row).cast::<i32>();
            let mut b = self.panel.values.add(column * self.steps).cast::<i32>();
            let mut sums = [[simd.splat_int(0); 2]; ROWS];
            for _ in 0..self.steps {
                let right = [simd.load_int(b), simd.load_int(b.add(V::WIDTH))];
                simd.prefetch(b.wrapping_add(AHEAD * 2 * V::WIDTH).cast());
                for (row, sums) in sums.iter_mut().enumerate() {
                    let left = simd.splat_int(*a.add(row * self.a_row));
                    for (sum, right) in sums.iter_mut().zip(right) {
                        *sum = simd.dot_halves(*sum, left, right);
                    }
                }
                a = a.wrapping_add(1);
                b = b.wrapping_add(2 * V::WIDTH);
            }
            for (index, sums) in sums.into_iter().enumerate() {
                let of_row = simd.splat(*self.scales.add(row + index));
                let c = self
                    .target
                    .start
                    .add((row + index) * self.target.row + column);
                for (half, sum) in sums.into_iter().enumerate() {
                    let of_line = simd.load_from(self.panel.scales.add(column + half * V::WIDTH));
                    let mut y = simd.mul(simd.float_of(sum), simd.mul(of_row, of_line));
                    let c = c.add(half * V::WIDTH);
                    if self.target.add {
                        y = simd.add(y, simd.load_from(c));
                    }
                    simd.store_to(y, c);
                }
            }
        }
    }
}
