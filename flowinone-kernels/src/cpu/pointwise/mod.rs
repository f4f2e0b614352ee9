//! Functions of single numbers:
//!
//! ```text
//! GELU(x) = x * N(x)       N the standard normal distribution function (the exact, erf, form)
//! GEGLU(a, b) = GELU(a) * b
//! SiLU(x) = x / (1 + exp(-x))
//! ```

pub(crate) mod math;
pub(crate) mod softmax;

use crate::cpu::parallel::filled;
use crate::cpu::pointwise::math::{normal, sigmoid};
use crate::cpu::simd::level::Level;
use crate::cpu::simd::{Kernel, Lanes, Slot};

/// `1 / sqrt(2 pi)`.
const DENSITY: f32 = 0.398_942_28;

/// `OUT` numbers made of `IN` numbers.
pub(crate) trait Pointwise<const IN: usize, const OUT: usize>: Copy + Sync {
    /// The function, on vectors.
    fn at<L: Lanes>(self, lanes: L, inputs: [L::Float; IN]) -> [L::Float; OUT];
}

/// Applies `function` to every number of the inputs, which are equally long.
pub(crate) fn pointwise<const IN: usize, const OUT: usize>(
    level: Level,
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
    fn run<L: Lanes>(self, lanes: L) {
        let count = self.inputs[0].len();
        let mut start = 0;
        while start < count {
            let mut inputs = [lanes.splat(0.0); IN];
            for (vector, input) in inputs.iter_mut().zip(self.inputs) {
                *vector = lanes.load_at(input, start, 0.0);
            }
            let outputs = self.function.at(lanes, inputs);
            for index in 0..OUT {
                lanes.store_at(outputs[index], self.targets[index], start);
            }
            start += L::WIDTH;
        }
    }
}

/// GELU.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gelu;

impl Pointwise<1, 1> for Gelu {
    #[inline(always)]
    fn at<L: Lanes>(self, lanes: L, [x]: [L::Float; 1]) -> [L::Float; 1] {
        [lanes.mul(x, normal(lanes, x).0)]
    }
}

/// `N(x) + x * density(x)`.
#[inline(always)]
fn gelu_slope<L: Lanes>(lanes: L, x: L::Float, below: L::Float, density: L::Float) -> L::Float {
    let density = lanes.mul(density, lanes.splat(DENSITY));
    lanes.fma(x, density, below)
}

/// Gradient of GELU: `x` and the gradient of the result to that of `x`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GeluGradient;

impl Pointwise<2, 1> for GeluGradient {
    #[inline(always)]
    fn at<L: Lanes>(self, lanes: L, [x, gradient]: [L::Float; 2]) -> [L::Float; 1] {
        let (below, density) = normal(lanes, x);
        [lanes.mul(gradient, gelu_slope(lanes, x, below, density))]
    }
}

/// GEGLU of `a` and `b`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Geglu;

impl Pointwise<2, 1> for Geglu {
    #[inline(always)]
    fn at<L: Lanes>(self, lanes: L, [a, b]: [L::Float; 2]) -> [L::Float; 1] {
        [lanes.mul(lanes.mul(a, normal(lanes, a).0), b)]
    }
}

/// Gradients of GEGLU: `a`, `b` and the gradient of the result to those of `a` and `b`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GegluGradient;

impl Pointwise<3, 2> for GegluGradient {
    #[inline(always)]
    fn at<L: Lanes>(self, lanes: L, [a, b, gradient]: [L::Float; 3]) -> [L::Float; 2] {
        let (below, density) = normal(lanes, a);
        let slope = gelu_slope(lanes, a, below, density);
        [
            lanes.mul(lanes.mul(gradient, b), slope),
            lanes.mul(gradient, lanes.mul(a, below)),
        ]
    }
}

/// SiLU.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Silu;

impl Pointwise<1, 1> for Silu {
    #[inline(always)]
    fn at<L: Lanes>(self, lanes: L, [x]: [L::Float; 1]) -> [L::Float; 1] {
        [lanes.mul(x, sigmoid(lanes, x).0)]
    }
}

/// SiLU's slope: `s + x s (1 - s)`, s the sigmoid of x.
#[inline(always)]
pub(crate) fn silu_slope<L: Lanes>(lanes: L, x: L::Float) -> L::Float {
    let (s, slope) = sigmoid(lanes, x);
    lanes.fma(x, slope, s)
}

/// Gradient of SiLU: `x` and the gradient of the result to that of `x`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SiluGradient;

impl Pointwise<2, 1> for SiluGradient {
    #[inline(always)]
    fn at<L: Lanes>(self, lanes: L, [x, gradient]: [L::Float; 2]) -> [L::Float; 1] {
        [lanes.mul(gradient, silu_slope(lanes, x))]
    }
}
