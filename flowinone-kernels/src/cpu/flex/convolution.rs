//! Convolution of Flex tensors.

use burn::backend::flex::FlexTensor;
use burn::backend::{Flex, ops::ModuleOps};
use burn::tensor::ops::ConvOptions;

use super::operation::{Operation, in_order, shape, tensor, values};
use crate::cpu::convolution::{Layer, Maps, Way, convolved, gradient, turned};
use crate::cpu::simd::level::SimdLevel;
use crate::cpu::simd::{Kernel, Simd};
use crate::dtype::Dtype;

/// Of maps `[batch, input, height, width]` with weights `[output, input, K, K]` and biases
/// `[output]`.
#[derive(Debug, Clone)]
pub(crate) struct Convolution {
    pub(crate) precision: Dtype,
    pub(crate) reach: Reach,
}

/// What the results of a convolution see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// As many results as pixels, each what lies around its own; K is odd.
    Around,
    /// Half as many along each side: result i sees pixels 2 i to 2 i + K - 1.
    Halving,
}

impl Convolution {
    fn maps(&self, x: &FlexTensor, weight: &FlexTensor) -> Maps {
        let [batch, input, height, width] = x.layout().shape().dims();
        let [output, _, _, kernel] = weight.layout().shape().dims();
        let (stride, before) = match self.reach {
            Reach::Around => (1, kernel / 2),
            Reach::Halving => (2, 0),
        };
        Maps {
            batch,
            input,
            output,
            height: height / stride,
            width: width / stride,
            kernel,
            stride,
            before,
            repeat: 1,
        }
    }
}

impl Operation<3> for Convolution {
    type Saved = [FlexTensor; 2];

    fn forward(&self, inputs: [FlexTensor; 3]) -> (FlexTensor, Self::Saved) {
        let [x, weight, bias] = inputs.map(in_order);
        let maps = self.maps(&x, &weight);
        let layer = Layer {
            weight: values(&weight),
            bias: Some(values(&bias)),
            slopes: None,
        };
        let y = convolved(
            SimdLevel::current(),
            self.precision,
            Way::Fastest,
            maps,
            &[values(&x)],
            layer,
        );
        let shape = vec![maps.batch, maps.output, maps.height, maps.width];
        (tensor(y, shape), [x, weight])
    }

    fn backward(
        &self,
        [x, weight]: Self::Saved,
        gradient: FlexTensor,
        [of_x, of_weight, of_bias]: [bool; 3],
    ) -> [Option<FlexTensor>; 3] {
        let maps = self.maps(&x, &weight);
        let dy = in_order(gradient);
        let db = of_bias.then(|| tensor(sums_of_channels(maps, values(&dy)), vec![maps.output]));
        let dx = of_x.then(|| {
            let (level, weight, dy) = (SimdLevel::current(), values(&weight), values(&dy));
            let dx = match self.reach {
                Reach::Halving => gradient::of_halved(level, maps, weight, dy),
                Reach::Around => {
                    let turned = turned(maps, weight);
                    let back = Maps {
                        input: maps.output,
                        output: maps.input,
                        ..maps
                    };
                    let layer = Layer::of(&turned);
                    convolved(level, Dtype::F32, Way::Fastest, back, &[dy], layer)
                }
            };
            tensor(dx, shape(&x))
        });
        let dw = of_weight.then(|| match gradient::supports(maps) {
            true => {
                let dw = gradient::of_weights(SimdLevel::current(), maps, values(&x), values(&dy));
                tensor(dw, shape(&weight))
            }
            // Kernels of other sides are rare in training: Burn's own gradient does.
            false => {
                let options = ConvOptions::new([maps.stride; 2], [maps.before; 2], [1, 1], 1);
                let x = match self.reach {
                    Reach::Halving => with_zeros(maps, &x),
                    Reach::Around => x,
                };
                Flex::conv2d_weight_backward(x, weight, dy, options)
            }
        });
        [dx, dw, db]
    }
}

/// The convolution of [`fused_convolution`](crate::fused_convolution): of weights, biases and
/// slopes, on a device that [only computes](super::only_computes).
#[derive(Debug, Clone)]
pub(crate) struct Fused {
    pub(crate) precision: Dtype,
    pub(crate) repeat: usize,
    /// `[batch, channels, height, width]` each, one behind the other.
    pub(crate) parts: Vec<FlexTensor>,
}

impl Operation<3> for Fused {
    type Saved = ();

    fn forward(&self, inputs: [FlexTensor; 3]) -> (FlexTensor, ()) {
        let parts: Vec<_> = self.parts.iter().cloned().map(in_order).collect();
        let [weight, bias, slopes] = inputs.map(in_order);
        let [batch, _, height, width] = parts[0].layout().shape().dims();
        let [output, input, kernel, _] = weight.layout().shape().dims();
        let maps = Maps {
            batch,
            input,
            output,
            height: self.repeat * height,
            width: self.repeat * width,
            kernel,
            stride: 1,
            before: kernel / 2,
            repeat: self.repeat,
        };
        let layer = Layer {
            weight: values(&weight),
            bias: Some(values(&bias)),
            slopes: Some(values(&slopes)),
        };
        let x: Vec<_> = parts.iter().map(values).collect();
        let level = SimdLevel::current();
        let y = convolved(level, self.precision, Way::BySize, maps, &x, layer);
        (tensor(y, vec![batch, output, maps.height, maps.width]), ())
    }

    fn backward(&self, (): (), _: FlexTensor, _: [bool; 3]) -> [Option<FlexTensor>; 3] {
        unreachable!("never recorded: only on devices without gradients")
    }
}

/// The input with the zeros behind it that its last results see.
fn with_zeros(maps: Maps, x: &FlexTensor) -> FlexTensor {
    let zeros = maps.kernel - maps.stride; // the kernel skips no pixel
    let [height, width] = [maps.height, maps.width].map(|side| maps.stride * side);
    let (rows, columns) = (height + zeros, width + zeros);
    let mut padded = vec![0.0; maps.batch * maps.input * rows * columns];
    let planes = padded.chunks_exact_mut(rows * columns);
    for (plane, x) in planes.zip(values(x).chunks_exact(height * width)) {
        for (row, x) in plane.chunks_exact_mut(columns).zip(x.chunks_exact(width)) {
            row[..width].copy_from_slice(x);
        }
    }
    tensor(padded, vec![maps.batch, maps.input, rows, columns])
}

/// The sum of every channel of the result's size, over all items.
fn sums_of_channels(maps: Maps, values: &[f32]) -> Vec<f32> {
    let mut sums = vec![0.0; maps.output];
    for (index, channel) in values.chunks_exact(maps.height * maps.width).enumerate() {
        sums[index % maps.output] += f64::from(SimdLevel::current().run(Sum(channel)));
    }
    sums.into_iter().map(|sum: f64| sum as f32).collect()
}

/// The sum of some values, lane by lane.
struct Sum<'a>(&'a [f32]);

impl Kernel for Sum<'_> {
    type Output = f32;

    #[inline(always)]
    fn run<V: Simd>(self, simd: V) -> f32 {
        let mut sums = [simd.splat(0.0); 4];
        for part in self.0.chunks(4 * V::WIDTH) {
            for (index, sum) in sums.iter_mut().enumerate() {
                let vector = part.get(index * V::WIDTH..).unwrap_or(&[]);
                *sum = simd.add(*sum, simd.load_at(vector, 0, 0.0));
            }
        }
        sums.into_iter().map(|sum| simd.sum(sum)).sum()
    }
}
