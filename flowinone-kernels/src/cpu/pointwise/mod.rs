//! Functions of single values:
//!
//! ```text
//! GELU(x) = x * N(x)       N the standard normal distribution function (the exact, erf, form)
//! GEGLU(a, b) = GELU(a) * b
//! SiLU(x) = x / (1 + exp(-x))
//! gated(y, x) = (y + x) (sigmoid(y) - 1/2)
//! ```

pub(crate) mod math;
pub(crate) mod softmax;

use crate::cpu::parallel::filled;
use crate::cpu::pointwise::math::{normal, sigmoid};
use crate::cpu::simd::level::SimdLevel;
use crate::cpu::simd::{Kernel, Simd, Slot};

/// `1 / sqrt(2 pi)`.
const DENSITY: f32 = 0.398_942_28;

/// `OUT` values made of `IN` values.
pub(crate) trait Pointwise<const IN: usize, const OUT: usize>: Copy + Sync {
    /// The function, on vectors.
    fn at<V: Simd>(self, simd: V, inputs: [V::Float; IN]) -> [V::Float; OUT];
}

/// Applies `function` to every value of the inputs, which are equally long.
pub(crate) fn pointwise<const IN: usize, const OUT: usize>(
    level: SimdLevel,
    function: impl Pointwise<IN, OUT>,
    inputs: [&[f32]; IN],
) -> [Vec<f32>; OUT] {
    let count = inputs[0].len();
    for input in inputs {
        assert_eq!(input.len(), count, "inputs of unequal lengths");
    }
    // SAFETY: the kernel writes every slot.
    unsafe {
        filled(count, [1; OUT], 1, |items, targets| {
            let inputs = inputs.map(|input| &input[items.clone()]);
            level.run(Run {
                function,
                inputs,
                targets,
            });
        })
    }
}

struct Run<'a, F, const IN: usize, const OUT: usize> {
    function: F,
    inputs: [&'a [f32]; IN],
    targets: [&'a mut [Slot]; OUT],
}

impl<F: Pointwise<IN, OUT>, const IN: usize, const OUT: usize> Kernel for Run<'_, F, IN, OUT> {
    type Output = ();

    #[inline(always)]
    fn run<V: Simd>(self, simd: V) {
        let count = self.inputs[0].len();
        let mut start = 0;
        while start < count {
            let mut inputs = [simd.splat(0.0); IN];
            for (vector, input) in inputs.iter_mut().zip(self.inputs) {
                *vector = simd.load_at(input, start, 0.0);
            }
            let outputs = self.function.at(simd, inputs);
            for index in 0..OUT {
                simd.store_at(outputs[index], self.targets[index], start);
            }
            start += V::WIDTH;
        }
    }
}

/// GELU.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gelu;

impl Pointwise<1, 1> for Gelu {
    #[inline(always)]
    fn at<V: Simd>(self, simd: V, [x]: [V::Float; 1]) -> [V::Float; 1] {
        [simd.mul(x, normal(simd, x).0)]
    }
}

/// `N(x) + x * density(x)`.
#[inline(always)]
fn gelu_slope<V: Simd>(simd: V, x: V::Float, below: V::Float, density: V::Float) -> V::Float {
    let density = simd.mul(density, simd.splat(DENSITY));
    simd.fma(x, density, below)
}

/// Gradient of GELU: `x` and the gradient of the result to that of `x`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GeluGradient;

impl Pointwise<2, 1> for GeluGradient {
    #[inline(always)]
    fn at<V: Simd>(self, simd: V, [x, gradient]: [V::Float; 2]) -> [V::Float; 1] {
        let (below, density) = normal(simd, x);
        [simd.mul(gradient, gelu_slope(simd, x, below, density))]
    }
}

/// GEGLU of `a` and `b`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Geglu;

impl Pointwise<2, 1> for Geglu {
    #[inline(always)]
    fn at<V: Simd>(self, simd: V, [a, b]: [V::Float; 2]) -> [V::Float; 1] {
        [simd.mul(simd.mul(a, normal(simd, a).0), b)]
    }
}

/// Gradients of GEGLU: `a`, `b` and the gradient of the result to those of `a` and `b`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GegluGradient;

impl Pointwise<3, 2> for GegluGradient {
    #[inline(always)]
    fn at<V: Simd>(self, simd: V, [a, b, gradient]: [V::Float; 3]) -> [V::Float; 2] {
        let (below, density) = normal(simd, a);
        let slope = gelu_slope(simd, a, below, density);
        [
            simd.mul(simd.mul(gradient, b), slope),
            simd.mul(gradient, simd.mul(a, below)),
        ]
    }
}

/// SiLU.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Silu;

impl Pointwise<1, 1> for Silu {
    #[inline(always)]
    fn at<V: Simd>(self, simd: V, [x]: [V::Float; 1]) -> [V::Float; 1] {
        [simd.mul(x, sigmoid(simd, x).0)]
    }
}

/// SiLU's slope: `s + x s (1 - s)`, s the sigmoid of x.
#[inline(always)]
pub(crate) fn silu_slope<V: Simd>(simd: V, x: V::Float) -> V::Float {
    let (s, slope) = sigmoid(simd, x);
    simd.fma(x, slope, s)
}

/// Gradient of SiLU: `x` and the gradient of the result to that of `x`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SiluGradient;

impl Pointwise<2, 1> for SiluGradient {
    #[inline(always)]
    fn at<V: Simd>(self, simd: V, [x, gradient]: [V::Float; 2]) -> [V::Float; 1] {
        [simd.mul(gradient, silu_slope(simd, x))]
    }
}

/// What becomes of `y` and the shortcut `x` around it: `(y + x) (sigmoid(y) - 1/2)`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gated;

impl Pointwise<2, 1> for Gated {
    #[inline(always)]
    fn at<V: Simd>(self, simd: V, [y, x]: [V::Float; 2]) -> [V::Float; 1] {
        let gate = simd.sub(sigmoid(simd, y).0, simd.splat(0.5));
        [simd.mul(simd.add(y, x), gate)]
    }
}

/// Gradients of [`Gated`]: `y`, `x` and the gradient of the result to those of `y` and `x`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GatedGradient;

impl Pointwise<3, 2> for GatedGradient {
    #[inline(always)]
    fn at<V: Simd>(self, simd: V, [y, x, gradient]: [V::Float; 3]) -> [V::Float; 2] {
        let (s, slope) = sigmoid(simd, y);
        let gate = simd.sub(s, simd.splat(0.5));
        let of_y = simd.fma(simd.add(y, x), slope, gate);
        [simd.mul(gradient, of_y), simd.mul(gradient, gate)]
    }
}
