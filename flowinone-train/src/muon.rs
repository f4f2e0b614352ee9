//! Muon: steps of matrices whose momentum is made orthogonal (Jordan 2024; rate and decay as
//! Moonshot's arXiv:2502.16982):
//!
//! ```text
//! m <- 0.95 m + g;   X = (0.95 m + g) / |0.95 m + g|
//! five times:  A = X X^T,  X <- a X + (b A + c A A) X      (a, b, c) = (3.4445, -4.775, 2.0315)
//! W <- (1 - rate * decay) W - rate * 0.2 sqrt(max(rows, columns)) X
//! ```
//!
//! with the matrix turned while it has more rows than columns. Burn has the same for matrices; here
//! the products are the kernels', and a kernel is a matrix with a row for each of its outputs.

use burn::optim::momentum::{Momentum, MomentumConfig};
use burn::optim::{MuonState, Optimizer};
use burn::tensor::{Device, Tensor};
use flowinone_kernels::linear;

/// Iterations that make a matrix orthogonal.
const ITERATIONS: usize = 5;
/// The iteration's polynomial: of the first, third and fifth power.
const POWERS: [f32; 3] = [3.4445, -4.775, 2.0315];
/// The least norm to divide by.
const EPSILON: f32 = 1e-7;

/// Muon for a group of matrices.
#[derive(Clone)]
pub(crate) struct Muon {
    momentum: Momentum,
    /// In units of the learning rate.
    decay: f64,
}

impl Muon {
    pub(crate) fn new(decay: f64) -> Self {
        let momentum = MomentumConfig {
            momentum: 0.95,
            dampening: 0.0,
            nesterov: true,
        };
        Self {
            momentum: Momentum::new(&momentum),
            decay,
        }
    }
}

impl Optimizer for Muon {
    type State<const D: usize> = MuonState<D>;

    /// One step of a matrix or kernel.
    fn step<const D: usize>(
        &self,
        rate: f64,
        weights: Tensor<D>,
        gradient: Tensor<D>,
        state: Option<MuonState<D>>,
    ) -> (Tensor<D>, Option<MuonState<D>>) {
        let shape = weights.dims();
        let (direction, momentum) = self
            .momentum
            .transform(gradient, state.map(|state| state.momentum));
        let sides = [shape[0], shape[1..].iter().product()];
        let step = orthogonal(direction.reshape(sides)).reshape(shape);
        let longest = sides[0].max(sides[1]) as f64;
        let weights = weights.mul_scalar(1.0 - rate * self.decay);
        let weights = weights - step.mul_scalar(rate * 0.2 * longest.sqrt());
        (weights, Some(MuonState::new(momentum)))
    }

    fn to_device<const D: usize>(state: MuonState<D>, device: &Device) -> MuonState<D> {
        MuonState::new(state.momentum.to_device(device))
    }
}

/// The matrix with all its singular values near one.
fn orthogonal(x: Tensor<2>) -> Tensor<2> {
    let [rows, columns] = x.dims();
    let tall = rows > columns;
    let mut x = if tall { x.transpose() } else { x };
    let norm = x.clone().square().sum().sqrt().clamp_min(EPSILON);
    x = x / norm.unsqueeze();
    let [first, third, fifth] = POWERS;
    for _ in 0..ITERATIONS {
        let square = linear(x.clone(), x.clone().transpose(), None);
        let fourth = linear(square.clone(), square.clone(), None);
        let factor = square.mul_scalar(third) + fourth.mul_scalar(fifth);
        x = x.clone().mul_scalar(first) + linear(factor, x, None);
    }
    if tall { x.transpose() } else { x }
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use burn::optim::decay::WeightDecayConfig;
    use burn::optim::{AdjustLrFn, MuonConfig};
    use burn::tensor::Distribution;

    #[test]
    fn steps_are_those_of_burn() {
        let device = Device::flex();
        let random = |sides| Tensor::<2>::random(sides, Distribution::Normal(0.0, 1.0), &device);
        let theirs = MuonConfig::new()
            .with_adjust_lr_fn(AdjustLrFn::MatchRmsAdamW)
            .with_weight_decay(Some(WeightDecayConfig::new(0.5)))
            .build();
        let ours = Muon::new(0.5);
        for sides in [[48, 96], [96, 48], [32, 32], [8, 40]] {
            let start = random(sides);
            let mut weights = [start.clone(), start];
            let mut states = [None, None];
            for _ in 0..3 {
                let gradient = random(sides);
                let [w, v] = weights;
                let [s, r] = states;
                let (w, s) = ours.step(0.01, w, gradient.clone(), s);
                let (v, r) = theirs.step(0.01, v, gradient, r);
                let off: f32 = (w.clone() - v.clone()).abs().max().into_scalar();
                // A hundredth, the longest step, times what five iterations make of rounding.
                assert!(off < 1e-5, "{sides:?}: {off}");
                (weights, states) = ([w, v], [s, r]);
            }
        }
    }

    #[test]
    fn a_kernel_steps_as_its_matrix() {
        let device = Device::flex();
        let random = || Tensor::<4>::random([8, 3, 4, 4], Distribution::Normal(0.0, 1.0), &device);
        let (weights, gradient) = (random(), random());
        let matrix = |kernel: Tensor<4>| kernel.reshape([8, 48]);
        let muon = Muon::new(0.5);
        let (expected, _) = muon.step(
            0.01,
            matrix(weights.clone()),
            matrix(gradient.clone()),
            None,
        );
        let (stepped, _) = muon.step(0.01, weights, gradient, None);
        assert_eq!(matrix(stepped).into_data(), expected.into_data());
    }

    #[test]
    fn no_gradient_changes_nothing_but_the_decay() {
        let device = Device::flex();
        let weights = Tensor::<2>::ones([4, 6], &device);
        let (stepped, _) = Muon::new(0.5).step(0.1, weights, Tensor::zeros([4, 6], &device), None);
        let off: f32 = (stepped - 0.95).abs().max().into_scalar();
        assert!(off < 1e-6, "{off}"); // as 0.95 is rounded
    }
}
