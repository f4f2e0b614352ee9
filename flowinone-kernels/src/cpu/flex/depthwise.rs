//! Depthwise convolution of Flex tensors.

use burn::backend::flex::FlexTensor;

use super::operation::{Operation, in_order, shape, tensor, values};
use crate::cpu::convolution::depthwise::{
    Map, convolved, gradient_of_input, gradients_of_parameters,
};
use crate::cpu::simd::level::SimdLevel;

/// Of tokens `[batch, height * width, channels]` with weights `[channels, 1, K, K]` and biases
/// `[channels]`.
#[derive(Debug, Clone)]
pub(crate) struct Depthwise {
    /// Tokens in a row of the map.
    pub(crate) width: usize,
}

impl Depthwise {
    fn map(&self, x: &FlexTensor, weight: &FlexTensor) -> Map {
        let [batch, tokens, channels] = x.layout().shape().dims();
        let [_, _, _, kernel] = weight.layout().shape().dims();
        Map {
            batch,
            height: tokens / self.width,
            width: self.width,
            channels,
            kernel,
        }
    }
}

impl Operation<3> for Depthwise {
    type Saved = [FlexTensor; 2];

    fn forward(&self, inputs: [FlexTensor; 3]) -> (FlexTensor, Self::Saved) {
        let [x, weight, bias] = inputs.map(in_order);
        let map = self.map(&x, &weight);
        let parameters = [values(&weight), values(&bias)];
        let y = convolved(
            SimdLevel::current(),
            map,
            values(&x),
            parameters[0],
            parameters[1],
        );
        (tensor(y, shape(&x)), [x, weight])
    }

    fn backward(
        &self,
        [x, weight]: Self::Saved,
        gradient: FlexTensor,
        [of_x, of_weight, of_bias]: [bool; 3],
    ) -> [Option<FlexTensor>; 3] {
        let (level, map) = (SimdLevel::current(), self.map(&x, &weight));
        let dy = in_order(gradient);
        let dx = of_x.then(|| {
            let dx = gradient_of_input(level, map, values(&dy), values(&weight));
            tensor(dx, shape(&x))
        });
        if !of_weight && !of_bias {
            return [dx, None, None];
        }
        let [dw, db] = gradients_of_parameters(level, map, values(&x), values(&dy));
        let dw = tensor(dw, shape(&weight));
        [dx, Some(dw), Some(tensor(db, vec![map.channels]))]
    }
}
