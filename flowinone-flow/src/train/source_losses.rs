//! Losses on the source distribution: a KL term that keeps it near a standard normal, and a
//! contrastive loss that ties each start to the picture it must become.
//!
//! ```text
//! kl          = -1/2 sum(1 + log_var - (0.3 mean)^6 - exp(log_var))
//! contrastive = (CE(s a b^T) + CE(s b a^T)) / 2,   a = x0 / |x0|,   b = features / |features|
//! ```
//!
//! The KL term is the Kullback-Leibler divergence except for `(0.3 mean)^6`, where the textbook has
//! `mean^2`: means are free within about +-3 and penalised beyond.

use burn::module::{Module, Param};
use burn::nn::Initializer;
use burn::tensor::activation::log_softmax;
use burn::tensor::{DType, Device, Tensor};

use crate::Source;

/// Keeps the length of a start or of features away from zero.
const EPSILON: f64 = 1e-12;

/// The KL term of each item's source, summed over its values, in float32: `[batch]`.
pub fn kl(source: &Source) -> Tensor<1> {
    let [mean, log_var] = [&source.mean, &source.log_var].map(|moment| {
        let values: Tensor<2> = moment.clone().cast(DType::F32).flatten(1, 3);
        values // [batch, values]
    });
    let squared = mean.mul_scalar(0.3).square();
    let sixth = squared.clone().square() * squared;
    let terms = log_var.clone().add_scalar(1.0) - sixth - log_var.exp();
    terms.sum_dim(1).mul_scalar(-0.5).squeeze_dim(1)
}

/// The contrastive loss between starts and CLIP features of the target pictures, with its one
/// learned parameter.
#[derive(Module, Debug)]
pub struct ContrastiveLoss {
    /// Factor of the similarities, `[1]`; used as it is, not as an exponent.
    pub logit_scale: Param<Tensor<1>>,
}

impl ContrastiveLoss {
    /// With the scale at ln 10.
    pub fn new(device: &Device) -> Self {
        let value = std::f64::consts::LN_10;
        Self {
            logit_scale: Initializer::Constant { value }.init([1], device),
        }
    }

    /// The loss of a batch of starts `[batch, channels, side, side]` and features
    /// `[batch, channels * side * side]`, in float32: `[1]`.
    ///
    /// # Panics
    /// If there are not as many features as values in a start, or not one row for each item.
    pub fn loss(&self, starts: Tensor<4>, features: Tensor<2>) -> Tensor<1> {
        let starts: Tensor<2> = starts.flatten(1, 3); // [batch, values]
        let (starts_shape, features_shape) = (starts.dims(), features.dims());
        assert_eq!(
            starts_shape, features_shape,
            "starts of shape {starts_shape:?} and CLIP features of {features_shape:?}"
        );
        let scale: Tensor<2> = self.logit_scale.val().cast(DType::F32).unsqueeze();
        let logits = directions(starts).matmul(directions(features).transpose()) * scale; // [batch, batch]
        let both = cross_entropy(logits.clone()) + cross_entropy(logits.transpose());
        both.mul_scalar(0.5)
    }
}

/// Rows of unit length, in float32.
fn directions(rows: Tensor<2>) -> Tensor<2> {
    let rows = rows.cast(DType::F32);
    let length = rows.clone().square().sum_dim(1).sqrt();
    rows / length.clamp_min(EPSILON)
}

/// Mean over the rows of `-log softmax` at the diagonal, `[1]`.
fn cross_entropy(logits: Tensor<2>) -> Tensor<1> {
    let [batch, _] = logits.dims();
    let device = logits.device();
    let diagonal = Tensor::<2>::eye(batch, &device).cast(DType::F32);
    let matching = (log_softmax(logits, 1) * diagonal).sum();
    matching.div_scalar(-(batch as f64))
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;

    fn number(tensor: Tensor<1>) -> f64 {
        f64::from(tensor.into_scalar::<f32>())
    }

    #[test]
    fn a_standard_source_near_zero_costs_nothing() {
        let device = Device::flex();
        let source = |mean: f64, log_var: f64| Source {
            mean: Tensor::full([2, 1, 2, 2], mean, &device),
            log_var: Tensor::full([2, 1, 2, 2], log_var, &device),
        };
        let cost = |mean, log_var| number(kl(&source(mean, log_var)).narrow(0, 0, 1));
        assert_eq!(cost(0.0, 0.0), 0.0);
        let expected = -0.5 * 4.0 * (1.0 - 0.5 - 0.6f64.powi(6) - (-0.5f64).exp());
        assert!((cost(2.0, -0.5) - expected).abs() < 1e-5);
        assert!(cost(-2.0, -0.5) == cost(2.0, -0.5));
    }

    #[test]
    fn the_contrast_is_least_for_matching_features() {
        let device = Device::flex();
        let contrast = ContrastiveLoss::new(&device);
        let starts = Tensor::<4>::from_floats([[[[2.0, 0.0]]], [[[0.0, 5.0]]]], &device);
        let matching = Tensor::<2>::from_floats([[1.0, 0.0], [0.0, 1.0]], &device);
        let crossed = Tensor::<2>::from_floats([[0.0, 1.0], [1.0, 0.0]], &device);
        let s = std::f64::consts::LN_10;
        let good = number(contrast.loss(starts.clone(), matching));
        assert!((good - (1.0 + (-s).exp()).ln()).abs() < 1e-6, "{good}");
        let bad = number(contrast.loss(starts, crossed));
        assert!((bad - (1.0 + s.exp()).ln()).abs() < 1e-6, "{bad}");
    }
}
