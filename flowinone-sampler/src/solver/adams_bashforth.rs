//! Adams-Bashforth: one new evaluation a step, the rest from steps before it.
//! `x' = x + sum_j w_j k_j`, with `w_j` the integral over the step of the polynomial that is 1 at
//! the time of `k_j` and 0 at those of the others; steps may be uneven. On even steps
//!
//! - two slopes: `w = dt (3/2, -1/2)`
//! - three slopes: `w = dt (23/12, -16/12, 5/12)`
//!
//! The start costs nothing extra and keeps the order. The first step is Euler's, off by O(dt^2);
//! the second step's own evaluation `k2`, at the end of it, is what Heun's rule would have used,
//! so the second step first adds `dt/2 (k2 - k1)`, which leaves O(dt^3). That happens once, and an
//! O(dt^3) error made once does not lower a third-order rule.

use burn::tensor::Tensor;

use super::{OdeSolver, Slope};
use crate::{Error, Evaluator, Step};

/// Two slopes: order 2, exactly one evaluation a step.
pub const AB2: AdamsBashforth = AdamsBashforth { slopes: 2 };

/// Three slopes: order 3, exactly one evaluation a step.
pub const AB3: AdamsBashforth = AdamsBashforth { slopes: 3 };

/// A multistep rule, [`AB2`] or [`AB3`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdamsBashforth {
    slopes: usize,
}

impl OdeSolver for AdamsBashforth {
    fn order(&self) -> u32 {
        self.slopes as u32
    }

    fn step<const D: usize>(
        &self,
        step: Step,
        x: Tensor<D>,
        field: &mut Evaluator<'_, D>,
        history: &mut Vec<Slope<D>>,
    ) -> Result<Tensor<D>, Error> {
        let velocity = field.velocity(1, x.clone(), step.t)?;
        let x = match history.as_slice() {
            [first] => x + heun_correction(first, &velocity, step.t),
            _ => x,
        };
        if history.len() == self.slopes {
            history.remove(0);
        }
        history.push(Slope {
            t: step.t,
            velocity,
        });
        let times: Vec<f64> = history.iter().map(|slope| slope.t).collect();
        let weighted = weights(&times, step.dt).into_iter().zip(history.iter());
        Ok(weighted.fold(x, |x, (weight, slope)| {
            x + slope.velocity.clone().mul_scalar(weight)
        }))
    }
}

/// What lifts the first step from Euler's to Heun's: `dt/2 (k2 - k1)`, `dt = t - t_1`.
fn heun_correction<const D: usize>(first: &Slope<D>, second: &Tensor<D>, t: f64) -> Tensor<D> {
    (second.clone() - first.velocity.clone()).mul_scalar((t - first.t) / 2.0)
}

/// The integrals from the last of `times` over `dt` of the polynomials through `times`, by
/// Simpson's rule, which is exact for their degree of at most 2.
fn weights(times: &[f64], dt: f64) -> Vec<f64> {
    let start = times[times.len() - 1];
    let basis = |j: usize, s: f64| -> f64 {
        let others = times.iter().enumerate().filter(|(m, _)| *m != j);
        others
            .map(|(_, other)| (s - other) / (times[j] - other))
            .product()
    };
    let simpson = |j| basis(j, start) + 4.0 * basis(j, start + dt / 2.0) + basis(j, start + dt);
    (0..times.len()).map(|j| dt / 6.0 * simpson(j)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_weights(times: &[f64], dt: f64, expected: &[f64]) {
        for (actual, expected) in weights(times, dt).iter().zip(expected) {
            assert!(
                (actual - expected).abs() < 1e-14,
                "{actual} against {expected}"
            );
        }
    }

    #[test]
    fn even_steps_give_the_textbook_weights() {
        assert_weights(&[0.0], 0.5, &[0.5]);
        assert_weights(&[0.0, 0.5], 0.5, &[-0.25, 0.75]);
        assert_weights(
            &[0.0, 0.5, 1.0],
            0.5,
            &[5.0 / 24.0, -16.0 / 24.0, 23.0 / 24.0],
        );
    }

    #[test]
    fn uneven_steps_integrate_a_parabola_exactly() {
        let times = [0.0, 0.3, 0.4];
        let weights = weights(&times, 0.5);
        let sum: f64 = times
            .iter()
            .zip(&weights)
            .map(|(t, w)| 3.0 * t * t * w)
            .sum();
        assert!((sum - (0.9f64.powi(3) - 0.4f64.powi(3))).abs() < 1e-14);
    }
}
