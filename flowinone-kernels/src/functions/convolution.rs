//! Convolution of maps.

use burn::tensor::Tensor;

use super::packed::Precision;

#[cfg(feature = "cpu")]
use crate::flex::{self, of_three, takes};
use crate::stock;

/// Convolution of maps `[batch, input, height, width]` with weights `[output, input, K, K]` and a
/// `bias` `[output]`; zeros around the maps, K odd, so that height and width stay.
///
/// With a precision below float32, processors with AVX512-BF16 round maps and weights to bfloat16 and
/// sum in float32. Elsewhere all is float32.
///
/// # Panics
/// If the shapes do not fit each other, or K is even.
pub fn convolution(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Tensor<1>,
    precision: Precision,
) -> Tensor<4> {
    let ([_, input, ..], [output, _, _, kernel]) = (x.dims(), weight.dims());
    let expected = [output, input, kernel, kernel];
    assert_eq!(
        weight.dims(),
        expected,
        "square kernels for {input} channels"
    );
    assert_eq!(bias.dims(), [output], "one bias for each output channel");
    assert_eq!(kernel % 2, 1, "a kernel of side {kernel} has no middle");
    #[cfg(feature = "cpu")]
    if takes(&x) && takes(&weight) && takes(&bias) {
        return of_three(flex::Convolution { precision }, x, weight, bias);
    }
    let _ = precision;
    stock::convolution(x, weight, bias)
}
