//! Products with both factors in float32.

use std::ops::Range;

use crate::cpu::gemm::blocked::{Scheme, gemm};
use crate::cpu::gemm::layout::{HALF, Left, MR, NR, Right, Target};
use crate::cpu::gemm::microkernel::f32::SmallGemm;
use crate::cpu::gemm::pack::{Matrix, Packed};
use crate::cpu::gemm::scratch::Scratch;
use crate::cpu::simd::Simd;
use crate::cpu::simd::level::SimdLevel;

/// Both factors in float32.
#[derive(Debug, Clone, Copy)]
pub(crate) struct F32<'a> {
    pub(crate) a: Rows<'a>,
    /// In panels of [`HALF`] lines.
    pub(crate) b: &'a Packed<f32>,
}

/// The left factor of a [`F32`] product.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rows<'a> {
    /// In panels.
    Packed(&'a Packed<f32>),
    /// Where they lie: for rows that do not all fall into the same lines of the first cache.
    InPlace(Matrix<'a>),
}

impl Rows<'_> {
    /// Their number and their length.
    fn sizes(self) -> [usize; 2] {
        match self {
            Self::Packed(packed) => [packed.lines, packed.k],
            Self::InPlace(matrix) => matrix.sizes(),
        }
    }

    /// Those of a tile, some steps of them.
    #[inline(always)]
    fn of_tile(self, index: usize, steps: Range<usize>) -> Left {
        match self {
            Self::Packed(packed) => panel_of_rows(packed.part::<MR>(index, steps)),
            Self::InPlace(matrix) => {
                let all = matrix.in_place();
                let first = index * MR * all.row + steps.start * all.column;
                Left {
                    start: all.start.wrapping_add(first),
                    ..all
                }
            }
        }
    }
}

impl Scheme for F32<'_> {
    type Panel = Columns;

    const STEPS: usize = 1024;

    fn rows(self) -> usize {
        let [rows, _] = self.a.sizes();
        rows
    }

    fn columns(self) -> usize {
        self.b.lines
    }

    fn k(self) -> usize {
        let [_, k] = self.a.sizes();
        assert_eq!(k, self.b.k, "factors of unequal depth");
        k
    }

    #[inline(always)]
    fn panel<V: Simd>(self, _: V, index: usize, steps: Range<usize>, _: &mut Scratch) -> Columns {
        let first = index * (NR / HALF);
        let start = (first * self.b.k + steps.start) * HALF;
        Columns {
            right: Right::halves(self.b.values[start..].as_ptr(), self.b.k),
            count: NR.min((self.b.lines.div_ceil(HALF) - first) * HALF),
        }
    }

    #[inline(always)]
    unsafe fn tile<V: Simd>(
        self,
        simd: V,
        index: usize,
        steps: Range<usize>,
        panel: Columns,
        target: Target,
    ) {
        let a = self.a.of_tile(index, steps.clone());
        // SAFETY: the caller's: the tile has rows of the factor alone, and both have these steps.
        unsafe { multiply(simd, a, panel, steps.len(), target) };
    }
}

/// The left factor of a tile, a panel of [`MR`] rows.
#[inline(always)]
pub(crate) fn panel_of_rows(a: &[f32]) -> Left {
    Left {
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
pub(crate) unsafe fn multiply<V: Simd>(simd: V, a: Left, b: Columns, k: usize, target: Target) {
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

/// `a b + bias` in float32, `b` in panels of [`HALF`] lines; the left factor is packed only where
/// it must be.
///
/// # Panics
/// If the factors differ in K, or the bias does not have one value per column.
pub(crate) fn gemm_f32(
    level: SimdLevel,
    a: Matrix<'_>,
    b: &Packed<f32>,
    bias: Option<&[f32]>,
) -> Vec<f32> {
    // The rows of a tile then lie in few sets of the first cache, which holds 4096 bytes a way.
    const ALIASES: usize = 512;
    let packed;
    let a = match a.in_place().row.is_multiple_of(ALIASES) {
        true => {
            packed = a.left(level);
            Rows::Packed(&packed)
        }
        false => Rows::InPlace(a),
    };
    gemm(level, F32 { a, b }, bias)
}
