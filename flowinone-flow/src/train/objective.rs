//! The training objective of one batch:
//!
//! ```text
//! loss_i = 1/4 mean (v_coarse - coarser(u))^2 + mean (v_fine - u)^2      flow matching, per item
//!        + contrastive(x0, features) + 0.01 * divergence_i               on the source
//! ```
//!
//! The target velocity `u` holds the start, so gradients reach the source encoder on three ways:
//! through the state, through the target, and through its own losses.

use burn::tensor::{DType, Tensor};
use flowinone_sampler::Branch;
use serde::{Deserialize, Serialize};

use super::condition_dropout::{null_items, rotated_targets};
use super::path::{Path, logit_normal};
use super::scales::{Coarsening, coarser};
use super::source_losses::{Contrast, divergence};
use crate::{Error, FlowNetwork, Source, StageVelocities, Structure, Time};

/// What is minimised, and with which weights.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Objective {
    /// From start to target.
    pub path: Path,
    /// Probability that an item is null, and trains the unconditional branch.
    pub null_probability: f64,
    /// Weight of the transformer stage's error.
    pub coarse_weight: f64,
    /// Weight of the `ConvNeXt` stage's error.
    pub fine_weight: f64,
    /// Weight of the source's divergence.
    pub divergence_weight: f64,
    /// Weight of the contrastive loss; `None` needs no teacher.
    pub contrastive_weight: Option<f64>,
}

/// The pictures of one training step.
#[derive(Debug, Clone)]
pub struct TrainingBatch {
    /// Visual tokens of the prompt pictures, `[batch, tokens, width]`.
    pub tokens: Tensor<3>,
    /// Latents of the target pictures, `[batch, channels, side, side]`.
    pub target: Tensor<4>,
    /// Latents of the prompt pictures, and which items follow theirs; `None` if none does.
    pub structure: Option<Structure>,
}

/// What chance decides in one training step, made by [`Objective::draws`] or chosen.
#[derive(Debug, Clone)]
pub struct Draws {
    /// Standard normal noise of the start, of the target's shape.
    pub noise: Tensor<4>,
    /// A time in [0, 1] for each item.
    pub times: Vec<f32>,
    /// For each item, whether it is null.
    pub nulls: Vec<bool>,
}

/// What the contrastive loss compares the starts with.
#[derive(Debug, Clone)]
pub struct Teacher<'a> {
    /// The loss, with its learned scale.
    pub contrast: &'a Contrast,
    /// A teacher's features of the target pictures, `[batch, channels * side * side]`.
    pub features: Tensor<2>,
}

/// The losses of a batch, in float32; one number for each item unless said otherwise, unweighted but
/// for the sums.
#[derive(Debug, Clone)]
pub struct Losses {
    /// Mean square error of the transformer stage, `[batch]`.
    pub coarse: Tensor<1>,
    /// Mean square error of the `ConvNeXt` stage, `[batch]`.
    pub fine: Tensor<1>,
    /// Weighted sum of the two, `[batch]`.
    pub flow: Tensor<1>,
    /// Divergence of the source, `[batch]`.
    pub divergence: Tensor<1>,
    /// Contrastive loss of the whole batch, `[1]`.
    pub contrastive: Option<Tensor<1>>,
    /// Weighted sum of everything, `[batch]`; its mean is what a step descends.
    pub total: Tensor<1>,
}

