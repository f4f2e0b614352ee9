//! Convolution of maps.

use burn::tensor::Tensor;

#[cfg(feature = "cpu")]
use crate::flex::{self, of_three, takes};
use crate::stock;

/// Convolution of maps `[batch, input, height, width]` with weights `[output, input, K, K]` and a
/// `bias` `[output]`; zeros around the maps, K odd, so that height and width stay.
///
/// # Panics
/// If the shapes do not fit each other, or K is even.
pub fn convolution(x: Tensor<4>, weight: Tensor<4>, bias: Tensor<1>) -> Tensor<4> {
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
        return of_three(flex::Convolution, x, weight, bias);
    }
    stock::convolution(x, weight, bias)
}
