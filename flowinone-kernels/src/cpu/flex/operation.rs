//! What an operation on Flex tensors is, and how it reads and makes them.

use std::fmt::Debug;

use burn::backend::flex::FlexTensor;
use burn::tensor::TensorData;

/// A function of `N` tensors of float32.
pub(crate) trait Operation<const N: usize>: Clone + Debug + Send + Sync + 'static {
    /// What the gradients need.
    type Saved: Clone + Debug + Send + 'static;

    /// The result, and what its gradients need.
    fn forward(&self, inputs: [FlexTensor; N]) -> (FlexTensor, Self::Saved);

    /// The gradients of the inputs, from that of the result; those that are not `wanted` may be
    /// left out.
    fn backward(
        &self,
        saved: Self::Saved,
        gradient: FlexTensor,
        wanted: [bool; N],
    ) -> [Option<FlexTensor>; N];
}

/// The tensor with its values in order.
pub(super) fn in_order(x: FlexTensor) -> FlexTensor {
    match x.is_contiguous() {
        true => x,
        false => x.to_contiguous(),
    }
}

/// The values of a tensor that is [`in_order`].
pub(super) fn values(x: &FlexTensor) -> &[f32] {
    x.as_slice().expect("float32, in order")
}

pub(super) fn shape(x: &FlexTensor) -> Vec<usize> {
    x.layout().shape().to_vec()
}

pub(super) fn tensor(values: Vec<f32>, shape: Vec<usize>) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape))
}
