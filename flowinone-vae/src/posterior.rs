//! The distribution of latents that an encoder gives for a picture: a normal one for each value,
//! `z = scale * (mean + exp(log_var / 2) * noise)`.

use burn::tensor::Tensor;

/// Log-variances are kept within these bounds, so that no standard deviation over- or underflows.
const LOG_VAR: (f32, f32) = (-30.0, 20.0);

/// A diagonal normal distribution over latents `[b, c, h, w]`.
#[derive(Debug, Clone)]
pub struct Posterior {
    mean: Tensor<4>,
    log_var: Tensor<4>,
    scale: f64,
}

impl Posterior {
    /// Splits moments `[b, 2 c, h, w]` into means (first half of the channels) and log-variances,
    /// the latter clamped to [-30, 20]; `scale` is applied to what is drawn.
    ///
    /// # Panics
    /// If the number of channels is odd.
    pub fn from_moments(moments: Tensor<4>, scale: f64) -> Self {
        let [_, channels, _, _] = moments.dims();
        assert!(
            channels % 2 == 0,
            "moments are means and log-variances, but {channels} channels are not two halves"
        );
        let mut halves = moments.chunk(2, 1).into_iter(); // [b, c, h, w] each
        let (Some(mean), Some(log_var)) = (halves.next(), halves.next()) else {
            panic!("moments need at least two channels");
        };
        Self {
            mean,
            log_var: log_var.clamp(LOG_VAR.0, LOG_VAR.1),
            scale,
        }
    }

    /// Means `[b, c, h, w]`, unscaled.
    pub fn mean(&self) -> Tensor<4> {
        self.mean.clone()
    }

    /// Clamped log-variances `[b, c, h, w]`, unscaled.
    pub fn log_var(&self) -> Tensor<4> {
        self.log_var.clone()
    }

    /// The factor between this distribution and the latents drawn from it.
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// The most likely latent, `scale * mean`: `[b, c, h, w]`.
    pub fn mode(self) -> Tensor<4> {
        self.mean * self.scale
    }

    /// The latent for `noise` drawn from a standard normal distribution:
    /// `scale * (mean + exp(log_var / 2) * noise)`, `[b, c, h, w]`.
    ///
    /// # Panics
    /// If `noise` has another shape than the means.
    pub fn sample(self, noise: Tensor<4>) -> Tensor<4> {
        assert_eq!(
            noise.dims(),
            self.mean.dims(),
            "noise (left) must have the shape of the latent (right)"
        );
        let std = (self.log_var * 0.5).exp();
        (self.mean + std * noise) * self.scale
    }
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};

    fn moments(values: [f32; 2]) -> Tensor<4> {
        Tensor::from_data(
            TensorData::new(values.to_vec(), [1, 2, 1, 1]),
            &Device::flex(),
        )
    }

    fn value(tensor: Tensor<4>) -> f32 {
        tensor.into_scalar()
    }

    #[test]
    fn the_sample_is_the_scaled_affine_image_of_the_noise() {
        let posterior = Posterior::from_moments(moments([0.5, 4f32.ln()]), 0.25);
        let noise = Tensor::full([1, 1, 1, 1], 3.0, &Device::flex());
        assert_eq!(value(posterior.clone().mode()), 0.125);
        assert!((value(posterior.sample(noise)) - 0.25 * 6.5).abs() < 1e-6);
    }

    #[test]
    fn log_variances_stay_between_minus_30_and_20() {
        let log_var = |v| value(Posterior::from_moments(moments([0.0, v]), 1.0).log_var());
        assert_eq!(
            [-99.0, -30.0, 3.0, 99.0].map(log_var),
            [-30.0, -30.0, 3.0, 20.0]
        );
    }

    #[test]
    #[should_panic(expected = "noise (left) must have the shape of the latent (right)")]
    fn noise_of_another_shape_is_refused() {
        let posterior = Posterior::from_moments(moments([0.0, 0.0]), 1.0);
        posterior.sample(Tensor::zeros([1, 1, 2, 1], &Device::flex()));
    }
}
