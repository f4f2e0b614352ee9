//! Products with both factors in bfloat16, sums in float32, on processors that multiply pairs of it
//! (AVX512-BF16) or tiles of such pairs (AMX).

use std::ops::Range;

use crate::cpu::gemm::blocked::{Scheme, gemm};
use crate::cpu::gemm::layout::{MR, NR, Pair, Target};
use crate::cpu::gemm::microkernel::avx512_bf16::{Avx512Bf16, Factors};
use crate::cpu::gemm::microkernel::{amx, find_amx};
use crate::cpu::gemm::pack::{Matrix, Packed, RowWise};
use crate::cpu::gemm::scratch::Scratch;
use crate::cpu::simd::Simd;
use crate::cpu::simd::level::SimdLevel;

/// Both factors in bfloat16, on processors that multiply it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bf16<'a> {
    a: Left<'a>,
    b: &'a Packed<Pair>,
}

/// The left factor of a [`Bf16`] product, and how it is multiplied.
#[derive(Debug, Clone, Copy)]
enum Left<'a> {
    Rows(&'a RowWise<Pair>, Avx512Bf16),
    Panels(&'a Packed<Pair>, Avx512Bf16),
    /// By tiles.
    Tiles(&'a RowWise<Pair>, amx::Amx),
}

impl<'a> Bf16<'a> {
    pub(crate) fn new(
        level: SimdLevel,
        proof: Avx512Bf16,
        a: &'a RowWise<Pair>,
        b: &'a Packed<Pair>,
    ) -> Self {
        let a = match find_amx(level) {
            Some(proof) => Left::Tiles(a, proof),
            None => Left::Rows(a, proof),
        };
        Self { a, b }
    }
}

/// A panel of the right factor of a [`Bf16`] product.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Panel {
    pairs: *const Pair,
    /// For products by tiles: the steps behind the last whole tile of them, filled up with zeros,
    /// or null.
    rest: *const Pair,
}

impl Scheme for Bf16<'_> {
    type Panel = Panel;

    const STEPS: usize = 1024;

    fn rows(self) -> usize {
        match self.a {
            Left::Rows(rows, _) | Left::Tiles(rows, _) => rows.lines,
            Left::Panels(panels, _) => panels.lines,
        }
    }

    fn height(self) -> usize {
        match self.a {
            Left::Rows(..) | Left::Panels(..) => MR,
            Left::Tiles(..) => amx::ROWS,
        }
    }

    fn columns(self) -> usize {
        self.b.lines
    }

    fn k(self) -> usize {
        let k = match self.a {
            Left::Rows(rows, _) | Left::Tiles(rows, _) => rows.k,
            Left::Panels(panels, _) => panels.k,
        };
        assert_eq!(k, self.b.k, "factors of unequal depth");
        k
    }

    #[inline(always)]
    fn begin(self) {
        if let Left::Tiles(_, proof) = self.a {
            proof.begin();
        }
    }

    #[inline(always)]
    fn end(self) {
        if let Left::Tiles(_, proof) = self.a {
            proof.end();
        }
    }

    #[inline(always)]
    fn panel<V: Simd>(
        self,
        _: V,
        index: usize,
        steps: Range<usize>,
        scratch: &mut Scratch,
    ) -> Panel {
        let pairs = self.b.part::<NR>(index, steps);
        let (_, rest) = pairs.as_chunks::<{ amx::TILE * NR }>();
        Panel {
            pairs: pairs.as_ptr(),
            rest: match self.a {
                Left::Tiles(..) if !rest.is_empty() => {
                    let tile = scratch.pairs(amx::TILE, NR);
                    let (there, behind) = tile.split_at_mut(rest.len());
                    there.copy_from_slice(rest);
                    behind.fill(Pair::ZERO);
                    tile.as_ptr()
                }
                _ => std::ptr::null(),
            },
        }
    }

    #[inline(always)]
    unsafe fn tile<V: Simd>(
        self,
        _: V,
        index: usize,
        steps: Range<usize>,
        panel: Panel,
        target: Target,
    ) {
        let (a, a_row, a_step, proof) = match self.a {
            Left::Rows(rows, proof) => {
                let a = rows.from(index * MR, steps.start);
                (a, rows.stride, 1, proof)
            }
            Left::Panels(panels, proof) => {
                let a = panels.part::<MR>(index, steps.clone());
                (a, 1, MR, proof)
            }
            Left::Tiles(rows, proof) => {
                let factors = amx::Factors {
                    a: rows.from(index * amx::ROWS, steps.start).as_ptr(),
                    a_row: rows.stride,
                    b: panel.pairs,
                    tiles: steps.len() / amx::TILE,
                    rest: panel.rest,
                };
                // SAFETY: the caller's, both factors have these steps, and zeros follow in the
                // rows.
                unsafe { proof.multiply(factors, target) };
                return;
            }
        };
        let factors = Factors {
            a: a.as_ptr(),
            a_row,
            a_step,
            b: panel.pairs,
        };
        // SAFETY: the caller's, and both panels have these steps.
        unsafe { proof.multiply(factors, steps.len(), target) };
    }
}

/// `a b + bias` of factors that are rounded first.
///
/// # Panics
/// If the factors differ in K, or the bias does not have one value per column.
pub(crate) fn gemm_bf16(
    level: SimdLevel,
    proof: Avx512Bf16,
    a: Matrix<'_>,
    b: Matrix<'_>,
    bias: Option<&[f32]>,
) -> Vec<f32> {
    assert_eq!(a.sizes()[1], b.sizes()[0], "factors of unequal depth");
    let b = &Packed::<Pair>::of::<NR>(level, proof, b);
    // Panels are made faster of rows that do not lie in order, but tiles need rows.
    if a.is_transposed() && find_amx(level).is_none() {
        let panels = &Packed::<Pair>::of::<MR>(level, proof, a.transposed());
        let a = Left::Panels(panels, proof);
        return gemm(level, Bf16 { a, b }, bias);
    }
    let rows = &RowWise::<Pair>::new(proof, a);
    gemm(level, Bf16::new(level, proof, rows, b), bias)
}
