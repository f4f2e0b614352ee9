//! Products with both factors in bfloat16, sums in float32, on ARM processors that multiply blocks
//! of it.

use std::ops::Range;

use crate::cpu::gemm::blocked::Scheme;
use crate::cpu::gemm::layout::{MR, NR, Pair, Target};
use crate::cpu::gemm::microkernel::neon_mmla::NeonBf16;
use crate::cpu::gemm::pack::{Packed, RowWise};
use crate::cpu::gemm::scratch::Scratch;
use crate::cpu::simd::Simd;

/// Both factors in bfloat16.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bf16Mmla<'a> {
    pub(crate) a: &'a RowWise<Pair>,
    pub(crate) b: &'a Packed<Pair>,
    pub(crate) proof: NeonBf16,
}

impl Scheme for Bf16Mmla<'_> {
    type Panel = *const Pair;

    // An even number: steps go in twos.
    const STEPS: usize = 1024;

    fn rows(self) -> usize {
        self.a.lines
    }

    fn columns(self) -> usize {
        self.b.lines
    }

    fn k(self) -> usize {
        assert_eq!(self.a.k, self.b.k, "factors of unequal depth");
        self.a.k
    }

    #[inline(always)]
    fn panel<V: Simd>(
        self,
        _: V,
        index: usize,
        steps: Range<usize>,
        _: &mut Scratch,
    ) -> *const Pair {
        self.b.part::<NR>(index, steps).as_ptr()
    }

    #[inline(always)]
    unsafe fn tile<V: Simd>(
        self,
        _: V,
        index: usize,
        steps: Range<usize>,
        panel: *const Pair,
        target: Target,
    ) {
        let rows = (self.a.from(index * MR, steps.start).as_ptr(), self.a.stride);
        // SAFETY: the caller's, both factors have these steps, and zeros follow in the rows.
        unsafe { self.proof.multiply(rows, panel, steps.len(), target) };
    }
}
