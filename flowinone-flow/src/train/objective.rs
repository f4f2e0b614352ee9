//! The training objective of one batch:
//!
//! ```text
//! loss_i = 1/4 mean (v_coarse - coarser(u))^2 + mean (v_fine - u)^2      flow matching, per item
//!        + contrastive(x0, features) + 0.01 * kl_i                       on the source
//! ```
//!
//! The target velocity `u` holds the start, so gradients reach the source encoder in three ways:
//! through the state, through the target, and through its own losses.

use burn::tensor::{DType, Tensor};
use flowinone_sampler::Branch;
use serde::{Deserialize, Serialize};

use super::condition_dropout::{condition_dropout, rotated_targets};
use super::path::{Path, logit_normal};
use super::scales::{Coarsening, coarser};
use super::source_losses::{ContrastiveLoss, kl};
use crate::{Error, FlowNetwork, Source, StageVelocities, Structure, Time};

/// What is minimised, and with which weights.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Objective {
    /// From start to target.
    pub path: Path,
    /// Probability that an item's condition is dropped, so that it trains the unconditional branch.
    #[serde(alias = "null_probability")]
    pub condition_dropout: f64,
    /// Weight of the transformer stage's error.
    pub coarse_weight: f64,
    /// Weight of the `ConvNeXt` stage's error.
    pub fine_weight: f64,
    /// Weight of the source's KL term.
    #[serde(alias = "divergence_weight")]
    pub kl_weight: f64,
    /// Weight of the contrastive loss; `None` needs no CLIP features.
    pub contrastive_weight: Option<f64>,
}

/// The pictures of one training step.
#[derive(Debug, Clone)]
pub struct TrainingBatch {
    /// Latents of the target pictures, `[batch, channels, side, side]`.
    pub target: Tensor<4>,
    /// Latents of the prompt pictures, and which items follow theirs; `None` if none does.
    pub structure: Option<Structure>,
}

/// The random choices of one training step, from [`Objective::step_noise`] or chosen by the caller.
#[derive(Debug, Clone)]
pub struct StepNoise {
    /// Standard normal noise of the start, of the target's shape.
    pub noise: Tensor<4>,
    /// A time in [0, 1] for each item.
    pub times: Vec<f32>,
    /// For each item, whether its condition is dropped: a null item.
    pub nulls: Vec<bool>,
}

/// What the contrastive loss compares the starts with.
#[derive(Debug, Clone)]
pub struct ClipFeatures<'a> {
    /// The loss, with its learned scale.
    pub contrast: &'a ContrastiveLoss,
    /// CLIP features of the target pictures, `[batch, channels * side * side]`.
    pub features: Tensor<2>,
}

/// The losses of a batch, in float32; one value for each item unless said otherwise. Only the sums
/// are weighted.
#[derive(Debug, Clone)]
pub struct FlowLosses {
    /// Mean square error of the transformer stage, `[batch]`.
    pub coarse: Tensor<1>,
    /// Mean square error of the `ConvNeXt` stage, `[batch]`.
    pub fine: Tensor<1>,
    /// Weighted sum of the two, `[batch]`.
    pub flow: Tensor<1>,
    /// KL term of the source, `[batch]`.
    pub kl: Tensor<1>,
    /// Contrastive loss of the whole batch, `[1]`.
    pub contrastive: Option<Tensor<1>>,
    /// Weighted sum of everything, `[batch]`; its mean is what a step minimises.
    pub total: Tensor<1>,
}

/// The losses of a batch, and what they were computed from.
#[derive(Debug, Clone)]
pub struct Evaluation {
    /// The losses.
    pub losses: FlowLosses,
    /// Distribution of the starts.
    pub source: Source,
    /// The starts `x0`, `[batch, channels, side, side]`.
    pub start: Tensor<4>,
    /// The targets `x1`, those of null items exchanged, of the same shape.
    pub target: Tensor<4>,
    /// The states `x_t` at which the velocities are, of the same shape.
    pub state: Tensor<4>,
    /// The network's velocities there.
    pub velocities: StageVelocities,
}

impl Objective {
    /// The reference's weights, with its contrastive loss.
    pub fn reference() -> Self {
        Self {
            path: Path::reference(),
            condition_dropout: 0.1,
            coarse_weight: 0.25,
            fine_weight: 1.0,
            kl_weight: 0.01,
            contrastive_weight: Some(1.0),
        }
    }

    /// Checks every number.
    ///
    /// # Errors
    /// [`Error::Objective`] with the name of the first field that cannot be, and its value.
    pub fn validate(&self) -> Result<(), Error> {
        let fraction = "a number from 0 to 1";
        let weight = "a finite number, 0 or more";
        let kl = self.kl_weight;
        let contrastive = self.contrastive_weight.unwrap_or(0.0);
        for (field, value, most, wanted) in [
            ("path.sigma_min", self.path.sigma_min, 1.0, fraction),
            ("condition_dropout", self.condition_dropout, 1.0, fraction),
            ("coarse_weight", self.coarse_weight, f64::MAX, weight),
            ("fine_weight", self.fine_weight, f64::MAX, weight),
            ("kl_weight", kl, f64::MAX, weight),
            ("contrastive_weight", contrastive, f64::MAX, weight),
        ] {
            if !(0.0..=most).contains(&value) {
                return Err(Error::Objective {
                    field,
                    value: value.to_string(),
                    wanted,
                });
            }
        }
        Ok(())
    }

    /// The random choices of one step: standard normal `noise` of the target's shape, and for each
    /// item one standard normal number for its time and one uniform in [0, 1) that may make it
    /// null.
    pub fn step_noise(&self, noise: Tensor<4>, normals: &[f32], uniforms: &[f32]) -> StepNoise {
        StepNoise {
            noise,
            times: logit_normal(normals),
            nulls: condition_dropout(uniforms, self.condition_dropout),
        }
    }

