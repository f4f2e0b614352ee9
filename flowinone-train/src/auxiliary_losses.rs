//! What helps a model that starts from nothing, beside the reference's losses:
//!
//! ```text
//! anchor (mean (m - x1)^2 + detail * mean d (m - x1)^2)      the mean m of the start, drawn to the target
//! mean (log_var - 2 ln deviation)^2                          its deviation, held
//! detail * mean d (v - u)^2                                  the velocity, where there is something to see
//! ```
//!
//! `d` says how much a place of the target differs from the rest of its picture.

use burn::tensor::Tensor;
use flowinone_flow::Source;
use serde::{Deserialize, Serialize};

use crate::Losses;

/// Losses beside the reference's, for models that start from nothing; all off by default.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Aids {
    /// Weight of the squared distance between the mean of the start and the target.
    pub anchor: f64,
    /// Standard deviation to which that of the start is drawn; it follows the divergence without.
    pub deviation: Option<f64>,
    /// Added to the normal number from which a time follows: below zero, times near the start are
    /// seen more.
    pub time_shift: f64,
    /// Weight of the labels that are read off the visual tokens; needs ground truth.
    pub labels: f64,
    /// Weight of the errors of velocity and anchor at places where the target differs from the rest of
    /// its picture: small objects on wide grounds.
    pub detail: f64,
}

impl Aids {
    /// What the distribution of the start costs, from the latents that are to come out.
    pub(crate) fn start(&self, source: Source, target: Tensor<4>) -> Losses {
        let mut total = Tensor::zeros([1], &target.device());
        let mut parts = vec![];
        if let Some(deviation) = self.deviation {
            let wanted = 2.0 * deviation.ln();
            total = total + source.log_var.sub_scalar(wanted).square().mean();
        }
        if self.anchor > 0.0 {
            let error = (source.mean - target.clone()).square();
            let mut anchor = error.clone().mean();
            parts.push(("anchor", anchor.clone()));
            if self.detail > 0.0 {
                let detail = (error * detail(target)).mean();
                parts.push(("anchor_detail", detail.clone()));
                anchor = anchor + detail.mul_scalar(self.detail);
            }
            total = total + anchor.mul_scalar(self.anchor);
        }
        Losses { total, parts }
    }
}

/// How much each place of the targets `[batch, channels, side, side]` differs from the rest of its
/// picture, `[batch, 1, side, side]`: one in the mean of the batch, and never more than ten times that.
pub(crate) fn detail(target: Tensor<4>) -> Tensor<4> {
    let mean = target.clone().mean_dim(2).mean_dim(3);
    let differs = (target - mean).square().mean_dim(1).detach();
    let usual = differs.clone().mean().clamp_min(1e-6);
    (differs / usual.unsqueeze()).clamp_max(10.0)
}
