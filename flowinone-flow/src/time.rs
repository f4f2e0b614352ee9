//! Time, and parameters that are curves in it:
//!
//! ```text
//! log_snr = 4 - 8 t,   tau = log_snr / 4
//! value(t) = param1 + sigmoid(tau * (nodecay_weight + 1) + nodecay_bias) * (param0 - param1)
//! ```

use burn::module::{Module, Param};
use burn::nn::Initializer;
use burn::tensor::activation::sigmoid;
use burn::tensor::{DType, Device, Tensor, TensorData};

/// Time of the flow, from 0 (the source) to 1 (the target latent).
#[derive(Debug, Clone)]
#[allow(
    clippy::large_enum_variant,
    reason = "one value an evaluation, never stored in numbers"
)]
pub enum Time {
    /// One time for the whole batch, as in sampling.
    Shared(f64),
    /// One time for each item, `[batch]`, as in training.
    PerItem(Tensor<1>),
}

impl Time {
    /// The same instant on the axis of the curves, in float32 whatever the weights are.
    ///
    /// # Panics
    /// If there are several times, and not one for each of `batch` items.
    pub(crate) fn tau(&self, batch: usize, device: &Device) -> Tau {
        let t = match self {
            Self::Shared(t) => {
                let t = TensorData::new(vec![*t as f32], [1]);
                Tensor::<1>::from_data(t, (device, DType::F32))
            }
            Self::PerItem(t) => {
                let [times] = t.dims();
                assert_eq!(times, batch, "{times} times for a batch of {batch}");
                t.clone().cast(DType::F32)
            }
        };
        let log_snr = t.mul_scalar(-8.0).add_scalar(4.0);
        let [times] = log_snr.dims();
        Tau(log_snr.div_scalar(4.0).reshape([times, 1, 1])) // [1 or batch, 1, 1]
    }
}

/// `tau` of one evaluation, `[1, 1, 1]` for a shared time and `[batch, 1, 1]` for one per item.
#[derive(Debug, Clone)]
pub(crate) struct Tau(Tensor<3>);

/// A vector that moves from near `param0` at t = 0 to near `param1` at t = 1, each element on its
/// own sigmoid.
#[derive(Module, Debug)]
pub(crate) struct Curve {
    param0: Param<Tensor<1>>,
    param1: Param<Tensor<1>>,
    nodecay_weight: Param<Tensor<1>>,
    nodecay_bias: Param<Tensor<1>>,
}

impl Curve {
    /// A curve that starts flat at `value`.
    pub(crate) fn new(width: usize, value: f64, device: &Device) -> Self {
        let flat = |value| Initializer::Constant { value }.init([width], device);
        Self {
            param0: flat(value),
            param1: flat(value),
            nodecay_weight: flat(0.0),
            nodecay_bias: flat(0.0),
        }
    }

    /// The vector at that time in float32, `[1 or batch, 1, width]`.
    pub(crate) fn at(&self, tau: &Tau) -> Tensor<3> {
        let row = |param: &Param<Tensor<1>>| {
            let [width] = param.dims();
            param.val().cast(DType::F32).reshape([1, 1, width])
        };
        let (start, end) = (row(&self.param0), row(&self.param1));
        let slope = row(&self.nodecay_weight).add_scalar(1.0);
        let share = sigmoid(tau.0.clone() * slope + row(&self.nodecay_bias));
        end.clone() + share * (start - end)
    }
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;

    fn curve(device: &Device) -> Curve {
        let vector = |values: [f32; 2]| Param::from_tensor(Tensor::from_floats(values, device));
        Curve {
            param0: vector([3.0, -1.0]),
            param1: vector([1.0, 2.0]),
            nodecay_weight: vector([0.0, 0.5]),
            nodecay_bias: vector([0.0, -0.25]),
        }
    }

    fn values(tensor: Tensor<3>) -> Vec<f32> {
        tensor.into_data().try_to_vec().unwrap()
    }

    #[test]
    fn a_curve_follows_its_equation() {
        let device = Device::flex();
        for t in [0.0f64, 0.3, 0.5, 0.99999] {
            let got = values(curve(&device).at(&Time::Shared(t).tau(1, &device)));
            let tau = 1.0 - 2.0 * t;
            let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
            let expected = [
                1.0 + sigmoid(tau) * 2.0,
                2.0 + sigmoid(tau * 1.5 - 0.25) * -3.0,
            ];
            for (got, expected) in got.iter().zip(expected) {
                assert!(
                    (f64::from(*got) - expected).abs() < 1e-6,
                    "{got} {expected} at {t}"
                );
            }
        }
    }

    #[test]
    fn equal_times_give_the_shared_vector_to_every_item() {
        let device = Device::flex();
        let shared = values(curve(&device).at(&Time::Shared(0.62).tau(3, &device)));
        let times = Time::PerItem(Tensor::from_floats([0.62, 0.62, 0.62], &device));
        let each = curve(&device).at(&times.tau(3, &device));
        assert_eq!(each.dims(), [3, 1, 2]);
        assert_eq!(
            values(each),
            [shared.clone(), shared.clone(), shared].concat()
        );
    }

    #[test]
    fn log_snr_is_rounded_to_single_precision() {
        let device = Device::flex();
        let tau = values(Time::Shared(0.3).tau(1, &device).0);
        assert_eq!(tau, [1.599_999_9_f32 / 4.0]);
    }

    #[test]
    #[should_panic(expected = "2 times for a batch of 3")]
    fn the_number_of_times_must_be_that_of_items() {
        let device = Device::flex();
        Time::PerItem(Tensor::from_floats([0.1, 0.2], &device)).tau(3, &device);
    }
}
