//! Norms whose gains are curves in time:
//!
//! ```text
//! RMS norm:   scale(t) * x / (rms(x) + 1e-8),   rms(x) = sqrt(mean(x^2))
//! LayerNorm:  weight(t) * (x - mean) / sqrt(var + 1e-5) + bias(t)
//! ```
//!
//! Both compute in float32: the sum of squares of a wide token overflows half precision, and 1e-8
//! vanishes in it.

use burn::module::Module;
use burn::tensor::{DType, Device, Tensor};
use flowinone_kernels::{layer_norm, layer_norm_of_parts, rms_norm, rms_normalized};

use crate::time::{Curve, Tau};

const LAYER_NORM_EPSILON: f64 = 1e-5;

/// Root-mean-square norm with a gain that depends on time.
#[derive(Module, Debug)]
pub(crate) struct TimeRmsNorm {
    scale: Curve,
}

impl TimeRmsNorm {
    pub(crate) fn new(width: usize, device: &Device) -> Self {
        Self {
            scale: Curve::new(width, 1.0, device),
        }
    }

    /// Tokens `[batch, tokens, width]` to the same shape.
    pub(crate) fn forward(&self, x: Tensor<3>, tau: &Tau) -> Tensor<3> {
        rms_norm(x, self.scale.at(tau))
    }

    /// The same for tokens that are [`normalized`] already.
    pub(crate) fn gain(&self, normalized: Tensor<3>, tau: &Tau) -> Tensor<3> {
        let dtype = normalized.dtype();
        let scaled = normalized.cast(DType::F32) * self.scale.at(tau);
        scaled.cast(dtype)
    }
}

/// Tokens `[batch, tokens, width]`, each divided by its root mean square.
pub(crate) fn normalized(x: Tensor<3>) -> Tensor<3> {
    rms_normalized(x)
}

/// LayerNorm with gain and bias that depend on time.
#[derive(Module, Debug)]
pub(crate) struct TimeLayerNorm {
    weight: Curve,
    bias: Curve,
}

impl TimeLayerNorm {
    pub(crate) fn new(width: usize, device: &Device) -> Self {
        Self {
            weight: Curve::new(width, 1.0, device),
            bias: Curve::new(width, 0.0, device),
        }
    }

    /// Tokens `[batch, tokens, width]` to the same shape.
    pub(crate) fn forward(&self, x: Tensor<3>, tau: &Tau) -> Tensor<3> {
        let (weight, bias) = (self.weight.at(tau), self.bias.at(tau)); // [1 or batch, 1, width]
        layer_norm(x, weight, bias, LAYER_NORM_EPSILON)
    }

    /// The same for tokens whose channels come in parts, which are never joined.
    pub(crate) fn forward_parts(
        &self,
        parts: Vec<Tensor<3>>,
        tau: &Tau,
    ) -> impl Iterator<Item = Tensor<3>> {
        let (weight, bias) = (self.weight.at(tau), self.bias.at(tau));
        layer_norm_of_parts(parts, weight, bias, LAYER_NORM_EPSILON)
    }
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use crate::Time;

    #[test]
    fn epsilon_lies_outside_the_root() {
        let device = Device::flex();
        let x = Tensor::<3>::from_floats([[[3e-8, -4e-8], [3.0, 4.0]]], &device);
        let y: Vec<f32> = normalized(x).into_data().try_to_vec().unwrap();
        let rms = (12.5f64).sqrt();
        let expected = [
            3.0 / (rms + 1.0),
            -4.0 / (rms + 1.0),
            3.0 / (rms + 1e-8),
            4.0 / (rms + 1e-8),
        ];
        for (y, expected) in y.iter().zip(expected) {
            assert!((f64::from(*y) - expected).abs() < 1e-6, "{y} {expected}");
        }
    }

    #[test]
    fn layer_norm_of_equal_times_is_that_of_a_shared_time() {
        let device = Device::flex();
        let norm = TimeLayerNorm::new(3, &device);
        let x = Tensor::<3>::from_floats([[[1.0, 2.0, 4.0]], [[-1.0, 0.0, 5.0]]], &device);
        let times = Time::PerItem(Tensor::from_floats([0.4, 0.4], &device));
        let each = norm.forward(x.clone(), &times.taus(None, 2, &device).r);
        let shared = norm.forward(x, &Time::Shared(0.4).taus(None, 2, &device).r);
        let difference: f32 = (each - shared).abs().max().into_scalar();
        assert!(difference < 1e-6, "{difference}");
    }
}
