//! Convolution of Flex tensors.

use burn::backend::flex::FlexTensor;
use burn::backend::{Flex, ops::ModuleOps};
use burn::tensor::ops::ConvOptions;

use super::{Operation, in_order, numbers, shape, tensor};
use crate::Precision;
use crate::convolution::{Maps, convolved, turned};
use crate::level::Level;

/// Of maps `[batch, input, height, width]` with weights `[output, input, K, K]` and biases
/// `[output]`.
#[derive(Debug, Clone)]
pub(crate) struct Convolution {
    pub(crate) precision: Precision,
}

fn maps(x: &FlexTensor, weight: &FlexTensor) -> Maps {
    let [batch, input, height, width] = x.layout().shape().dims();
    let [output, _, _, kernel] = weight.layout().shape().dims();
    Maps {
        batch,
        input,
        output,
        height,
        width,
        kernel,
    }
}

impl Operation<3> for Convolution {
    type Saved = [FlexTensor; 2];

    fn forward(&self, inputs: [FlexTensor; 3]) -> (FlexTensor, Self::Saved) {
        let [x, weight, bias] = inputs.map(in_order);
        let maps = maps(&x, &weight);
        let bias = Some(numbers(&bias));
        let (of_x, weights) = (numbers(&x), numbers(&weight));
        let y = convolved(Level::current(), self.precision, maps, of_x, weights, bias);
        let shape = vec![maps.batch, maps.output, maps.height, maps.width];
        (tensor(y, shape), [x, weight])
    }

    fn backward(
        &self,
        [x, weight]: Self::Saved,
        gradient: FlexTensor,
        [of_x, of_weight, of_bias]: [bool; 3],
    ) -> [Option<FlexTensor>; 3] {
        let maps = maps(&x, &weight);
        let dy = in_order(gradient);
        let dx = of_x.then(|| {
            let weight = turned(maps, numbers(&weight));
            let back = Maps {
                input: maps.output,
                output: maps.input,
                ..maps
            };
            let exact = Precision::Float32;
            let dx = convolved(Level::current(), exact, back, numbers(&dy), &weight, None);
            tensor(dx, shape(&x))
        });
        // Sums over all pixels, where Burn's own are as good.
        let options = || ConvOptions::new([1, 1], [maps.kernel / 2; 2], [1, 1], 1);
        let dw = of_weight.then(|| {
            Flex::conv2d_weight_backward(x.clone(), weight.clone(), dy.clone(), options())
        });
        let db = of_bias.then(|| {
            let plane = maps.height * maps.width;
            let mut sums = vec![0.0; maps.output];
            for (index, channel) in numbers(&dy).chunks_exact(plane).enumerate() {
                sums[index % maps.output] += channel.iter().map(|g| f64::from(*g)).sum::<f64>();
            }
            let sums = sums.into_iter().map(|sum: f64| sum as f32).collect();
            tensor(sums, vec![maps.output])
        });
        [dx, dw, db]
    }
}
