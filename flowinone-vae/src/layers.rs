//! The layers that every part shares: 3x3 convolutions, and group norm followed by
//! SiLU(x) = x * sigmoid(x).

use burn::module::Param;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{GroupNorm, GroupNormConfig, PaddingConfig2d};
use burn::tensor::{Device, Tensor};
use flowinone_kernels::{Dtype, convolution, group_norm_silu};

/// What the group norms add to a variance; Burn's and PyTorch's default is 1e-5.
const EPSILON: f64 = 1e-6;

/// A 3x3 convolution that keeps width and height.
pub(crate) fn conv3x3(input: usize, output: usize, device: &Device) -> Conv2d {
    Conv2dConfig::new([input, output], [3, 3])
        .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
        .init(device)
}

/// `conv(x)` for a [`conv3x3`] or [`conv1x1`].
pub(crate) fn convolve(conv: &Conv2d, x: Tensor<4>) -> Tensor<4> {
    convolve_in(Dtype::F32, conv, x)
}

/// The same with factors of that precision where the device can.
pub(crate) fn convolve_in(precision: Dtype, conv: &Conv2d, x: Tensor<4>) -> Tensor<4> {
    let (weight, bias) = weights(conv);
    convolution(x, weight, bias, precision)
}

/// Weights and biases of a convolution.
pub(crate) fn weights(conv: &Conv2d) -> (Tensor<4>, Tensor<1>) {
    let bias = conv.bias.as_ref().expect("made with a bias").val();
    (conv.weight.val(), bias)
}

/// A 1x1 convolution.
pub(crate) fn conv1x1(input: usize, output: usize, device: &Device) -> Conv2d {
    Conv2dConfig::new([input, output], [1, 1]).init(device)
}

/// A group norm with the gain and bias of each channel.
pub(crate) fn group_norm(groups: usize, channels: usize, device: &Device) -> GroupNorm {
    GroupNormConfig::new(groups, channels)
        .with_epsilon(EPSILON)
        .init(device)
}

/// Gain and bias of a norm, `[channels]` each.
pub(crate) fn gain_and_bias(norm: &GroupNorm) -> (Tensor<1>, Tensor<1>) {
    let value = |parameter: &Option<Param<Tensor<1>>>| {
        let parameter = parameter.as_ref();
        parameter.expect("every norm here has gain and bias").val()
    };
    (value(&norm.gamma), value(&norm.beta))
}

/// `SiLU(norm(x))`.
pub(crate) fn norm_silu(norm: &GroupNorm, x: Tensor<4>) -> Tensor<4> {
    let (weight, bias) = gain_and_bias(norm);
    group_norm_silu(x, weight, bias, norm.num_groups, norm.epsilon)
}
