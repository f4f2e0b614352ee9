//! Depthwise convolution of tokens.

use burn::tensor::Tensor;

#[cfg(feature = "cpu")]
use crate::cpu::flex::{self, of_three, takes};
use crate::fallback;

/// Depthwise convolution of tokens `[batch, height * width, channels]`, token
/// `row * width + column` being one pixel, with weights `[channels, 1, K, K]` and a `bias`
/// `[channels]`; zeros around the map, K odd, so that the result has the same shape.
///
/// # Panics
/// If the shapes do not fit each other, or K is even.
pub fn depthwise_convolution(
    x: Tensor<3>,
    width: usize,
    weight: Tensor<4>,
    bias: Tensor<1>,
) -> Tensor<3> {
    let ([_, tokens, channels], [.., kernel]) = (x.dims(), weight.dims());
    assert_eq!(tokens % width, 0, "{tokens} tokens in rows of {width}");
    let expected = [channels, 1, kernel, kernel];
    assert_eq!(
        weight.dims(),
        expected,
        "weights of {channels} square kernels"
    );
    assert_eq!(bias.dims(), [channels], "one bias for each channel");
    assert_eq!(kernel % 2, 1, "a kernel of side {kernel} has no middle");
    #[cfg(feature = "cpu")]
    if takes(&x)
        && takes(&weight)
        && takes(&bias)
        && crate::cpu::convolution::depthwise::supports(kernel)
    {
        return of_three(flex::Depthwise { width }, x, weight, bias);
    }
    fallback::depthwise_convolution(x, width, weight, bias)
}
