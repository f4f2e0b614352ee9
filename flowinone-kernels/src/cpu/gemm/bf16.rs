//! Products with both factors in bfloat16, sums in float32, on processors that multiply pairs of it (AVX512-BF16) or
//! tiles of such pairs (AMX).

use std::ops::Range;

use crate::cpu::gemm::blocked::{Scheme, product};
use crate::cpu::gemm::layout::{BREADTH, HEIGHT, Pair, Target};
use crate::cpu::gemm::microkernel::avx512_bf16::{Factors, Proof};
use crate::cpu::gemm::microkernel::{amx, multiplies_tiles};
use crate::cpu::gemm::pack::{Matrix, Packed, RowWise};
use crate::cpu::gemm::scratch::Scratch;
use crate::cpu::simd::Lanes;
use crate::cpu::simd::level::Level;

/// Both factors in bfloat16, on processors that multiply it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paired<'a> {
    a: Left<'a>,
    b: &'a Packed<Pair>,
}

/// The left factor of a [`Paired`] product, and how it is multiplied.
#[derive(Debug, Clone, Copy)]
enum Left<'a> {
    Rows(&'a RowWise<Pair>, Proof),
    Panels(&'a Packed<Pair>, Proof),
    /// By tiles.
    Tiles(&'a RowWise<Pair>, amx::Proof),
}

impl<'a> Paired<'a> {
    pub(crate) fn new(
        level: Level,
        proof: Proof,
        a: &'a RowWise<Pair>,
        b: &'a Packed<Pair>,
    ) -> Self {
        let a = match multiplies_tiles(level) {
            Some(proof) => Left::Tiles(a, proof),
            None => Left::Rows(a, proof),
        };
        Self { a, b }
    }
}

/// A panel of the right factor of a [`Paired`] product.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Panel {
    pairs: *const Pair,
    /// For products by tiles: the steps behind the last whole tile of them, filled up with zeros, or null.
    rest: *const Pair,
}

impl Scheme for Paired<'_> {
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
            Left::Rows(..) | Left::Panels(..) => HEIGHT,
            Left::Tiles(..) => amx::ROWS,
        }
    }

    fn columns(self) -> usize {
        self.b.lines
    }

    fn depth(self) -> usize {
        let depth = match self.a {
            Left::Rows(rows, _) | Left::Tiles(rows, _) => rows.depth,
            Left::Panels(panels, _) => panels.depth,
        };
        assert_eq!(depth, self.b.depth, "factors of unequal depth");
        depth
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
    fn panel<L: Lanes>(
        self,
        _: L,
        index: usize,
        steps: Range<usize>,
        scratch: &mut Scratch,
    ) -> Panel {
        let pairs = self.b.part::<BREADTH>(index, steps);
        let (_, rest) = pairs.as_chunks::<{ amx::TILE * BREADTH }>();
        Panel {
            pairs: pairs.as_ptr(),
            rest: match self.a {
                Left::Tiles(..) if !rest.is_empty() => {
                    let tile = scratch.pairs(amx::TILE, BREADTH);
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
    unsafe fn tile<L: Lanes>(
        self,
        _: L,
        index: usize,
        steps: Range<usize>,
        panel: Panel,
        target: Target,
    ) {
        let (a, a_row, a_step, proof) = match self.a {
            Left::Rows(rows, proof) => {
                let a = rows.from(index * HEIGHT, steps.start);
                (a, rows.stride, 1, proof)
            }
            Left::Panels(panels, proof) => {
                let a = panels.part::<HEIGHT>(index, steps.clone());
                (a, 1, HEIGHT, proof)
            }
            Left::Tiles(rows, proof) => {
                let factors = amx::Factors {
                    a: rows.from(index * amx::ROWS, steps.start).as_ptr(),
                    a_row: rows.stride,
                    b: panel.pairs,
                    tiles: steps.len() / amx::TILE,
                    rest: panel.rest,
                };
                // SAFETY: the caller's, both factors have these steps, and zeros follow in the rows.
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
/// If the factors have not the same depth, or the bias not one number for each column.
pub(crate) fn rounded_product(
    level: Level,
    proof: Proof,
    a: Matrix<'_>,
    b: Matrix<'_>,
    bias: Option<&[f32]>,
) -> Vec<f32> {
    assert_eq!(a.sizes()[1], b.sizes()[0], "factors of unequal depth");
    let b = &Packed::<Pair>::of::<BREADTH>(level, proof, b);
    // Panels are made faster of rows that do not lie in order, but tiles need rows.
    if a.is_transposed() && multiplies_tiles(level).is_none() {
        let panels = &Packed::<Pair>::of::<HEIGHT>(level, proof, a.transposed());
        let a = Left::Panels(panels, proof);
        return product(level, Paired { a, b }, bias);
    }
    let rows = &RowWise::<Pair>::new(proof, a);
    product(level, Paired::new(level, proof, rows, b), bias)
}
