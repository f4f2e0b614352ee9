//! Products with the right factor in bfloat16, which is widened panel by panel, the left one and
//! sums in float32: for processors that multiply no bfloat16.

use std::ops::Range;

use crate::cpu::gemm::blocked::Scheme;
use crate::cpu::gemm::f32::{multiply, panel_of_rows};
use crate::cpu::gemm::layout::{MR, NR, Pair, Target};
use crate::cpu::gemm::pack::Packed;
use crate::cpu::gemm::scratch::Scratch;
use crate::cpu::simd::Simd;

/// The left factor in float32, the right one in bfloat16 and widened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bf16Widened<'a> {
    pub(crate) a: &'a Packed<f32>,
    pub(crate) b: &'a Packed<Pair>,
}

impl Scheme for Bf16Widened<'_> {
    type Panel = *const f32;

    const STEPS: usize = 512;

    fn rows(self) -> usize {
        self.a.lines
    }

    fn columns(self) -> usize {
        self.b.lines
    }

    fn k(self) -> usize {
        assert_eq!(self.a.k.div_ceil(2), self.b.k, "unequal depths");
        self.b.k
    }

    #[inline(always)]
    fn panel<V: Simd>(
        self,
        _: V,
        index: usize,
        steps: Range<usize>,
        scratch: &mut Scratch,
    ) -> *const f32 {
        let wide = scratch.take(2 * steps.len(), NR);
        let pairs = self.b.part::<NR>(index, steps);
        for (wide, pairs) in wide.chunks_exact_mut(2 * NR).zip(pairs.chunks_exact(NR)) {
            let (even, odd) = wide.split_at_mut(NR);
            for ((even, odd), pair) in even.iter_mut().zip(odd).zip(pairs) {
                [*even, *odd] = pair.wide();
            }
        }
        wide.as_ptr()
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
        let values = 2 * steps.start..(2 * steps.end).min(self.a.k);
        let a = panel_of_rows(self.a.part::<MR>(index, values.clone()));
        // SAFETY: the caller's, and both panels have these values.
        unsafe { multiply(simd, a, panel, values.len(), target) };
    }
}
