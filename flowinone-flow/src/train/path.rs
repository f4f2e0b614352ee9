//! The path from source to target, a straight line in time, and how times are chosen on it:
//!
//! ```text
//! x_t = (1 - (1 - sigma_min) t) x0 + t x1,   u = dx_t/dt = x1 - (1 - sigma_min) x0
//! t = sigmoid(n),   n standard normal
//! ```

use burn::tensor::{Tensor, TensorData};
use serde::{Deserialize, Serialize};

/// Straight lines from each start `x0` to its target `x1`.
///
/// ```
/// use flowinone_flow::train::Path;
/// assert_eq!(Path::reference(), Path { sigma_min: 1e-5 });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Path {
    /// Share of the start that is left at t = 1.
    pub sigma_min: f64,
}

impl Path {
    /// The reference's: 1e-5 of the start is left at the end.
    pub fn reference() -> Self {
        Self { sigma_min: 1e-5 }
    }

    /// The state of each item at its own time, `[batch, channels, height, width]` as `x0` and `x1`.
    ///
    /// # Panics
    /// If there is not one time for each item.
    pub fn state(&self, x0: Tensor<4>, x1: Tensor<4>, times: &[f32]) -> Tensor<4> {
        let [batch, ..] = x0.dims();
        let count = times.len();
        assert_eq!(count, batch, "{count} times for a batch of {batch}");
        let t = TensorData::new(times.to_vec(), [batch, 1, 1, 1]);
        let t = Tensor::<4>::from_data(t, (&x0.device(), x0.dtype()));
        let kept = t.clone().mul_scalar(self.sigma_min - 1.0).add_scalar(1.0);
        kept * x0 + t * x1
    }

    /// The velocity along the path, the same at every time, of the shape of `x0` and `x1`.
    pub fn velocity(&self, x0: Tensor<4>, x1: Tensor<4>) -> Tensor<4> {
        x1 + x0.mul_scalar(self.sigma_min - 1.0)
    }
}

/// Times in (0, 1) from standard normal numbers: their sigmoid, so that the middle of the path is
/// seen most.
pub fn logit_normal(normals: &[f32]) -> Vec<f32> {
    normals
        .iter()
        .map(|&n| (1.0 / (1.0 + (-f64::from(n)).exp())) as f32)
        .collect()
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn the_path_leads_from_start_to_target_at_its_velocity() {
        let device = Device::flex();
        let path = Path { sigma_min: 0.25 };
        let [x0, x1] = [2.0, 6.0].map(|value| Tensor::full([3, 1, 1, 1], value, &device));
        let state = path.state(x0.clone(), x1.clone(), &[0.0, 0.5, 1.0]);
        let state: Vec<f32> = state.into_data().try_to_vec().unwrap();
        assert_eq!(state, [2.0, 4.25, 6.5]);
        let velocity: Vec<f32> = path.velocity(x0, x1).into_data().try_to_vec().unwrap();
        assert_eq!(velocity, [4.5; 3]);
    }

    #[test]
    fn times_are_the_sigmoid_of_normal_numbers() {
        let times = logit_normal(&[0.0, 3.0f32.ln(), -200.0]);
        assert_eq!(times[0], 0.5);
        assert!((times[1] - 0.75).abs() < 1e-6);
        assert!(times[2] >= 0.0 && times[2] < 1e-30);
    }
}
