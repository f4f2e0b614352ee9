//! Products with one or both factors in bfloat16, sums in float32.
//!
//! Where the processor multiplies pairs of bfloat16 (AVX512-BF16), the left factor is rounded as
//! well; elsewhere the weights are widened panel by panel, and the left factor stays as it is.

use std::ops::Range;

use crate::bfloat::Pair;
use crate::lanes::Lanes;
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
    proof: Proof,
}

/// The left factor of a [`Paired`] product.
#[cfg(target_arch = "x86_64")]
#[derive(Debug, Clone, Copy)]
enum Left<'a> {
    Rows(&'a RowWise<Pair>),
    Panels(&'a Packed<Pair>),
}

#[cfg(target_arch = "x86_64")]
impl<'a> Paired<'a> {
    pub(crate) fn new(a: &'a RowWise<Pair>, b: &'a Packed<Pair>, proof: Proof) -> Self {
        let a = Left::Rows(a);
        Self { a, b, proof }
    }
}

#[cfg(target_arch = "x86_64")]
impl Scheme for Paired<'_> {
    type Panel = *const Pair;

    const STEPS: usize = 1024;

    fn rows(self) -> usize {
        match self.a {
            Left::Rows(rows) => rows.lines,
            Left::Panels(panels) => panels.lines,
        }
    }

    fn columns(self) -> usize {
        self.b.lines
    }

    fn depth(self) -> usize {
        let depth = match self.a {
            Left::Rows(rows) => rows.depth,
            Left::Panels(panels) => panels.depth,
        };
        assert_eq!(depth, self.b.depth, "factors of unequal depth");
        depth
    }

    #[inline(always)]
    fn panel<L: Lanes>(
        self,
        _: L,
        index: usize,
        steps: Range<usize>,
        _: &mut Scratch,
    ) -> *const Pair {
        self.b.part::<BREADTH>(index, steps).as_ptr()
    }

    #[inline(always)]
    unsafe fn tile<L: Lanes>(
        self,
        _: L,
        index: usize,
        steps: Range<usize>,
        panel: *const Pair,
        target: Target,
    ) {
        let (a, a_row, a_step) = match self.a {
            Left::Rows(rows) => (rows.from(index, steps.start), rows.stride, 1),
            Left::Panels(panels) => (panels.part::<HEIGHT>(index, steps.clone()), 1, HEIGHT),
        };
        let factors = Factors {
            a: a.as_ptr(),
            a_row,
            a_step,
            b: panel,
        };
        // SAFETY: the caller's, and both panels have these steps.
        unsafe { self.proof.multiply(factors, steps.len(), target) };
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
    let (rows, panels);
    let a = match a.is_transposed() {
        false => {
            rows = RowWise::<Pair>::new(proof, a);
            Left::Rows(&rows)
        }
        true => {
            panels = Packed::<Pair>::of::<HEIGHT>(level, proof, a.transposed());
            Left::Panels(&panels)
        }
    };
    product(level, Paired { a, b, proof }, bias)
}
