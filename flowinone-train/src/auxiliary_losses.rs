//! Auxiliary losses, which the reference does not have, for a model that is trained from scratch:
//!
//! ```text
//! anchor (mean (m - x1)^2 + detail * mean d (m - x1)^2)      pulls the source's mean m to the target
//! mean (log_var - 2 ln deviation)^2                          fixes the source's deviation
//! detail * mean d (v - u)^2                                  velocity error where the target has detail
//! things * sum w (v - u)^2 / (x1 - m)^2                      share of each thing that is drawn wrong
//! ```
//!
//! `d` is how much a place of the target differs from the rest of its picture.

use burn::tensor::Tensor;
use flowinone_flow::Source;
use serde::{Deserialize, Serialize};

use crate::Losses;

/// Auxiliary losses for models that are trained from scratch; all are off by default.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuxiliaryLosses {
    /// Weight of the squared distance between the source's mean and the target.
    pub anchor: f64,
    /// Target standard deviation of the source distribution. If `None`, only the KL term acts on
    /// it.
    pub deviation: Option<f64>,
    /// Added to the normal number that a time is the sigmoid of: below zero, times near the start
    /// come more often.
    pub time_shift: f64,
    /// Weight of the labels that are read from the visual tokens; needs ground truth.
    pub labels: f64,
    /// Weight of the words that are spelled from the visual tokens; needs ground truth.
    pub spelling: f64,
    /// Weight of the letters that each visual token is to name; needs pairs that are made while
    /// training.
    pub letters: f64,
    /// Weight of the scene of the prompt that each visual token is to tell, and of the points of
    /// its only mark; needs ground truth.
    pub scene: f64,
    /// Weight of the way to where a thing ends that each visual token of it is to tell, where an
    /// arrow or a path moves one; needs ground truth.
    pub ways: f64,
    /// Weight of the layout of the target that tokens and starts are to tell; needs ground truth.
    pub layout: f64,
    /// Weight of the squared distance of the source's mean to a start that says the layout of the
    /// target. A run of the velocity network alone draws from such starts; needs ground truth.
    pub layout_start: f64,
    /// The largest standard deviation of errors in those starts, as a source encoder that reads
    /// prompts makes them; each item draws its own, from zero up.
    pub layout_errors: f64,
    /// Whether the flow's losses stop at the start: vision tower and source encoder then learn from
    /// the losses of what they are to say alone, which are far less noisy.
    pub source_apart: bool,
    /// Weight of the errors of velocity and anchor where the target differs from the rest of its
    /// picture, as small objects on plain backgrounds do.
    pub detail: f64,
    /// Weight of the share of each thing that the velocity draws wrong, small and faint ones like
    /// others; needs ground truth.
    pub things: f64,
}

impl AuxiliaryLosses {
    /// Whether a loss needs the layouts of targets.
    pub(crate) fn asks_for_layouts(&self) -> bool {
        self.layout + self.layout_start + self.things > 0.0
    }

    /// The losses on the source distribution, for the target latents.
    pub(crate) fn source_losses(&self, source: Source, target: Tensor<4>) -> Losses {
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
/// picture, `[batch, 1, side, side]`: one in the mean of the batch, and never more than ten times
/// that.
pub(crate) fn detail(target: Tensor<4>) -> Tensor<4> {
    let mean = target.clone().mean_dim(2).mean_dim(3);
    let differs = (target - mean).square().mean_dim(1).detach();
    let usual = differs.clone().mean().clamp_min(1e-6);
    (differs / usual.unsqueeze()).clamp_max(10.0)
}
