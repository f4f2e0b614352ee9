//! Products with one or both factors in bfloat16, sums in float32.
//!
//! Where the processor multiplies pairs of bfloat16 (AVX512-BF16), the left factor is rounded as
//! well; elsewhere the weights are widened panel by panel, and the left factor stays as it is.

use std::ops::Range;

use crate::bfloat::Pair;
#[cfg(target_arch = "x86_64")]
use crate::bfloat::multiplies_tiles;
use crate::lanes::Lanes;
#[cfg(target_arch = "x86_64")]
use crate::lanes::amx;
#[cfg(target_arch = "x86_64")]
use crate::lanes::avx512_bf16::{Factors, Proof};
#[cfg(target_arch = "x86_64")]
use crate::level::Level;
use crate::packed::{BREADTH, HEIGHT, Packed};
#[cfg(target_arch = "x86_64")]
use crate::packed::{Matrix, RowWise};
#[cfg(target_arch = "x86_64")]
use crate::product::product;
use crate::product::{Scheme, Target, multiply, panel_of_rows};
use crate::scratch::Scratch;

/// The left factor in float32, the right one in bfloat16 and widened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Widened<'a> {
    pub(crate) a: &'a Packed<f32>,
    pub(crate) b: &'a Packed<Pair>,
}

impl Scheme for Widened<'_> {
    type Panel = *const f32;

    const STEPS: usize = 512;

    fn rows(self) -> usize {
        self.a.lines
    }

    fn columns(self) -> usize {
        self.b.lines
    }

    fn depth(self) -> usize {
        assert_eq!(self.a.depth.div_ceil(2), self.b.depth, "unequal depths");
        self.b.depth
    }

    #[inline(always)]
    fn panel<L: Lanes>(
        self,
        _: L,
        index: usize,
        steps: Range<usize>,
        scratch: &mut Scratch,
    ) -> *const f32 {
        let wide = scratch.take(2 * steps.len(), BREADTH);
        let pairs = self.b.part::<BREADTH>(index, steps);
        for (wide, pairs) in wide
            .chunks_exact_mut(2 * BREADTH)
            .zip(pairs.chunks_exact(BREADTH))
        {
            let (even, odd) = wide.split_at_mut(BREADTH);
            for ((even, odd), pair) in even.iter_mut().zip(odd).zip(pairs) {
                [*even, *odd] = pair.wide();
            }
        }
        wide.as_ptr()
    }

    #[inline(always)]
    unsafe fn tile<L: Lanes>(
        self,
        lanes: L,
        index: usize,
        steps: Range<usize>,
        panel: *const f32,
        target: Target,
    ) {
        let numbers = 2 * steps.start..(2 * steps.end).min(self.a.depth);
        let a = panel_of_rows(self.a.part::<HEIGHT>(index, numbers.clone()));
        // SAFETY: the caller's, and both panels have these numbers.
        unsafe { multiply(lanes, a, panel, numbers.len(), target) };
    }
}

/// Both factors in bfloat16, on processors that multiply it.
#[cfg(target_arch = "x86_64")]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paired<'a> {
    a: Left<'a>,
    b: &'a Packed<Pair>,
}

/// The left factor of a [`Paired`] product, and how it is multiplied.
#[cfg(target_arch = "x86_64")]
#[derive(Debug, Clone, Copy)]
enum Left<'a> {
    Rows(&'a RowWise<Pair>, Proof),
    Panels(&'a Packed<Pair>, Proof),
    /// By tiles.
    Tiles(&'a RowWise<Pair>, amx::Proof),
}

#[cfg(target_arch = "x86_64")]
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
#[cfg(target_arch = "x86_64")]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Panel {
    pairs: *const Pair,
    /// For products by tiles: the steps behind the last whole tile of them, filled up with zeros, or null.
    rest: *const Pair,
}

#[cfg(target_arch = "x86_64")]
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
#[cfg(target_arch = "x86_64")]
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
