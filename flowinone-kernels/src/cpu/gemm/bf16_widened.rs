//! Products with the right factor in bfloat16, which is widened panel by panel, the left one and
//! sums in float32: for processors that multiply no bfloat16.

use std::ops::Range;

use crate::cpu::gemm::blocked::Scheme;
use crate::cpu::gemm::f32::{Columns, multiply, panel_of_rows};
use crate::cpu::gemm::layout::{HALF, MR, NR, Pair, Right, Target};
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
    type Panel = Columns;

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
    ) -> Columns {
        let (pairs, _) = self.b.part::<NR>(index, steps.clone()).as_chunks::<NR>();
        let steps = steps.len();
        let wide = scratch.take(2 * steps, NR);
        let (lower, upper) = wide.split_at_mut(2 * steps * HALF);
        let [lower, upper] = [lower, upper].map(|half| {
            let (rows, _) = half.as_chunks_mut::<HALF>();
            let (twos, _) = rows.as_chunks_mut::<2>();
            twos
        });
        for ((lower, upper), pairs) in lower.iter_mut().zip(upper).zip(pairs) {
            for at in 0..HALF {
                [lower[0][at], lower[1][at]] = pairs[at].wide();
                [upper[0][at], upper[1][at]] = pairs[HALF + at].wide();
            }
        }
        Columns::all(Right::halves(wide.as_ptr(), 2 * steps))
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
        let values = 2 * steps.start..(2 * steps.end).min(self.a.k);
        let a = panel_of_rows(self.a.part::<MR>(index, values.clone()));
        // SAFETY: the caller's, and both panels have these values.
        unsafe { multiply(simd, a, panel, values.len(), target) };
    }
}
