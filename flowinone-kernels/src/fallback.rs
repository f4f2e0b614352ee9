//! The functions in Burn's own operations: for other backends and element types, and what the
//! kernels are tested against.

use burn::tensor::ops::ConvOptions;
use burn::tensor::{DType, Tensor, activation, module};

/// `GELU(a) * b`.
pub(crate) fn geglu<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
    activation::gelu(a) * b
}

/// `(y + x) (sigmoid(y) - 1/2)`.
pub(crate) fn gated_shortcut<const D: usize>(y: Tensor<D>, x: Tensor<D>) -> Tensor<D> {
    let gate = activation::sigmoid(y.clone()).sub_scalar(0.5);
    (y + x) * gate
}

/// Each row divided by its root mean square, in float32.
pub(crate) fn rms_normalized(x: Tensor<3>, epsilon: f64) -> Tensor<3> {
    let dtype = x.dtype();
    let x = x.cast(DType::F32);
    let rms = x.clone().square().mean_dim(2).sqrt(); // [batch, tokens, 1]
    (x / rms.add_scalar(epsilon)).cast(dtype)
}

/// `scale * x / (rms(x) + epsilon)` in float32.
pub(crate) fn rms_norm(x: Tensor<3>, scale: Tensor<3>, epsilon: f64) -> Tensor<3> {
    let dtype = x.dtype();
    let normalized = rms_normalized(x.cast(DType::F32), epsilon);
    (normalized * scale.cast(DType::F32)).cast(dtype)
}

/// `weight * (x - mean) / sqrt(variance + epsilon) + bias` in float32.
pub(crate) fn layer_norm(
    x: Tensor<3>,
    weight: Tensor<3>,
    bias: Tensor<3>,
    epsilon: f64,
) -> Tensor<3> {
    let dtype = x.dtype();
    let [x, weight, bias] = [x, weight, bias].map(|x| x.cast(DType::F32));
    let [items, _, width] = weight.dims();
    let y = if items == 1 {
        let bias = bias.reshape([width]);
        module::layer_norm(x, weight.reshape([width]), Some(bias), epsilon)
    } else {
        let one = Tensor::ones([width], (&x.device(), DType::F32));
        module::layer_norm(x, one, None, epsilon) * weight + bias
    };
    y.cast(dtype)
}

/// `weight * (x - mean) / (deviation of a sample + epsilon) + bias`, the quotient in float32.
pub(crate) fn sample_norm(
    x: Tensor<3>,
    weight: Tensor<3>,
    bias: Tensor<3>,
    epsilon: f64,
) -> Tensor<3> {
    let dtype = x.dtype();
    let (variance, mean) = x.clone().cast(DType::F32).var_mean(2); // [batch, tokens, 1]
    let deviation = variance.sqrt().add_scalar(epsilon);
    let standardized = ((x.cast(DType::F32) - mean) / deviation).cast(dtype);
    standardized * weight + bias
}

/// `SiLU(weight * (x - mean) / sqrt(variance + epsilon) + bias)` by groups of channels.
pub(crate) fn group_norm_silu(
    x: Tensor<4>,
    weight: Tensor<1>,
    bias: Tensor<1>,
    groups: usize,
    epsilon: f64,
) -> Tensor<4> {
    let (shape, dtype) = (x.dims(), x.dtype());
    let [batch, channels, height, width] = shape;
    let x = x.cast(DType::F32);
    let x = x.reshape([batch, groups, channels / groups * height * width]);
    let x = x.clone() - x.mean_dim(2);
    let variance = x.clone().square().mean_dim(2); // [batch, groups, 1]
    let n = x / variance.add_scalar(epsilon).sqrt();
    let n = n.reshape(shape).cast(dtype);
    let [weight, bias] = [weight, bias].map(|each| each.reshape([1, channels, 1, 1]));
    activation::silu(n * weight + bias)
}

/// `softmax(q k^T / sqrt(d)) v` of `[batch, heads, tokens, d]`.
pub(crate) fn attention(q: Tensor<4>, k: Tensor<4>, v: Tensor<4>) -> Tensor<4> {
    module::attention(q, k, v, None, None, Default::default())
}

/// Cuts `[batch, tokens, N * heads * d]` into `N` consecutive parts `[batch, heads, tokens, d]`.
pub(crate) fn parts<const N: usize>(fused: Tensor<3>, heads: usize) -> [Tensor<4>; N] {
    let [batch, tokens, channels] = fused.dims();
    let all = fused
        .reshape([batch, tokens, N * heads, channels / (N * heads)])
        .swap_dims(1, 2);
    std::array::from_fn(|part| all.clone().narrow(1, part * heads, heads))
}

/// `[batch, heads, tokens, d]` to `[batch, tokens, heads * d]`.
pub(crate) fn joined(x: Tensor<4>) -> Tensor<3> {
    let [batch, heads, tokens, d] = x.dims();
    x.swap_dims(1, 2).reshape([batch, tokens, heads * d])
}

/// Depthwise convolution of tokens in rows of `width`, zeros around the map.
pub(crate) fn depthwise_convolution(
    x: Tensor<3>,
    width: usize,
    weight: Tensor<4>,
    bias: Tensor<1>,
) -> Tensor<3> {
    let ([batch, tokens, channels], [.., kernel]) = (x.dims(), weight.dims());
    let map = x.swap_dims(1, 2);
    let map = map.reshape([batch, channels, tokens / width, width]);
    let padding = [kernel / 2; 2];
    let options = ConvOptions::new([1, 1], padding, [1, 1], channels);
    let map = module::conv2d(map, weight, Some(bias), options);
    map.flatten::<3>(2, 3).swap_dims(1, 2)
}

/// `x w + b`.
pub(crate) fn linear(x: Tensor<2>, weight: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<2> {
    let y = x.matmul(weight);
    match bias {
        Some(bias) => y + bias.unsqueeze(),
        None => y,
    }
}

/// Convolution that keeps height and width, zeros around the maps.
pub(crate) fn convolution(x: Tensor<4>, weight: Tensor<4>, bias: Tensor<1>) -> Tensor<4> {
    let [.., kernel] = weight.dims();
    let options = ConvOptions::new([1, 1], [kernel / 2; 2], [1, 1], 1);
    module::conv2d(x, weight, Some(bias), options)
}

/// `x` where `x >= 0`, else `slope x`, by channels.
pub(crate) fn prelu(x: Tensor<4>, slopes: Tensor<1>) -> Tensor<4> {
    activation::prelu(x, slopes)
}

/// Every pixel `count` times along each side.
pub(crate) fn repeated(x: Tensor<4>, count: usize) -> Tensor<4> {
    if count == 1 {
        return x;
    }
    let [batch, channels, height, width] = x.dims();
    let x = x
        .reshape([batch * channels * height, width, 1])
        .repeat_dim(2, count);
    let x = x.reshape([batch * channels, height, count * width]);
    let x = x
        .reshape([batch * channels, height, 1, count * width])
        .repeat_dim(2, count);
    x.reshape([batch, channels, count * height, count * width])
}

/// `[batch, input, 2 h, 2 w]` to `[batch, output, h, w]`, zeros behind the maps.
pub(crate) fn halving_convolution(x: Tensor<4>, weight: Tensor<4>, bias: Tensor<1>) -> Tensor<4> {
    let [.., kernel] = weight.dims();
    let x = x.pad((0, kernel - 2, 0, kernel - 2), 0.0);
    let options = ConvOptions::new([2, 2], [0, 0], [1, 1], 1);
    module::conv2d(x, weight, Some(bias), options)
}
