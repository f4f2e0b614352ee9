//! Products in float32 that are deep and small, `c = a^T b`: the gradient of a layer's weights.
//!
//! Packed as wholes, such factors go through memory twice before they are multiplied, which takes
//! as long as the product. Here a block of rows of the result packs what it needs, some steps of K
//! at a time, into memory that stays in the second cache.

use std::ops::Range;

use crate::cpu::gemm::blocked::{ROW_BLOCK, Scheme, gemm};
use crate::cpu::gemm::f32::{Columns, multiply};
use crate::cpu::gemm::layout::{HALF, InTiles, MR, NR, Right, Target};
use crate::cpu::gemm::pack::{Matrix, lines_of, pack_in_tiles};
use crate::cpu::gemm::scratch::Scratch;
use crate::cpu::simd::Simd;
use crate::cpu::simd::level::SimdLevel;

/// Two factors `[K, rows]` and `[K, columns]` where they lie.
#[derive(Debug, Clone, Copy)]
struct Transposed<'a> {
    a: Matrix<'a>,
    b: Matrix<'a>,
}

/// Parts of the two factors of a [`Transposed`] product, packed.
#[derive(Debug, Clone, Copy)]
struct Parts {
    /// Tiles of a block of rows.
    a: *const f32,
    /// Panels of [`HALF`] columns, each `[steps, HALF]`.
    b: *const f32,
}

/// Values of a packed block of rows.
const OF_ROWS: usize = Transposed::STEPS * ROW_BLOCK;

impl Scheme for Transposed<'_> {
    type Panel = Parts;

    const STEPS: usize = 256;

    fn rows(self) -> usize {
        let [_, rows] = self.a.sizes();
        rows
    }

    fn columns(self) -> usize {
        let [_, columns] = self.b.sizes();
        columns
    }

    fn k(self) -> usize {
        let ([deep, _], [k, _]) = (self.a.sizes(), self.b.sizes());
        assert_eq!(k, deep, "factors of unequal depth");
        k
    }

    #[inline(always)]
    fn row_block<V: Simd>(
        self,
        simd: V,
        tiles: Range<usize>,
        steps: Range<usize>,
        scratch: &mut Scratch,
    ) {
        let all = scratch.take(1, OF_ROWS + Self::STEPS * NR);
        pack_in_tiles(simd, self.a.transposed(), tiles, steps, all);
    }

    #[inline(always)]
    fn panel<V: Simd>(
        self,
        _: V,
        index: usize,
        steps: Range<usize>,
        scratch: &mut Scratch,
    ) -> Parts {
        let all = scratch.take(1, OF_ROWS + Self::STEPS * NR);
        let (a, b) = all.split_at_mut(OF_ROWS);
        let lines = lines_of::<NR>(index, self.columns());
        let size = steps.len() * HALF;
        for (half, panel) in b[..NR / HALF * size]
            .chunks_exact_mut(size.max(1))
            .enumerate()
        {
            let first = (lines.start + half * HALF).min(lines.end);
            let lines = first..(first + HALF).min(lines.end);
            gather::<HALF>(self.b, lines, steps.clone(), panel);
        }
        Parts {
            a: a.as_ptr(),
            b: b.as_ptr(),
        }
    }

    #[inline(always)]
    unsafe fn tile<V: Simd>(
        self,
        simd: V,
        index: usize,
        steps: Range<usize>,
        panel: Parts,
        target: Target,
    ) {
        let of_block = index % (ROW_BLOCK / MR) * steps.len() * MR;
        let a = InTiles(panel.a.wrapping_add(of_block));
        let b = Columns::all(Right::halves(panel.b, steps.len()));
        // SAFETY: the caller's: the tile has rows of the factor alone, and both have these steps.
        unsafe { multiply(simd, a, b, steps.len(), target) };
    }
}

/// Some values of each of some rows, side by side.
#[inline(always)]
fn gather<const N: usize>(
    matrix: Matrix<'_>,
    lines: Range<usize>,
    steps: Range<usize>,
    panel: &mut [f32],
) {
    for (step, slots) in steps.zip(panel.chunks_exact_mut(N)) {
        let row = &matrix.row(step)[lines.clone()];
        match row.first_chunk::<N>() {
            Some(values) => slots.copy_from_slice(values),
            None => {
                let (there, behind) = slots.split_at_mut(row.len());
                there.copy_from_slice(row);
                behind.fill(0.0);
            }
        }
    }
}

/// `a^T b` of factors `[K, rows]` and `[K, columns]` whose rows lie in order.
///
/// # Panics
/// If the factors differ in K.
pub(crate) fn gemm_transposed(level: SimdLevel, a: Matrix<'_>, b: Matrix<'_>) -> Vec<f32> {
    gemm(level, Transposed { a, b }, None)
}
