//! Convolution of maps.

use burn::tensor::Tensor;

use crate::dtype::Dtype;

#[cfg(feature = "cpu")]
use crate::cpu::flex::{self, of_three, of_two, takes};
use crate::fallback;

/// Convolution of maps `[batch, input, height, width]` with weights `[output, input, K, K]` and a
/// `bias` `[output]`; zeros around the maps, K odd, so that height and width stay.
///
/// With a precision below float32, processors with AVX512-BF16 round maps and weights to bfloat16
/// and sum in float32. Elsewhere all is float32.
///
/// # Panics
/// If the shapes do not fit each other, or K is even.
pub fn convolution(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Tensor<1>,
    precision: Dtype,
) -> Tensor<4> {
    let kernel = side(&x, &weight, &bias);
    assert_eq!(kernel % 2, 1, "a kernel of side {kernel} has no middle");
    #[cfg(feature = "cpu")]
    if takes(&x) && takes(&weight) && takes(&bias) {
        let reach = flex::Reach::Around;
        return of_three(flex::Convolution { precision, reach }, x, weight, bias);
    }
    let _ = precision;
    fallback::convolution(x, weight, bias)
}

/// Convolution of maps `[batch, input, height, width]` that halves height and width, with weights
/// `[output, input, K, K]` and a `bias` `[output]`: result i sees pixels 2 i to 2 i + K - 1 along
/// each side, zeros behind the last one. For the precision see [`convolution`].
///
/// # Panics
/// If the shapes do not fit each other, K is less than 2, or height or width is odd.
pub fn halving_convolution(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Tensor<1>,
    precision: Dtype,
) -> Tensor<4> {
    let ([_, _, height, width], kernel) = (x.dims(), side(&x, &weight, &bias));
    assert!(kernel >= 2, "a kernel of side {kernel} skips pixels");
    assert!(
        height % 2 == 0 && width % 2 == 0,
        "maps of {height} x {width} have no half"
    );
    #[cfg(feature = "cpu")]
    if takes(&x) && takes(&weight) && takes(&bias) {
        let reach = flex::Reach::Halving;
        return of_three(flex::Convolution { precision, reach }, x, weight, bias);
    }
    let _ = precision;
    fallback::halving_convolution(x, weight, bias)
}

/// `y = x` where `x >= 0`, else `slope x`, of maps `[batch, channels, height, width]` with one of
/// the `slopes` for each channel, which may be negative.
///
/// # Panics
/// If there is not one slope for each channel.
pub fn prelu(x: Tensor<4>, slopes: Tensor<1>) -> Tensor<4> {
    let [_, channels, ..] = x.dims();
    assert_eq!(slopes.dims(), [channels], "one slope for each channel");
    #[cfg(feature = "cpu")]
    if takes(&x) && takes(&slopes) {
        return of_two(flex::Prelu, x, slopes);
    }
    fallback::prelu(x, slopes)
}

/// `prelu(conv(x) + bias)` in one pass, with weights `[output, input, K, K]`, a `bias` and `slopes`
/// `[output]`, and K odd; `x` is the maps of `parts` `[batch, channels, height, width]`, one behind
/// the other in channels, with every pixel standing `repeat` times along each side. Neither the
/// joined nor the enlarged maps are laid out. The result is
/// `[batch, output, repeat * height, repeat * width]`.
///
/// How it is computed depends on channels and precision alone, and four by four pixels of the
/// result are computed together. Of a part of a map that begins at a multiple of four pixels of the
/// result, those of these squares that see nothing beyond its edges are those of the whole map, bit
/// by bit. For the precision see [`convolution`].
///
/// Under automatic differentiation it is [`convolution`] and [`prelu`], without a repetition.
///
/// # Panics
/// If the shapes do not fit each other, K is even, there is no part, or `repeat` is 0.
pub fn fused_convolution(
    parts: &[Tensor<4>],
    weight: Tensor<4>,
    bias: Tensor<1>,
    slopes: Tensor<1>,
    repeat: usize,
    precision: Dtype,
) -> Tensor<4> {
    let [output, input, kernel, _] = weight.dims();
    let channels: usize = parts.iter().map(|part| part.dims()[1]).sum();
    assert_eq!(channels, input, "channels of all parts, and of the weights");
    assert_eq!(weight.dims(), [output, input, kernel, kernel]);
    assert_eq!(kernel % 2, 1, "a kernel of side {kernel} has no middle");
    assert_eq!(bias.dims(), [output], "one bias for each output channel");
    assert_eq!(slopes.dims(), [output], "one slope for each output channel");
    assert!(repeat > 0, "no pixel stands 0 times");
    let size = |part: &Tensor<4>| {
        let [batch, _, height, width] = part.dims();
        [batch, height, width]
    };
    for part in parts {
        assert_eq!(size(part), size(&parts[0]), "parts of one size");
    }
    #[cfg(feature = "cpu")]
    if parts.iter().all(takes)
        && takes(&weight)
        && let Some(parts) = parts.iter().cloned().map(flex::on_flex).collect()
    {
        let operation = flex::Fused {
            precision,
            repeat,
            parts,
        };
        return of_three(operation, weight, bias, slopes);
    }
    let x = match parts {
        [x] => x.clone(),
        _ => Tensor::cat(parts.to_vec(), 1),
    };
    let x = fallback::repeated(x, repeat);
    prelu(convolution(x, weight, bias, precision), slopes)
}

/// The side of the kernels, whose shapes must fit.
fn side(x: &Tensor<4>, weight: &Tensor<4>, bias: &Tensor<1>) -> usize {
    let ([_, input, ..], [output, _, _, kernel]) = (x.dims(), weight.dims());
    assert_eq!(
        weight.dims(),
        [output, input, kernel, kernel],
        "square kernels for {input} channels"
    );
    assert_eq!(bias.dims(), [output], "one bias for each output channel");
    kernel
}