/// The losses of a batch, and what they were computed from.
#[derive(Debug, Clone)]
pub struct Evaluation {
    /// The losses.
    pub losses: Losses,
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
            null_probability: 0.1,
            coarse_weight: 0.25,
            fine_weight: 1.0,
            divergence_weight: 0.01,
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
        let divergence = self.divergence_weight;
        let contrastive = self.contrastive_weight.unwrap_or(0.0);
        for (field, value, most, wanted) in [
            ("path.sigma_min", self.path.sigma_min, 1.0, fraction),
            ("null_probability", self.null_probability, 1.0, fraction),
            ("coarse_weight", self.coarse_weight, f64::MAX, weight),
            ("fine_weight", self.fine_weight, f64::MAX, weight),
            ("divergence_weight", divergence, f64::MAX, weight),
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

    /// The chances of one step: standard normal `noise` of the target's shape, and for each item one
    /// standard normal number for its time and one uniform in [0, 1) that may make it null.
    pub fn draws(&self, noise: Tensor<4>, normals: &[f32], uniforms: &[f32]) -> Draws {
        Draws {
            noise,
            times: logit_normal(normals),
            nulls: null_items(uniforms, self.null_probability),
        }
    }

    /// The losses of `network` on a batch.
    ///
    /// # Panics
    /// If the parts are not of one batch, if the network has no structure path for the batch's
    /// structure, or if there is a teacher without a contrastive weight, or the weight without a
    /// teacher.
    pub fn evaluate(
        &self,
        network: &FlowNetwork,
        batch: TrainingBatch,
        draws: Draws,
        teacher: Option<Teacher<'_>>,
    ) -> Evaluation {
        let source = network.source.forward(batch.tokens);
        let start = source.sample(draws.noise);
        let target = rotated_targets(batch.target.cast(start.dtype()), &draws.nulls);
        let state = self.path.state(start.clone(), target.clone(), &draws.times);
        let velocities = velocities(network, &state, batch.structure, &draws.times, &draws.nulls);
        let flow = self.path.velocity(start.clone(), target.clone());
        let losses = self.losses(&velocities, flow, &source, &start, teacher);
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
        teacher: Option<Teacher<'_>>,
    ) -> Losses {
        let ratio = target.dims()[3] / velocities.coarse.dims()[3];
        let target = target.cast(DType::F32);
        let coarse_target = coarser(target.clone(), ratio, Coarsening::KeepVariance);
        let coarse = mean_square(velocities.coarse.clone(), coarse_target);
        let fine = mean_square(velocities.fine.clone(), target);
        let flow = coarse.clone().mul_scalar(self.coarse_weight)
            + fine.clone().mul_scalar(self.fine_weight);
        let divergence = divergence(source);
        let mut total = flow.clone() + divergence.clone().mul_scalar(self.divergence_weight);
        let contrastive = match (self.contrastive_weight, teacher) {
            (None, None) => None,
            (Some(weight), Some(teacher)) => {
                let loss = teacher.contrast.loss(start.clone(), teacher.features);
                total = total + loss.clone().mul_scalar(weight);
                Some(loss)
            }
            (Some(_), None) => panic!("a contrastive loss needs a teacher's features"),
            (None, Some(_)) => panic!("a teacher without a contrastive weight would teach nothing"),
        };
        Losses {
            coarse,
            fine,
            flow,
            divergence,
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
fn mean_square(actual: Tensor<4>, expected: Tensor<4>) -> Tensor<1> {
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
        for (field, value) in [("null_probability", 1.5), ("fine_weight", f64::NAN)] {
            let mut objective = Objective::reference();
            match field {
                "null_probability" => objective.null_probability = value,
                _ => objective.fine_weight = value,
            }
            let message = objective.validate().unwrap_err().to_string();
            assert!(message.contains(field), "{message}");
            assert!(message.contains(&value.to_string()), "{message}");
        }
    }

    fn evaluated(objective: Objective, teacher: Option<Teacher<'_>>) -> Evaluation {
        let device = Device::flex();
        let network = FlowConfig::tiny().init(&device);
        let batch = TrainingBatch {
            tokens: Tensor::ones([2, 16, 24], &device),
            target: Tensor::ones([2, 4, 32, 32], &device),
            structure: None,
        };
        let noise = Tensor::zeros([2, 4, 32, 32], &device);
        let draws = objective.draws(noise, &[0.0, 1.0], &[0.5, 0.5]);
        objective.evaluate(&network, batch, draws, teacher)
    }

    #[test]
    fn without_a_teacher_the_total_is_flow_and_divergence() {
        let objective = Objective {
            contrastive_weight: None,
            divergence_weight: 0.5,
            ..Objective::reference()
        };
        let losses = evaluated(objective, None).losses;
        assert!(losses.contrastive.is_none());
        let parts = losses.coarse.mul_scalar(0.25) + losses.fine + losses.divergence * 0.5;
        let difference: f32 = (losses.total - parts).abs().max().into_scalar();
        assert!(difference < 1e-4, "{difference}");
    }

    #[test]
    #[should_panic(expected = "needs a teacher's features")]
    fn a_contrastive_weight_needs_a_teacher() {
        evaluated(Objective::reference(), None);
    }
}
