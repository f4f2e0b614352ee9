//! What makes a reconstruction good: weights of its losses, and the loss itself.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::Losses;

/// What makes a reconstruction good.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reconstruction {
    /// Weight of the absolute difference of gradients.
    pub gradient: f64,
    /// Weight of the squared difference.
    pub squared: f64,
    /// Weight of the KL divergence of the posterior from a standard normal one, a mean over all
    /// latent values.
    #[serde(alias = "divergence")]
    pub kl: f64,
    /// Side of the random crops in pixels. If `None`, whole pictures.
    pub crop: Option<u32>,
    /// One of every `prompts` pictures of a batch is a prompt, the others are targets; with 0 all
    /// are targets.
    pub prompts: u64,
    /// Random crops of each picture, where latents stay.
    pub crops: usize,
    /// Largest share of their blurred selves in latents that stay.
    pub blur: f64,
    /// Largest deviation of the noise that is added to latents that stay.
    pub noise: f64,
    /// Share of pictures whose latents are those that the model's own flow makes of their prompts,
    /// instead of encoded and disturbed ones, where latents stay.
    pub flow_made: f64,
    /// Weight of the cross entropy of the compositor's mask.
    pub cross_entropy: f64,
}

impl Default for Reconstruction {
    fn default() -> Self {
        Self {
            gradient: 0.5,
            squared: 0.5,
            kl: 1e-3,
            crop: None,
            prompts: 4,
            crops: 1,
            blur: 0.0,
            noise: 0.0,
            flow_made: 0.0,
            cross_entropy: 0.1,
        }
    }
}

/// `mean |d| + gradient * edges(d) + squared * mean d^2` of a difference `d` of pictures, and what
/// it is made of.
pub(crate) fn errors(difference: Tensor<4>, gradient: f64, squared: f64) -> Losses {
    let absolute = difference.clone().abs().mean();
    let square = difference.clone().square().mean();
    let edge = edges(difference);
    let total =
        absolute.clone() + edge.clone().mul_scalar(gradient) + square.clone().mul_scalar(squared);
    Losses {
        total,
        parts: vec![
            ("absolute", absolute),
            ("squared", square),
            ("gradient", edge),
        ],
    }
}

/// Mean absolute difference of neighbouring pixels, `[1]`.
fn edges(x: Tensor<4>) -> Tensor<1> {
    let [_, _, height, width] = x.dims();
    let across = x.clone().narrow(3, 1, width - 1) - x.clone().narrow(3, 0, width - 1);
    let down = x.clone().narrow(2, 1, height - 1) - x.narrow(2, 0, height - 1);
    (across.abs().mean() + down.abs().mean()).mul_scalar(0.5)
}
