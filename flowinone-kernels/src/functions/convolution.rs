//! Convolution of maps.

use burn::tensor::Tensor;

use crate::precision::Precision;

#[cfg(feature = "cpu")]
use crate::cpu::flex::{self, of_three, takes};
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
    precision: Precision,
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
    precision: Precision,
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
