//! One head of an attention, as the kernels of every element type take it.

use rayon::prelude::*;

use super::heads::{Heads, HeadsMut, Shape};
#[cfg(target_arch = "x86_64")]
use crate::cpu::gemm::microkernel::{avx512_bf16::Avx512Bf16, find_bf16};
use crate::cpu::gemm::scratch::Scratch;
#[cfg(target_arch = "x86_64")]
use crate::cpu::simd::level::SimdLevel;
#[cfg(target_arch = "x86_64")]
use crate::dtype::Dtype;

/// Some queries of a head.
pub(super) struct Head<'a> {
    pub(super) shape: Shape,
    pub(super) q: Heads<'a>,
    pub(super) k: Heads<'a>,
    pub(super) v: Heads<'a>,
    pub(super) y: HeadsMut<'a>,
    /// Which item and which head.
    pub(super) pair: [usize; 2],
    pub(super) first: usize,
    pub(super) end: usize,
    pub(super) scratch: &'a mut [Scratch; 5],
}

/// Runs every task with working memory, on all threads if they are `shared`.
pub(super) fn each_task<S: Default>(
    tasks: usize,
    shared: bool,
    run: impl Fn(&mut S, usize) + Sync + Send,
) {
    if shared {
        let tasks = (0..tasks).into_par_iter();
        tasks.for_each_init(S::default, run);
    } else {
        let mut scratch = S::default();
        (0..tasks).for_each(|task| run(&mut scratch, task));
    }
}

/// The token for rounded factors: below float32, if the processor multiplies bfloat16.
#[cfg(target_arch = "x86_64")]
pub(super) fn pairs_of(level: SimdLevel, precision: Dtype) -> Option<Avx512Bf16> {
    precision.rounds().then(|| find_bf16(level)).flatten()
}
