//! Linear layers.

#[cfg(feature = "cpu")]
use std::cell::Cell;

use burn::tensor::Tensor;

#[cfg(feature = "cpu")]
use crate::cpu::flex::{self, of_three, of_two, takes};
use crate::fallback;

/// Number of rows below which packing the weights costs more than it saves.
#[cfg(feature = "cpu")]
const FEWEST_ROWS: usize = 24;

#[cfg(feature = "cpu")]
thread_local! {
    /// Whether the factors of products are rounded.
    static ROUNDED: Cell<bool> = const { Cell::new(false) };
}

/// Does `work` with the factors of [`linear`] for 24 rows or more and those of attention rounded to
/// bfloat16, and those of their gradients, whenever these are computed; sums and softmax stay in
/// float32.
///
/// It is for training, whose steps have more noise than that, and takes two thirds of the time of a
/// step of the mini model on processors that [prefer bfloat16](crate::prefers_bfloat16). Elsewhere,
/// and on other devices, nothing changes. It holds for this thread alone, and for any job of
/// Rayon's that this thread takes over meanwhile.
pub fn in_bfloat16<R>(work: impl FnOnce() -> R) -> R {
    #[cfg(feature = "cpu")]
    let _before = {
        /// Restores, also while unwinding.
        struct Before(bool);
        impl Drop for Before {
            fn drop(&mut self) {
                ROUNDED.set(self.0);
            }
        }
        Before(ROUNDED.replace(true))
    };
    work()
}

/// Whether `work` of [`in_bfloat16`] is being done on this thread.
#[cfg(feature = "cpu")]
pub(super) fn rounds() -> bool {
    ROUNDED.get()
}

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
        let rounded = rounds();
        return match bias {
            Some(bias) => of_three(flex::LinearWithBias { rounded }, x, weight, bias),
            None => of_two(flex::Linear { rounded }, x, weight),
        };
    }
    fallback::linear(x, weight, bias)
}
