//! Convolution of maps `[batch, input, stride * height, stride * width]` with square kernels, zeros around
//! the maps, as a product of matrices that is never laid out:
//!
//! ```text
//! y[o, r, c] = b[o] + sum(w[o, i, j, k] x[i, s r + j - before, s c + k - before])
//! ```
//!
//! A tile is some output channels by two vectors of neighbouring pixels. What it needs of `x` for a
//! weight is a vector again, at an offset that depends on the weight alone: with a stride, each row of `x`
//! is dealt out first, to `s` rows of every s-th pixel.
//!
//! The same loops serve float32 and, where the processor multiplies them, pairs of bfloat16: two input
//! channels side by side.

pub(crate) mod gradient;
#[cfg(target_arch = "x86_64")]
mod paired;
mod plain;
mod strip;

use rayon::prelude::*;

use crate::Precision;
use crate::level::Level;
use crate::packed::{Matrix, Packed};
use crate::pieces::Shared;
use crate::scratch::Scratch;
use strip::{Numbers, Strip};

/// Sizes of a convolution.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Maps {
    pub(crate) batch: usize,
    pub(crate) input: usize,
    pub(crate) output: usize,
    /// Of the result.
    pub(crate) height: usize,
    /// Of the result.
    pub(crate) width: usize,
    /// Side of the kernel.
    pub(crate) kernel: usize,
    /// Pixels of the input from one pixel of the result to the next.
    pub(crate) stride: usize,
    /// Zeros above and to the left of the input; what is missing below and to the right is zero as well.
    pub(crate) before: usize,
}

impl Maps {
    /// Weights of an output channel.
    fn depth(&self) -> usize {
        self.input * self.places()
    }

    /// Weights of a kernel.
    fn places(&self) -> usize {
        self.kernel * self.kernel
    }

    /// Numbers of an input channel.
    fn plane(&self) -> usize {
        self.stride * self.height * self.stride * self.width
    }

    /// Rows at a time: their input stays in the second cache, and there is work for all threads.
    fn rows_at_once(&self) -> usize {
        const NUMBERS: usize = 160 * 1024;
        let row = self.input * (self.stride * self.width + self.kernel);
        let fit = (NUMBERS / row).saturating_sub(self.kernel) / self.stride;
        let tasks = (4 * rayon::current_num_threads()).div_ceil(self.batch);
        fit.clamp(4, 32).min(self.height.div_ceil(tasks)).max(1)
    }
}

/// The convolution with weights `[output, input, K, K]` and biases `[output]`; below float32 with
/// factors in bfloat16, where the processor multiplies them.
pub(crate) fn convolved(
    level: Level,
    precision: Precision,
    maps: Maps,
    x: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
) -> Vec<f32> {
    assert_eq!(x.len(), maps.batch * maps.input * maps.plane());
    if let Some(bias) = bias {
        assert_eq!(bias.len(), maps.output, "one bias for each output channel");
    }
    #[cfg(target_arch = "x86_64")]
    if precision != Precision::Float32
        && let Some(proof) = crate::bfloat::multiplies(level)
    {
        let weight = paired::pairs_of_channels(maps, weight);
        let weight = Matrix::new(
            &weight,
            maps.output,
            2 * maps.input.div_ceil(2) * maps.places(),
        );
        let weight = weight.left(level).pairs::<{ crate::packed::HEIGHT }>(level);
        return in_strips(level, paired::Pairs(proof), maps, x, &weight, bias);
    }
    let _ = precision;
    let weight = Matrix::new(weight, maps.output, maps.depth()).left(level);
    in_strips(level, plain::Floats, maps, x, &weight, bias)
}

fn in_strips<N: Numbers>(
    level: Level,
    numbers: N,
    maps: Maps,
    x: &[f32],
    weight: &Packed<N::Number>,
    bias: Option<&[f32]>,
) -> Vec<f32> {
    let length = maps.batch * maps.output * maps.height * maps.width;
    let mut y: Vec<f32> = Vec::with_capacity(length);
    let out = Shared(y.as_mut_ptr());
    let each = maps.rows_at_once();
    let strips = maps.height.div_ceil(each);
    let run = |scratch: &mut Scratch, task: usize| {
        let (item, first) = (task / strips, task % strips * each);
        level.run(Strip {
            numbers,
            maps,
            x,
            weight,
            bias,
            item,
            rows: first..(first + each).min(maps.height),
            y: out.start(),
            scratch,
        });
    };
    if length * maps.depth() < 256 * 1024 {
        let mut scratch = Scratch::default();
        (0..maps.batch * strips).for_each(|task| run(&mut scratch, task));
    } else {
        let tasks = (0..maps.batch * strips).into_par_iter();
        tasks.for_each_init(Scratch::default, run);
    }
    // SAFETY: the strips cover all rows of all items, and each writes all of its numbers.
    unsafe { y.set_len(length) };
    y
}

/// Weights `[output, input, K, K]` as those of the gradient of `x`: `[input, output, K, K]`, each
/// kernel turned around.
pub(crate) fn turned(maps: Maps, weight: &[f32]) -> Vec<f32> {
    let places = maps.kernel * maps.kernel;
    let mut turned = vec![0.0; weight.len()];
    for (index, kernel) in weight.chunks_exact(places).enumerate() {
        let (output, input) = (index / maps.input, index % maps.input);
        let target = &mut turned[(input * maps.output + output) * places..][..places];
        for (target, w) in target.iter_mut().zip(kernel.iter().rev()) {
            *target = *w;
        }
    }
    turned
}
