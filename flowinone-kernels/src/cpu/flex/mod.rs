//! The kernels as operations of Burn: an [`Operation`] on Flex tensors knows its result and its
//! gradients, and [`Kernels`] leads tensors of any backend there, with or without gradients.

mod attention;
mod convolution;
mod depthwise;
#[cfg(feature = "autodiff")]
mod gradients;
mod linear;
mod norms;
mod operation;
mod pointwise;
mod prelu;

use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{
    Backend, Dispatch, DispatchDevice, DispatchTensorKind, Flex, backend_extension,
};
use burn::tensor::{DType, Device, Tensor};

pub(crate) use attention::{Attention, CrossAttention, SelfAttention};
pub(crate) use convolution::{Convolution, Fused, Reach};
pub(crate) use depthwise::Depthwise;
pub(crate) use linear::{AddPackedLinear, Linear, LinearWithBias, PackedLinear, pack};
pub(crate) use norms::{GroupNormSilu, Moments, Norm, NormWithBias, Normed};
use operation::Operation;
pub(crate) use pointwise::{Gated, Geglu, Gelu, Silu, Softmax};
pub(crate) use prelu::Prelu;

/// Operations of one, two and three tensors.
#[cfg_attr(feature = "autodiff", backend_extension(Autodiff, Flex))]
#[cfg_attr(not(feature = "autodiff"), backend_extension(Flex))]
trait Kernels: Backend {
    fn of_one<O: Operation<1>>(operation: O, a: FloatTensor<Self>) -> FloatTensor<Self>;

    fn of_two<O: Operation<2>>(
        operation: O,
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    fn of_three<O: Operation<3>>(
        operation: O,
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        c: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
}

impl Kernels for Flex {
    fn of_one<O: Operation<1>>(operation: O, a: FlexTensor) -> FlexTensor {
        operation.forward([a]).0
    }

    fn of_two<O: Operation<2>>(operation: O, a: FlexTensor, b: FlexTensor) -> FlexTensor {
        operation.forward([a, b]).0
    }

    fn of_three<O: Operation<3>>(
        operation: O,
        a: FlexTensor,
        b: FlexTensor,
        c: FlexTensor,
    ) -> FlexTensor {
        operation.forward([a, b, c]).0
    }
}

/// Whether the kernels take a tensor: float32, on Flex.
pub(crate) fn takes<const D: usize>(x: &Tensor<D>) -> bool {
    let device = x.device();
    let on_flex = match device.as_dispatch() {
        DispatchDevice::Flex(_) => true,
        #[cfg(feature = "autodiff")]
        DispatchDevice::Autodiff(device) => matches!(**device, DispatchDevice::Flex(_)),
        #[allow(
            unreachable_patterns,
            reason = "the other backends that are compiled in"
        )]
        _ => false,
    };
    on_flex && x.dtype() == DType::F32
}

/// Whether tensors on a device take the kernels and no gradients.
pub(crate) fn only_computes(device: &Device) -> bool {
    matches!(device.as_dispatch(), DispatchDevice::Flex(_))
}

/// The tensor on Flex, if it lies there and no gradients are asked for.
pub(crate) fn on_flex<const D: usize>(x: Tensor<D>) -> Option<FlexTensor> {
    match x.into_dispatch().kind {
        DispatchTensorKind::Flex(tensor) => Some(tensor.float()),
        #[allow(
            unreachable_patterns,
            reason = "the other backends that are compiled in"
        )]
        _ => None,
    }
}

/// The operation's result for one tensor that the kernels take.
pub(crate) fn of_one<const A: usize, const OUT: usize>(
    operation: impl Operation<1>,
    a: Tensor<A>,
) -> Tensor<OUT> {
    let y = <Dispatch as Kernels>::of_one(operation, a.into_dispatch());
    Tensor::from_dispatch(y)
}

/// The operation's result for two tensors that the kernels take.
pub(crate) fn of_two<const A: usize, const B: usize, const OUT: usize>(
    operation: impl Operation<2>,
    a: Tensor<A>,
    b: Tensor<B>,
) -> Tensor<OUT> {
    let y = <Dispatch as Kernels>::of_two(operation, a.into_dispatch(), b.into_dispatch());
    Tensor::from_dispatch(y)
}

/// The operation's result for three tensors that the kernels take.
pub(crate) fn of_three<const A: usize, const B: usize, const C: usize, const OUT: usize>(
    operation: impl Operation<3>,
    a: Tensor<A>,
    b: Tensor<B>,
    c: Tensor<C>,
) -> Tensor<OUT> {
    let (a, b, c) = (a.into_dispatch(), b.into_dispatch(), c.into_dispatch());
    let y = <Dispatch as Kernels>::of_three(operation, a, b, c);
    Tensor::from_dispatch(y)
}
