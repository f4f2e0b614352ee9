//! Time, and parameters that are curves in it. In a network of two times each norm reads one of
//! them:
//!
//! ```text
//! log_snr = 4 - 8 t,   tau = log_snr / 4
//! value(t) = param1 + sigmoid(tau * (nodecay_weight + 1) + nodecay_bias) * (param0 - param1)
//! ```

use burn::module::{Module, Param};
use burn::nn::Initializer;
use burn::tensor::activation::sigmoid;
use burn::tensor::{DType, Device, Tensor, TensorData};
use flowinone_sampler::Times;

use crate::TwoTimes;

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
    /// The average from one time to another, the same two for the whole batch: of a network of two
    /// times.
    SharedSpan(Times),
    /// The average from `t` to `r` for each item, both `[batch]`: of a network of two times.
    PerItemSpan {
        /// Time of the state.
        t: Tensor<1>,
        /// Where the average leads to.
        r: Tensor<1>,
    },
}

impl From<Times> for Time {
    fn from(times: Times) -> Self {
        match times.is_instant() {
            true => Self::Shared(times.t),
            false => Self::SharedSpan(times),
        }
    }
}

impl Time {
    /// The same times on the axis of the curves, in float32 whatever the weights are, for a network
    /// that reads them like that.
    ///
    /// # Panics
    /// If there are several times, and not one for each of `batch` items; if there are two times
    /// for a network of one.
    pub(crate) fn taus(&self, two_times: Option<TwoTimes>, batch: usize, device: &Device) -> Taus {
        let (t, r) = match self {
            Self::Shared(t) => (shared(*t, device), None),
            Self::PerItem(t) => (per_item(t, batch), None),
            Self::SharedSpan(Times { t, r }) => (shared(*t, device), Some(shared(*r, device))),
            Self::PerItemSpan { t, r } => (per_item(t, batch), Some(per_item(r, batch))),
        };
        assert!(
            r.is_none() || two_times.is_some(),
            "a network of one time has no average velocity from one time to another: its \
             configuration has no two_times"
        );
        let t = Tau::at(t);
        Taus {
            r: r.map_or_else(|| t.clone(), Tau::at),
            t,
            boundary: two_times.map_or(usize::MAX, |two| two.boundary),
        }
    }
}

/// One time, `[1]`.
fn shared(t: f64, device: &Device) -> Tensor<1> {
    Tensor::from_data(TensorData::new(vec![t as f32], [1]), (device, DType::F32))
}

/// The time of each item, `[batch]`.
fn per_item(t: &Tensor<1>, batch: usize) -> Tensor<1> {
    let [times] = t.dims();
    assert_eq!(times, batch, "{times} times for a batch of {batch}");
    t.clone().cast(DType::F32)
}

/// The times of one evaluation, and which part of the network reads which.
#[derive(Debug, Clone)]
pub(crate) struct Taus {
    t: Tau,
    /// What the `ConvNeXt` stage and both heads read.
    pub(crate) r: Tau,
    boundary: usize,
}

impl Taus {
    /// What a transformer block reads, counted from 0.
    pub(crate) fn of_block(&self, index: usize) -> &Tau {
        match index < self.boundary {
            true => &self.t,
            false => &self.r,
        }
    }
}

/// `tau` of one time, `[1, 1, 1]` if it is shared and `[batch, 1, 1]` for one per item.
#[derive(Debug, Clone)]
pub(crate) struct Tau(Tensor<3>);

impl Tau {
    /// Of times `[1 or batch]`.
    fn at(t: Tensor<1>) -> Self {
        let log_snr = t.mul_scalar(-8.0).add_scalar(4.0);
        let [times] = log_snr.dims();
        Self(log_snr.div_scalar(4.0).reshape([times, 1, 1])) // [1 or batch, 1, 1]
    }
}

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
            let got = values(curve(&device).at(&Time::Shared(t).taus(None, 1, &device).r));
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
        let shared = values(curve(&device).at(&Time::Shared(0.62).taus(None, 3, &device).r));
        let times = Time::PerItem(Tensor::from_floats([0.62, 0.62, 0.62], &device));
        let each = curve(&device).at(&times.taus(None, 3, &device).r);
        assert_eq!(each.dims(), [3, 1, 2]);
        assert_eq!(
            values(each),
            [shared.clone(), shared.clone(), shared].concat()
        );
    }

    #[test]
    fn log_snr_is_rounded_to_single_precision() {
        let device = Device::flex();
        let tau = values(Time::Shared(0.3).taus(None, 1, &device).r.0);
        assert_eq!(tau, [1.599_999_9_f32 / 4.0]);
    }

    #[test]
    fn blocks_before_the_boundary_read_the_first_time() {
        let device = Device::flex();
        let two = Some(TwoTimes { boundary: 2 });
        let span = Time::from(Times { t: 0.25, r: 0.75 }).taus(two, 1, &device);
        let at = |t: f64| values(Time::Shared(t).taus(None, 1, &device).r.0);
        let read = |index| values(span.of_block(index).0.clone());
        assert_eq!([0, 1, 2, 9].map(read), [0.25, 0.25, 0.75, 0.75].map(at));
        assert_eq!(values(span.r.0.clone()), at(0.75));
    }

    #[test]
    #[should_panic(expected = "a network of one time")]
    fn a_network_of_one_time_is_not_asked_for_an_average() {
        Time::from(Times { t: 0.0, r: 1.0 }).taus(None, 1, &Device::flex());
    }

    #[test]
    #[should_panic(expected = "2 times for a batch of 3")]
    fn the_number_of_times_must_be_that_of_items() {
        let device = Device::flex();
        Time::PerItem(Tensor::from_floats([0.1, 0.2], &device)).taus(None, 3, &device);
    }
}
