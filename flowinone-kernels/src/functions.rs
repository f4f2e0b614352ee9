//! The functions that models call.
//!
//! Each takes the fast path when its tensors are float32 on Flex, under automatic differentiation
//! as well, and Burn's own operations for everything else.

pub(crate) mod attention;
pub(crate) mod convolution;
pub(crate) mod dense;
pub(crate) mod dense_layers;
pub(crate) mod depthwise;
pub(crate) mod linear;
pub(crate) mod low_rank;
pub(crate) mod packed;
pub(crate) mod parts;

use burn::tensor::{Tensor, activation};

#[cfg(feature = "cpu")]
use crate::cpu::flex::{self, of_one, of_three, of_two, takes};
#[cfg(feature = "cpu")]
use crate::cpu::norm::Spread;
use crate::fallback;

/// Added to a root mean square.
const RMS_EPSILON: f64 = 1e-8;

/// `x N(x)` with the normal distribution function `N`: the exact form of GELU, not the one with
/// tanh.
pub fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "cpu")]
    if takes(&x) {
        return of_one(flex::Gelu, x);
    }
    activation::gelu(x)
}

/// `GELU(a) * b`, for tensors of one shape.
///
/// # Panics
/// If the shapes differ.
pub fn geglu<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
    let (gate, values) = (a.dims(), b.dims());
    assert_eq!(gate, values, "a gate of {gate:?} for values of {values:?}");
    #[cfg(feature = "cpu")]
    if takes(&a) && takes(&b) {
        return of_two(flex::Geglu, a, b);
    }
    fallback::geglu(a, b)
}

/// `x / (1 + exp(-x))`.
pub fn silu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "cpu")]
    if takes(&x) {
        return of_one(flex::Silu, x);
    }
    activation::silu(x)
}

/// `(y + x) (sigmoid(y) - 1/2)`, for tensors of one shape: SPAN's attention without parameters, the
/// result `y` of a block weighing its own sum with the shortcut `x`.
///
/// # Panics
/// If the shapes differ.
pub fn gated_shortcut<const D: usize>(y: Tensor<D>, x: Tensor<D>) -> Tensor<D> {
    let (result, shortcut) = (y.dims(), x.dims());
    assert_eq!(result, shortcut, "{result:?} beside {shortcut:?}");
    #[cfg(feature = "cpu")]
    if takes(&y) && takes(&x) {
        return of_two(flex::Gated, y, x);
    }
    fallback::gated_shortcut(y, x)
}

/// Softmax over the last axis.
pub fn softmax<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "cpu")]
    if takes(&x) {
        return of_one(flex::Softmax, x);
    }
    activation::softmax(x, D - 1)
}

/// Rows of `x` `[batch, tokens, width]` divided by their root mean square (plus 1e-8), in float32.
pub fn rms_normalized(x: Tensor<3>) -> Tensor<3> {
    #[cfg(feature = "cpu")]
    if takes(&x) {
        let [_, _, width] = x.dims();
        let one = Tensor::<3>::ones([1, 1, width], &x.device());
        return rms_norm(x, one);
    }
    fallback::rms_normalized(x, RMS_EPSILON)
}

/// `scale * x / (rms(x) + 1e-8)` over the rows of `x` `[batch, tokens, width]`, with a `scale`
/// `[1, 1, width]` or `[batch, 1, width]`; in float32, the result in the element type of `x`.
///
/// # Panics
/// If the scale has another shape.
pub fn rms_norm(x: Tensor<3>, scale: Tensor<3>) -> Tensor<3> {
    assert_of_items("scale", &scale, &x);
    #[cfg(feature = "cpu")]
    if takes(&x) && takes(&scale) {
        let epsilon = RMS_EPSILON as f32;
        return of_two(flex::Norm(Spread::RootMeanSquare { epsilon }), x, scale);
    }
    fallback::rms_norm(x, scale, RMS_EPSILON)
}

/// `weight * (x - mean) / sqrt(variance + epsilon) + bias` over the rows of `x`
/// `[batch, tokens, width]`, with `weight` and `bias` `[1, 1, width]` or `[batch, 1, width]`; in
/// float32, the result in the element type of `x`.
///
/// # Panics
/// If weight or bias have another shape.
pub fn layer_norm(x: Tensor<3>, weight: Tensor<3>, bias: Tensor<3>, epsilon: f64) -> Tensor<3> {
    assert_of_items("weight", &weight, &x);
    assert_eq!(weight.dims(), bias.dims(), "weight and bias of one shape");
    #[cfg(feature = "cpu")]
    if takes(&x) && takes(&weight) && takes(&bias) {
        let epsilon = epsilon as f32;
        let norm = flex::NormWithBias(Spread::Deviation { epsilon });
        return of_three(norm, x, weight, bias);
    }
    fallback::layer_norm(x, weight, bias, epsilon)
}

/// `weight * (x - mean) / (deviation + epsilon) + bias`, the deviation that of a sample (divided by
/// `width - 1`), over the rows of `x` `[batch, tokens, width]`, with `weight` and `bias`
/// `[1, 1, width]` or `[batch, 1, width]`.
///
/// # Panics
/// If weight or bias have another shape.
pub fn sample_norm(x: Tensor<3>, weight: Tensor<3>, bias: Tensor<3>, epsilon: f64) -> Tensor<3> {
    assert_of_items("weight", &weight, &x);
    assert_eq!(weight.dims(), bias.dims(), "weight and bias of one shape");
    #[cfg(feature = "cpu")]
    if takes(&x) && takes(&weight) && takes(&bias) {
        let epsilon = epsilon as f32;
        let norm = flex::NormWithBias(Spread::SampleDeviation { epsilon });
        return of_three(norm, x, weight, bias);
    }
    fallback::sample_norm(x, weight, bias, epsilon)
}

/// `SiLU(weight * (x - mean) / sqrt(variance + epsilon) + bias)` of maps
/// `[batch, channels, height, width]`: moments of `groups` groups of channels, `weight` and `bias`
/// `[channels]`.
///
/// # Panics
/// If the groups do not divide the channels, or weight or bias have another length.
pub fn group_norm_silu(
    x: Tensor<4>,
    weight: Tensor<1>,
    bias: Tensor<1>,
    groups: usize,
    epsilon: f64,
) -> Tensor<4> {
    let [_, channels, ..] = x.dims();
    assert_eq!(
        channels % groups,
        0,
        "{groups} groups of {channels} channels"
    );
    assert_eq!(weight.dims(), [channels], "one weight for each channel");
    assert_eq!(bias.dims(), [channels], "one bias for each channel");
    #[cfg(feature = "cpu")]
    if takes(&x) && takes(&weight) && takes(&bias) {
        let epsilon = epsilon as f32;
        return of_three(flex::GroupNormSilu { groups, epsilon }, x, weight, bias);
    }
    fallback::group_norm_silu(x, weight, bias, groups, epsilon)
}

/// Panics unless the parameter has one row for all items of `x`, or one for each.
pub(crate) fn assert_of_items(name: &str, parameter: &Tensor<3>, x: &Tensor<3>) {
    let ([batch, _, width], shape) = (x.dims(), parameter.dims());
    assert!(
        shape == [1, 1, width] || shape == [batch, 1, width],
        "a {name} of {shape:?} for [batch, tokens, width] {:?}",
        x.dims()
    );
}
