//! The context encoder's LayerNorm: `g * (x - mean) / (std + 1e-5) + b`, std with Bessel's
//! correction (divided by n - 1), and epsilon added to it rather than to the variance.

use burn::module::{Module, Param};
use burn::nn::Initializer;
use burn::tensor::{Device, Tensor};
use flowinone_kernels::sample_norm;

const EPSILON: f64 = 1e-5;

/// A LayerNorm that divides by the sample standard deviation.
#[derive(Module, Debug)]
pub(crate) struct SampleNorm {
    g: Param<Tensor<1>>,
    b: Param<Tensor<1>>,
}

impl SampleNorm {
    pub(crate) fn new(width: usize, device: &Device) -> Self {
        Self {
            g: Initializer::Ones.init([width], device),
            b: Initializer::Zeros.init([width], device),
        }
    }

    /// Tokens `[batch, tokens, width]` to the same shape, computed in float32.
    pub(crate) fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        sample_norm(
            x,
            self.g.val().unsqueeze(),
            self.b.val().unsqueeze(),
            EPSILON,
        )
    }
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;

    #[test]
    fn the_deviation_is_that_of_a_sample() {
        let device = Device::flex();
        let x = Tensor::<3>::from_floats([[[1.0, 2.0, 3.0, 6.0]]], &device);
        let y: Vec<f32> = SampleNorm::new(4, &device)
            .forward(x)
            .into_data()
            .try_to_vec()
            .unwrap();
        let std = (14.0f64 / 3.0).sqrt() + 1e-5;
        for (y, centred) in y.iter().zip([-2.0, -1.0, 0.0, 3.0]) {
            assert!((f64::from(*y) - centred / std).abs() < 1e-6);
        }
    }
}
