//! Products with the right factor in bfloat16, which is widened panel by panel, the left one and sums in float32: for
//! processors that multiply no bfloat16.

use std::ops::Range;

use crate::cpu::gemm::blocked::Scheme;
use crate::cpu::gemm::f32::{multiply, panel_of_rows};
use crate::cpu::gemm::layout::{BREADTH, HEIGHT, Pair, Target};
use crate::cpu::gemm::pack::Packed;
use crate::cpu::gemm::scratch::Scratch;
use crate::cpu::simd::Lanes;

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
