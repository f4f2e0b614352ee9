//! Norms of Flex tensors.

use burn::backend::flex::FlexTensor;

use super::operation::{Operation, in_order, shape, tensor, values};
use crate::cpu::norm::group::Maps;
use crate::cpu::norm::{Placed, Rows, Spread, moments_of_rows};
use crate::cpu::simd::level::SimdLevel;

/// A norm of the last axis of `x`, and its weights of one row, or of a row for each item.
#[derive(Debug, Clone)]
pub(crate) struct Norm(pub(crate) Spread);

/// The same with biases of the shape of the weights.
#[derive(Debug, Clone)]
pub(crate) struct NormWithBias(pub(crate) Spread);

fn rows<'a>(
    spread: Spread,
    [x, weight]: &'a [FlexTensor; 2],
    bias: Option<&'a FlexTensor>,
) -> Rows<'a> {
    Rows {
        x: values(x),
        weight: values(weight),
        bias: bias.map(values),
        width: *shape(x).last().expect("a norm is over the last axis"),
        spread,
    }
}

impl Operation<2> for Norm {
    type Saved = [FlexTensor; 2];

    fn forward(&self, inputs: [FlexTensor; 2]) -> (FlexTensor, Self::Saved) {
        let inputs = inputs.map(in_order);
        let y = rows(self.0, &inputs, None).normed(SimdLevel::current());
        (tensor(y, shape(&inputs[0])), inputs)
    }

    fn backward(
        &self,
        inputs: Self::Saved,
        gradient: FlexTensor,
        _: [bool; 2],
    ) -> [Option<FlexTensor>; 2] {
        let dy = in_order(gradient);
        let [dx, dw, _] = rows(self.0, &inputs, None).gradients(SimdLevel::current(), values(&dy));
        let [x, weight] = inputs;
        [tensor(dx, shape(&x)), tensor(dw, shape(&weight))].map(Some)
    }
}

impl Operation<3> for NormWithBias {
    type Saved = [FlexTensor; 2];

    fn forward(&self, inputs: [FlexTensor; 3]) -> (FlexTensor, Self::Saved) {
        let [x, weight, bias] = inputs.map(in_order);
        let saved = [x, weight];
        let y = rows(self.0, &saved, Some(&bias)).normed(SimdLevel::current());
        (tensor(y, shape(&saved[0])), saved)
    }

    fn backward(
        &self,
        saved: Self::Saved,
        gradient: FlexTensor,
        _: [bool; 3],
    ) -> [Option<FlexTensor>; 3] {
        let dy = in_order(gradient);
        let [dx, dw, db] = rows(self.0, &saved, None).gradients(SimdLevel::current(), values(&dy));
        let [x, weight] = saved.each_ref().map(shape);
        [
            tensor(dx, x),
            tensor(dw, weight.clone()),
            tensor(db, weight),
        ]
        .map(Some)
    }
}

/// Why there are no gradients: see [`crate::layer_norm_of_parts`].
const NO_GRADIENTS: &str = "tensors with gradients take Burn's own operations";

/// The mean of each row of `[batch, tokens, width]` and the sum of the squares around it,
/// `[batch, tokens, 2]`.
#[derive(Debug, Clone)]
pub(crate) struct Moments;

impl Operation<1> for Moments {
    type Saved = ();

    fn forward(&self, [x]: [FlexTensor; 1]) -> (FlexTensor, ()) {
        let x = in_order(x);
        let [batch, tokens, width] = x.layout().shape().dims();
        let moments = moments_of_rows(SimdLevel::current(), values(&x), width);
        (tensor(moments, vec![batch, tokens, 2]), ())
    }

    fn backward(&self, (): (), _: FlexTensor, _: [bool; 1]) -> [Option<FlexTensor>; 1] {
        unreachable!("{NO_GRADIENTS}")
    }
}

/// Rows `[batch, tokens, width]` with mean and factor `[batch, tokens, 2]`, weight and bias
/// `[1 or batch, 2, width]`.
#[derive(Debug, Clone)]
pub(crate) struct Normed;

impl Operation<3> for Normed {
    type Saved = ();

    fn forward(&self, inputs: [FlexTensor; 3]) -> (FlexTensor, ()) {
        let [x, spread, gains] = &inputs.map(in_order);
        let [_, _, width] = x.layout().shape().dims();
        let rows = Placed {
            x: values(x),
            spread: values(spread),
            gains: values(gains),
            width,
        };
        (tensor(rows.normed(SimdLevel::current()), shape(x)), ())
    }

    fn backward(&self, (): (), _: FlexTensor, _: [bool; 3]) -> [Option<FlexTensor>; 3] {
        unreachable!("{NO_GRADIENTS}")
    }
}

/// Group norm and SiLU of maps `[batch, channels, height, width]` with weights and biases
/// `[channels]`.
#[derive(Debug, Clone)]
pub(crate) struct GroupNormSilu {
    /// Groups of channels.
    pub(crate) groups: usize,
    /// Added to the variance.
    pub(crate) epsilon: f32,
}

impl GroupNormSilu {
    fn maps<'a>(&self, [x, weight, bias]: &'a [FlexTensor; 3]) -> Maps<'a> {
        Maps {
            x: values(x),
            weight: values(weight),
            bias: values(bias),
            groups: self.groups,
            pixels: shape(x)[2..].iter().product(),
            epsilon: self.epsilon,
        }
    }
}

impl Operation<3> for GroupNormSilu {
    type Saved = [FlexTensor; 3];

    fn forward(&self, inputs: [FlexTensor; 3]) -> (FlexTensor, Self::Saved) {
        let inputs = inputs.map(in_order);
        let y = self.maps(&inputs).normed(SimdLevel::current());
        (tensor(y, shape(&inputs[0])), inputs)
    }

    fn backward(
        &self,
        inputs: Self::Saved,
        gradient: FlexTensor,
        _: [bool; 3],
    ) -> [Option<FlexTensor>; 3] {
        let dy = in_order(gradient);
        let [dx, dw, db] = self
            .maps(&inputs)
            .gradients(SimdLevel::current(), values(&dy));
        let [x, weight, bias] = inputs.each_ref().map(shape);
        [tensor(dx, x), tensor(dw, weight), tensor(db, bias)].map(Some)
    }
}
