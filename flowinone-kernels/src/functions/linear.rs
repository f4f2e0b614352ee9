//! Linear layers.

use burn::tensor::Tensor;

#[cfg(feature = "cpu")]
use crate::flex::{self, of_three, of_two, takes};
use crate::stock;

/// Below so many rows, packing the weights costs more than it saves.
#[cfg(feature = "cpu")]
const FEWEST_ROWS: usize = 24;

/// `x w + b` of rows `x` `[rows, input]`, weights `[input, output]` and biases `[output]`.
///
/// # Panics
/// If the shapes do not fit each other.
pub fn linear(x: Tensor<2>, weight: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<2> {
    let ([_rows, input], [rows, output]) = (x.dims(), weight.dims());
    assert_eq!(input, rows, "{input} numbers a row for weights of {rows}");
    if let Some(bias) = &bias {
        assert_eq!(bias.dims(), [output], "one bias for each output");
    }
    #[cfg(feature = "cpu")]
    if _rows >= FEWEST_ROWS && takes(&x) && takes(&weight) && bias.as_ref().is_none_or(takes) {
        return match bias {
            Some(bias) => of_three(flex::LinearWithBias, x, weight, bias),
            None => of_two(flex::Linear, x, weight),
        };
    }
    stock::linear(x, weight, bias)
}
