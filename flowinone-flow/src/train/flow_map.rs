//! Distillation of a flow into its map: the network's average velocity against that of a path of
//! its teacher,
//!
//! ```text
//! u* = (x_r - x_t) / (r - t),   x_t and x_r of one path;      u* = v(x_t, t) where r = t
//! loss_i = w_i (1/4 mean (u_coarse - coarser(u*))^2 + mean (u_fine - u*)^2)
//! w_i = (mean (u_fine - u*)^2 + 0.01)^-p,   without a gradient
//! ```

use burn::tensor::{DType, Tensor};
use serde::{Deserialize, Serialize};

use super::objective::mean_square;
use super::scales::{Coarsening, coarser};
use crate::{Error, StageVelocities};

/// What keeps the weight of an item finite.
const SOFTENING: f64 = 0.01;

/// How the errors of both stages and of all items are weighted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FlowMapObjective {
    /// Weight of the transformer stage's error.
    pub coarse_weight: f64,
    /// Weight of the `ConvNeXt` stage's error.
    pub fine_weight: f64,
    /// The exponent `p`: 0 weighs all items alike, more of it those less that are far off.
    pub weight_exponent: f64,
}

impl Default for FlowMapObjective {
    /// The weights of training, and all items alike.
    fn default() -> Self {
        Self {
            coarse_weight: 0.25,
            fine_weight: 1.0,
            weight_exponent: 0.0,
        }
    }
}

/// The losses of a batch in float32, one value for each item.
#[derive(Debug, Clone)]
pub struct FlowMapLosses {
    /// Mean square error of the transformer stage, `[batch]`.
    pub coarse: Tensor<1>,
    /// Mean square error of the `ConvNeXt` stage, `[batch]`.
    pub fine: Tensor<1>,
    /// Weighted sum of the two; its mean is what a step minimises, `[batch]`.
    pub total: Tensor<1>,
}

impl FlowMapObjective {
    /// Checks every number.
    ///
    /// # Errors
    /// [`Error::Objective`] with the name of the first field that cannot be, and its value.
    pub fn validate(&self) -> Result<(), Error> {
        for (field, value) in [
            ("coarse_weight", self.coarse_weight),
            ("fine_weight", self.fine_weight),
            ("weight_exponent", self.weight_exponent),
        ] {
            if !(0.0..=f64::MAX).contains(&value) {
                return Err(Error::Objective {
                    field,
                    value: value.to_string(),
                    wanted: "a finite number, 0 or more",
                });
            }
        }
        Ok(())
    }

    /// The losses of average velocities against `target`, `[batch, channels, side, side]`.
    ///
    /// # Panics
    /// If `target` has another shape than the fine velocities.
    pub fn losses(&self, velocities: &StageVelocities, target: Tensor<4>) -> FlowMapLosses {
        let ratio = target.dims()[3] / velocities.coarse.dims()[3];
        let target = target.cast(DType::F32);
        let coarse_target = coarser(target.clone(), ratio, Coarsening::KeepVariance);
        let coarse = mean_square(velocities.coarse.clone(), coarse_target);
        let fine = mean_square(velocities.fine.clone(), target);
        let mut total = coarse.clone().mul_scalar(self.coarse_weight)
            + fine.clone().mul_scalar(self.fine_weight);
        if self.weight_exponent > 0.0 {
            let far = fine.clone().detach().add_scalar(SOFTENING);
            total = total * far.powf_scalar(-self.weight_exponent);
        }
        FlowMapLosses {
            coarse,
            fine,
            total,
        }
    }
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use burn::tensor::Device;

    fn losses(objective: FlowMapObjective, device: &Device) -> (FlowMapLosses, Tensor<4>) {
        let scaled = |side: usize, first: f64| {
            let item = |value| Tensor::<4>::full([1, 1, side, side], value, device);
            Tensor::cat(vec![item(first), item(0.0)], 0)
        };
        let fine = scaled(4, 3.0);
        let fine = match fine.is_autodiff() {
            true => fine.require_grad(),
            false => fine,
        };
        let velocities = StageVelocities {
            coarse: scaled(2, 2.0),
            fine: fine.clone(),
        };
        // A fine target of 1 everywhere is one of 2 for the coarse stage.
        (objective.losses(&velocities, scaled(4, 1.0)), fine)
    }

    fn values(tensor: Tensor<1>) -> Vec<f32> {
        tensor.into_data().try_to_vec().unwrap()
    }

    #[test]
    fn both_stages_are_weighted_and_far_items_less() {
        let device = Device::flex();
        let (plain, _) = losses(FlowMapObjective::default(), &device);
        assert_eq!(values(plain.fine), [4.0, 0.0]);
        assert_eq!(values(plain.coarse), [0.0, 0.0]);
        assert_eq!(values(plain.total), [4.0, 0.0]);
        let half = FlowMapObjective {
            weight_exponent: 0.5,
            ..FlowMapObjective::default()
        };
        let total = values(losses(half, &device).0.total);
        assert!((total[0] - 4.0 / 4.01f32.sqrt()).abs() < 1e-5, "{total:?}");
    }

    #[test]
    fn the_weight_of_an_item_has_no_gradient() {
        let device = Device::flex().autodiff();
        let objective = FlowMapObjective {
            weight_exponent: 1.0,
            coarse_weight: 0.0,
            ..FlowMapObjective::default()
        };
        let (found, fine) = losses(objective, &device);
        let gradients = found.total.sum().backward();
        let slope: f32 = fine.grad(&gradients).unwrap().max().into_scalar();
        // 2 (3 - 1) / 16 values, over 4.01.
        assert!((slope - 4.0 / 16.0 / 4.01).abs() < 1e-6, "{slope}");
    }

    #[test]
    fn a_number_that_cannot_be_is_named() {
        let objective = FlowMapObjective {
            weight_exponent: -1.0,
            ..FlowMapObjective::default()
        };
        let message = objective.validate().unwrap_err().to_string();
        assert!(message.contains("weight_exponent is -1"), "{message}");
    }
}