    /// The losses of `network` on a batch whose flows start in `source`.
    ///
    /// # Panics
    /// If the parts are not of one batch, if the network has no structure path for the batch's
    /// structure, or if there are CLIP features without a contrastive weight, or the weight without
    /// them.
    pub fn evaluate(
        &self,
        network: &FlowNetwork,
        source: Source,
        batch: TrainingBatch,
        noise: StepNoise,
        clip: Option<ClipFeatures<'_>>,
    ) -> Evaluation {
        let start = source.sample(noise.noise);
        let target = rotated_targets(batch.target.cast(start.dtype()), &noise.nulls);
        let state = self.path.state(start.clone(), target.clone(), &noise.times);
        let velocities = velocities(network, &state, batch.structure, &noise.times, &noise.nulls);
        let flow = self.path.velocity(start.clone(), target.clone());
        let losses = self.losses(&velocities, flow, &source, &start, clip);
        Evaluation {
            losses,
            source,
            start,
            target,
            state,
            velocities,
        }
    }

    fn losses(
        &self,
        velocities: &StageVelocities,
        target: Tensor<4>,
        source: &Source,
        start: &Tensor<4>,
        clip: Option<ClipFeatures<'_>>,
    ) -> FlowLosses {
        let ratio = target.dims()[3] / velocities.coarse.dims()[3];
        let target = target.cast(DType::F32);
        let coarse_target = coarser(target.clone(), ratio, Coarsening::KeepVariance);
        let coarse = mean_square(velocities.coarse.clone(), coarse_target);
        let fine = mean_square(velocities.fine.clone(), target);
        let flow = coarse.clone().mul_scalar(self.coarse_weight)
            + fine.clone().mul_scalar(self.fine_weight);
        let kl = kl(source);
        let mut total = flow.clone() + kl.clone().mul_scalar(self.kl_weight);
        let contrastive = match (self.contrastive_weight, clip) {
            (None, None) => None,
            (Some(weight), Some(clip)) => {
                let loss = clip.contrast.loss(start.clone(), clip.features);
                total = total + loss.clone().mul_scalar(weight);
                Some(loss)
            }
            (Some(_), None) => panic!("a contrastive loss needs CLIP features"),
            (None, Some(_)) => panic!("CLIP features without a contrastive weight have no use"),
        };
        FlowLosses {
            coarse,
            fine,
            flow,
            kl,
            contrastive,
            total,
        }
    }
}

/// Both stages' velocities at the states, each item at its time and in its branch.
fn velocities(
    network: &FlowNetwork,
    state: &Tensor<4>,
    structure: Option<Structure>,
    times: &[f32],
    nulls: &[bool],
) -> StageVelocities {
    let branches: Vec<Branch> = nulls
        .iter()
        .map(|&null| match null {
            true => Branch::Unconditional,
            false => Branch::Conditional,
        })
        .collect();
    let times = Time::PerItem(Tensor::from_data(times, (&state.device(), DType::F32)));
    let structure = structure.and_then(|structure| network.velocity.structure_tokens(&structure));
    network
        .velocity
        .stages(state.clone(), &times, Some(&branches), structure.as_ref())
}

/// Mean over each item's values of the squared difference, in float32: `[batch]`.
pub(crate) fn mean_square(actual: Tensor<4>, expected: Tensor<4>) -> Tensor<1> {
    let difference: Tensor<2> = (actual.cast(DType::F32) - expected).flatten(1, 3);
    difference.square().mean_dim(1).squeeze_dim(1)
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use crate::FlowConfig;
    use burn::tensor::Device;

    #[test]
    fn a_number_that_cannot_be_is_named() {
        Objective::reference().validate().unwrap();
        for (field, value) in [("condition_dropout", 1.5), ("fine_weight", f64::NAN)] {
            let mut objective = Objective::reference();
            match field {
                "condition_dropout" => objective.condition_dropout = value,
                _ => objective.fine_weight = value,
            }
            let message = objective.validate().unwrap_err().to_string();
            assert!(message.contains(field), "{message}");
            assert!(message.contains(&value.to_string()), "{message}");
        }
    }

    fn evaluated(objective: Objective, clip: Option<ClipFeatures<'_>>) -> Evaluation {
        let device = Device::flex();
        let network = FlowConfig::tiny().init(&device);
        let batch = TrainingBatch {
            target: Tensor::ones([2, 4, 32, 32], &device),
            structure: None,
        };
        let noise = Tensor::zeros([2, 4, 32, 32], &device);
        let noise = objective.step_noise(noise, &[0.0, 1.0], &[0.5, 0.5]);
        let source = network.source.forward(Tensor::ones([2, 16, 24], &device));
        objective.evaluate(&network, source, batch, noise, clip)
    }

    #[test]
    fn without_a_contrastive_loss_the_total_is_flow_and_kl() {
        let objective = Objective {
            contrastive_weight: None,
            kl_weight: 0.5,
            ..Objective::reference()
        };
        let losses = evaluated(objective, None).losses;
        assert!(losses.contrastive.is_none());
        let parts = losses.coarse.mul_scalar(0.25) + losses.fine + losses.kl * 0.5;
        let difference: f32 = (losses.total - parts).abs().max().into_scalar();
        assert!(difference < 1e-4, "{difference}");
    }

    #[test]
    #[should_panic(expected = "needs CLIP features")]
    fn a_contrastive_weight_needs_clip_features() {
        evaluated(Objective::reference(), None);
    }
}
