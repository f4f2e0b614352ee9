//! Products with both factors in float32.

use std::ops::Range;

use crate::cpu::gemm::blocked::{ROW_BLOCK, Scheme};
use crate::cpu::gemm::layout::{HALF, InTiles, Left, MR, NR, Right, Strided, Target};
use crate::cpu::gemm::microkernel::f32::SmallGemm;
use crate::cpu::gemm::pack::{Matrix, Packed, pack_in_tiles};
use crate::cpu::gemm::scratch::Scratch;
use crate::cpu::simd::{Simd, WIDEST};

/// Both factors in float32.
#[derive(Debug, Clone, Copy)]
pub(crate) struct F32<'a> {
    a: Matrix<'a>,
    /// In panels of [`HALF`] lines.
    b: &'a Packed<f32>,
    /// Whether blocks of rows are packed, or read where they lie.
    packed_rows: bool,
}

impl<'a> F32<'a> {
    /// Rows are packed if they meet columns enough to be worth it, or would all fall into the same
    /// lines of the first cache.
    ///
    /// # Panics
    /// If the factors differ in K.
    pub(crate) fn new(a: Matrix<'a>, b: &'a Packed<f32>) -> Self {
        // The first cache holds 4096 bytes a way.
        const ALIASES: usize = 512;
        const COLUMNS: usize = 512;
        let aliases = a.in_place().row.is_multiple_of(ALIASES);
        Self::with_rows(a, b, aliases || b.lines >= COLUMNS)
    }

    /// Rows packed or not.
    ///
    /// # Panics
    /// If the factors differ in K.
    pub(crate) fn with_rows(a: Matrix<'a>, b: &'a Packed<f32>, packed_rows: bool) -> Self {
        let [_, k] = a.sizes();
        assert_eq!(k, b.k, "factors of unequal depth");
        Self { a, b, packed_rows }
    }

    /// Memory for a block of rows.
    fn block<V: Simd>(self, scratch: &mut Scratch) -> &mut [f32] {
        scratch.take(ROW_BLOCK, self.k().min(self.steps::<V>()))
    }
}

/// A panel of the right factor, and the block of rows that it is multiplied with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Factors {
    /// If it is packed.
    rows: *const f32,
    columns: Columns,
}

impl Scheme for F32<'_> {
    type Panel = Factors;

    const STEPS: usize = 1024;

    /// Processors with short vectors have the smaller caches.
    #[inline(always)]
    fn steps<V: Simd>(self) -> usize {
        match V::WIDTH == WIDEST {
            true => Self::STEPS,
            false => Self::STEPS / 2,
        }
    }

    fn rows(self) -> usize {
        let [rows, _] = self.a.sizes();
        rows
    }

    fn columns(self) -> usize {
        self.b.lines
    }

    fn k(self) -> usize {
        self.b.k
    }

    #[inline(always)]
    fn row_block<V: Simd>(
        self,
        simd: V,
        tiles: Range<usize>,
        steps: Range<usize>,
        scratch: &mut Scratch,
    ) {
        if !self.packed_rows {
            return;
        }
        pack_in_tiles(simd, self.a, tiles, steps, self.block::<V>(scratch));
    }

    #[inline(always)]
    fn panel<V: Simd>(
        self,
        _: V,
        index: usize,
        steps: Range<usize>,
        scratch: &mut Scratch,
    ) -> Factors {
        let first = index * (NR / HALF);
        let start = (first * self.b.k + steps.start) * HALF;
        let columns = Columns {
            right: Right::halves(self.b.values[start..].as_ptr(), self.b.k),
            count: NR.min((self.b.lines.div_ceil(HALF) - first) * HALF),
        };
        let rows = match self.packed_rows {
            true => self.block::<V>(scratch).as_ptr(),
            false => std::ptr::null(),
        };
        Factors { rows, columns }
    }

    #[inline(always)]
    unsafe fn tile<V: Simd>(
        self,
        simd: V,
        index: usize,
        steps: Range<usize>,
        panel: Factors,
        target: Target,
    ) {
        let k = steps.len();
        // SAFETY: the caller's: the tile has rows of the factor alone, and both have these steps.
        unsafe {
            if self.packed_rows {
                let in_block = index % (ROW_BLOCK / MR) * MR;
                let a = InTiles(panel.rows.wrapping_add(in_block * k));
                multiply(simd, a, panel.columns, k, target);
            } else {
                let all = self.a.in_place();
                let first = index * MR * all.row + steps.start * all.column;
                let a = Strided {
                    start: all.start.wrapping_add(first),
                    ..all
                };
                multiply(simd, a, panel.columns, k, target);
            }
        }
    }
}

/// The left factor of a tile, a panel of [`MR`] rows.
#[inline(always)]
pub(crate) fn panel_of_rows(a: &[f32]) -> Strided {
    Strided {
        start: a.as_ptr(),
        row: 1,
        column: MR,
    }
}

/// The columns of a right factor that a tile takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Columns {
    /// Some steps of K.
    pub(crate) right: Right,
    /// At most [`NR`], whole panels of [`HALF`].
    pub(crate) count: usize,
}

impl Columns {
    /// [`NR`] columns.
    pub(crate) fn all(right: Right) -> Self {
        Self { right, count: NR }
    }
}

/// The tile of `k` steps of two factors in float32.
///
/// # Safety
/// As for [`Scheme::tile`].
#[inline(always)]
pub(crate) unsafe fn multiply<V: Simd>(
    simd: V,
    a: impl Left,
    b: Columns,
    k: usize,
    target: Target,
) {
    let product = SmallGemm {
        a,
        b: b.right,
        c: target.start,
        c_row: target.row,
        rows: target.rows,
        columns: b.count,
        k,
        add: target.add,
    };
    // SAFETY: the caller's.
    unsafe { product.compute(simd) };
}
