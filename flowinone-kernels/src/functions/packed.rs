//! Linear layers whose weights are arranged for the kernels once.

#[cfg(feature = "cpu")]
use std::sync::Arc;

use burn::tensor::Tensor;

#[cfg(feature = "cpu")]
use crate::flex;
use crate::stock;

/// How the weights of a [`PackedLinear`] are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Precision {
    /// As they are.
    Float32,
    /// Rounded to bfloat16, half the memory. Sums stay in float32; on processors with AVX512-BF16
    /// the input is rounded as well.
    BFloat16,
}

/// A linear layer `x w + b` with constant weights, kept in the order in which the kernels read them.
///
/// Only float32 weights on Flex are packed; with others, the layer keeps its tensors and computes as
/// [`linear`](crate::linear) does, whatever the precision asked for.
#[derive(Debug, Clone)]
pub struct PackedLinear(Kept);

#[derive(Debug, Clone)]
#[allow(
    clippy::large_enum_variant,
    reason = "one value a layer; the large variant is that of other backends"
)]
enum Kept {
    #[cfg(feature = "cpu")]
    Packed(Arc<crate::weights::Weights>),
    Tensors(Box<Tensors>),
}

#[derive(Debug, Clone)]
struct Tensors {
    weight: Tensor<2>,
    bias: Option<Tensor<1>>,
}

impl PackedLinear {
    /// From weights `[input, output]` and biases `[output]`; the tensors are given up.
    ///
    /// # Panics
    /// If there is not one bias for each output.
    pub fn new(weight: Tensor<2>, bias: Option<Tensor<1>>, precision: Precision) -> Self {
        let [_, output] = weight.dims();
        if let Some(bias) = &bias {
            assert_eq!(bias.dims(), [output], "one bias for each output");
        }
        #[cfg(feature = "cpu")]
        if flex::takes(&weight) && bias.as_ref().is_none_or(flex::takes) {
            let rounded = precision == Precision::BFloat16;
            return Self(Kept::Packed(Arc::new(flex::pack(weight, bias, rounded))));
        }
        let _ = precision;
        Self(Kept::Tensors(Box::new(Tensors { weight, bias })))
    }

    /// `x w + b` of rows `[rows, input]`, `[rows, output]`.
    ///
    /// # Panics
    /// If the rows have another width, or `x` is on another device or of another element type than
    /// the weights were.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        match &self.0 {
            #[cfg(feature = "cpu")]
            Kept::Packed(weights) => {
                let ([_, input], expected) = (x.dims(), weights.input());
                assert_eq!(
                    input, expected,
                    "{input} numbers a row for weights of {expected}"
                );
                assert!(flex::takes(&x), "packed weights take float32 on Flex");
                let operation = flex::PackedLinear(weights.clone());
                flex::of_one(operation, x)
            }
            Kept::Tensors(kept) => stock::linear(x, kept.weight.clone(), kept.bias.clone()),
        }
    }

    /// Bytes that the weights take, without the biases.
    pub fn bytes(&self) -> usize {
        match &self.0 {
            #[cfg(feature = "cpu")]
            Kept::Packed(weights) => weights.bytes(),
            Kept::Tensors(kept) => kept.weight.shape().num_elements() * kept.weight.dtype().size(),
        }
    }
}
