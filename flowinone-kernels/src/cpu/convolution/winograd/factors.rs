//! The factors of all products of a chunk: `[output, input]` weights by `[input, tiles]`, one
//! product for each number of a transformed tile.
//!
//! Values of one tile lie far apart, at the same place of each product. Every product begins a
//! cache line later than a round number, so that they do not all fall into the same set of the
//! cache.

use std::ops::Range;

use crate::cpu::gemm::blocked::Scheme;
use crate::cpu::gemm::f32::{Columns, multiply, panel_of_rows};
use crate::cpu::gemm::layout::{MR, NR, Right, Target};
use crate::cpu::gemm::scratch::Scratch;
use crate::cpu::simd::Simd;

/// Values by which a product is moved.
pub(super) const GAP: usize = 16;

/// Where the factors and results of all products lie.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    /// Products: values of a transformed tile.
    pub(super) products: usize,
    pub(super) input: usize,
    pub(super) output: usize,
    /// Panels of tiles.
    pub(super) panels: usize,
}

impl Sizes {
    /// From the weights of a product to those of the next, `[panels of outputs, input, MR]`.
    pub(super) fn of_weights(self) -> usize {
        self.output.div_ceil(MR) * MR * self.input + GAP
    }

    /// From the tiles of a product to those of the next, `[NR / HALF, input, HALF]`, panel by panel
    /// of all products.
    pub(super) fn of_tiles(self) -> usize {
        self.input * NR + GAP
    }

    /// From a product to the next, `[output, panels NR]`.
    pub(super) fn of_product(self) -> usize {
        self.output * self.panels * NR + GAP
    }
}

/// One of the products.
#[derive(Debug, Clone, Copy)]
pub(super) struct Factors<'a> {
    pub(super) sizes: Sizes,
    /// Of this product.
    pub(super) weights: &'a [f32],
    /// From the first panel of this product on.
    pub(super) tiles: &'a [f32],
}

impl Scheme for Factors<'_> {
    type Panel = *const f32;

    // Channels are few.
    const STEPS: usize = usize::MAX / MR;

    fn rows(self) -> usize {
        self.sizes.output
    }

    fn columns(self) -> usize {
        self.sizes.panels * NR
    }

    fn k(self) -> usize {
        self.sizes.input
    }

    #[inline(always)]
    fn panel<V: Simd>(self, _: V, index: usize, _: Range<usize>, _: &mut Scratch) -> *const f32 {
        let from = index * self.sizes.products * self.sizes.of_tiles();
        self.tiles[from..][..self.sizes.input * NR].as_ptr()
    }

    #[inline(always)]
    unsafe fn tile<V: Simd>(
        self,
        simd: V,
        index: usize,
        steps: Range<usize>,
        panel: *const f32,
        target: Target,
    ) {
        let k = steps.len();
        let a = panel_of_rows(&self.weights[index * k * MR..][..k * MR]);
        let b = Columns::all(Right::halves(panel, k));
        // SAFETY: the caller's: the tile has rows of the factor alone, and both have these steps.
        unsafe { multiply(simd, a, b, k, target) };
    }
}
