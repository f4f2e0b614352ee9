//! Elementwise operations and softmax of Flex tensors.

use burn::backend::flex::FlexTensor;

use super::operation::{Operation, in_order, shape, tensor, values};
use crate::cpu::pointwise::softmax::{softmax, softmax_gradient};
use crate::cpu::pointwise::{self, pointwise};
use crate::cpu::simd::level::SimdLevel;

/// GELU of one tensor.
#[derive(Debug, Clone)]
pub(crate) struct Gelu;

impl Operation<1> for Gelu {
    type Saved = FlexTensor;

    fn forward(&self, [x]: [FlexTensor; 1]) -> (FlexTensor, FlexTensor) {
        let x = in_order(x);
        let [y] = pointwise(SimdLevel::current(), pointwise::Gelu, [values(&x)]);
        (tensor(y, shape(&x)), x)
    }

    fn backward(
        &self,
        x: FlexTensor,
        gradient: FlexTensor,
        _: [bool; 1],
    ) -> [Option<FlexTensor>; 1] {
        let gradient = in_order(gradient);
        let inputs = [values(&x), values(&gradient)];
        pointwise(SimdLevel::current(), pointwise::GeluGradient, inputs)
            .map(|dx| Some(tensor(dx, shape(&x))))
    }
}

/// GEGLU of two tensors of one shape.
#[derive(Debug, Clone)]
pub(crate) struct Geglu;

impl Operation<2> for Geglu {
    type Saved = [FlexTensor; 2];

    fn forward(&self, inputs: [FlexTensor; 2]) -> (FlexTensor, [FlexTensor; 2]) {
        let [a, b] = inputs.map(in_order);
        let inputs = [values(&a), values(&b)];
        let [y] = pointwise(SimdLevel::current(), pointwise::Geglu, inputs);
        (tensor(y, shape(&a)), [a, b])
    }

    fn backward(
        &self,
        [a, b]: [FlexTensor; 2],
        gradient: FlexTensor,
        _: [bool; 2],
    ) -> [Option<FlexTensor>; 2] {
        let gradient = in_order(gradient);
        let inputs = [values(&a), values(&b), values(&gradient)];
        pointwise(SimdLevel::current(), pointwise::GegluGradient, inputs)
            .map(|gradient| Some(tensor(gradient, shape(&a))))
    }
}

/// SiLU of one tensor.
#[derive(Debug, Clone)]
pub(crate) struct Silu;

impl Operation<1> for Silu {
    type Saved = FlexTensor;

    fn forward(&self, [x]: [FlexTensor; 1]) -> (FlexTensor, FlexTensor) {
        let x = in_order(x);
        let [y] = pointwise(SimdLevel::current(), pointwise::Silu, [values(&x)]);
        (tensor(y, shape(&x)), x)
    }

    fn backward(
        &self,
        x: FlexTensor,
        gradient: FlexTensor,
        _: [bool; 1],
    ) -> [Option<FlexTensor>; 1] {
        let gradient = in_order(gradient);
        let inputs = [values(&x), values(&gradient)];
        pointwise(SimdLevel::current(), pointwise::SiluGradient, inputs)
            .map(|dx| Some(tensor(dx, shape(&x))))
    }
}

/// The gate of two tensors of one shape.
#[derive(Debug, Clone)]
pub(crate) struct Gated;

impl Operation<2> for Gated {
    type Saved = [FlexTensor; 2];

    fn forward(&self, inputs: [FlexTensor; 2]) -> (FlexTensor, [FlexTensor; 2]) {
        let [y, x] = inputs.map(in_order);
        let inputs = [values(&y), values(&x)];
        let [gated] = pointwise(SimdLevel::current(), pointwise::Gated, inputs);
        (tensor(gated, shape(&y)), [y, x])
    }

    fn backward(
        &self,
        [y, x]: [FlexTensor; 2],
        gradient: FlexTensor,
        _: [bool; 2],
    ) -> [Option<FlexTensor>; 2] {
        let gradient = in_order(gradient);
        let inputs = [values(&y), values(&x), values(&gradient)];
        pointwise(SimdLevel::current(), pointwise::GatedGradient, inputs)
            .map(|gradient| Some(tensor(gradient, shape(&y))))
    }
}

/// Softmax over the last axis.
#[derive(Debug, Clone)]
pub(crate) struct Softmax;

impl Operation<1> for Softmax {
    type Saved = FlexTensor;

    fn forward(&self, [x]: [FlexTensor; 1]) -> (FlexTensor, FlexTensor) {
        let x = in_order(x);
        let p = softmax(SimdLevel::current(), values(&x), last_axis(&x));
        let p = tensor(p, shape(&x));
        (p.clone(), p)
    }

    fn backward(
        &self,
        p: FlexTensor,
        gradient: FlexTensor,
        _: [bool; 1],
    ) -> [Option<FlexTensor>; 1] {
        let (gradient, width) = (in_order(gradient), last_axis(&p));
        let dx = softmax_gradient(SimdLevel::current(), values(&p), values(&gradient), width);
        [Some(tensor(dx, shape(&p)))]
    }
}

fn last_axis(x: &FlexTensor) -> usize {
    *shape(x).last().expect("a tensor has an axis")
}
