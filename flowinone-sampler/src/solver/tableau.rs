//! Explicit Runge-Kutta rules: `k_i = v(x + dt * sum_j a_ij k_j, t + c_i dt)`,
//! `x' = x + dt * sum_i b_i k_i`.

use burn::tensor::Tensor;

use super::{OdeSolver, Slope};
use crate::{Error, Evaluator, Step};

/// The coefficients of an explicit Runge-Kutta rule with `S` stages (its Butcher tableau).
///
/// Where the last stage is evaluated at the result (its row equals the weights and its node is 1),
/// it serves as the first stage of the next step, which then costs one evaluation less.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tableau<const S: usize> {
    /// Order of the rule.
    pub order: u32,
    /// `c`: the stages' times, as fractions of the step.
    pub nodes: [f64; S],
    /// `a`: row `i` weighs the stages before `i`; the rest is 0.
    pub matrix: [[f64; S]; S],
    /// `b`: the weights of the result.
    pub weights: [f64; S],
}

/// What one step of a tableau computed.
pub(crate) struct Stages<const D: usize> {
    /// The state at the end.
    pub(crate) x: Tensor<D>,
    /// The stages' velocities.
    pub(crate) slopes: Vec<Tensor<D>>,
}

impl<const S: usize> Tableau<S> {
    /// Whether the last stage is the first of the next step.
    pub(crate) fn last_is_next_first(&self) -> bool {
        S > 1 && self.nodes[S - 1] == 1.0 && self.matrix[S - 1] == self.weights
    }

    /// All stages of one step and its result; `first` is the first stage's velocity if known.
    pub(crate) fn stages<const D: usize>(
        &self,
        step: Step,
        x: &Tensor<D>,
        field: &mut Evaluator<'_, D>,
        first: Option<Tensor<D>>,
    ) -> Result<Stages<D>, Error> {
        let mut slopes = Vec::with_capacity(S);
        slopes.extend(first);
        let mut at = x.clone();
        for stage in slopes.len()..S {
            at = moved(x, step.dt, &self.matrix[stage], &slopes);
            let t = step.t + self.nodes[stage] * step.dt;
            slopes.push(field.velocity(stage + 1, at.clone(), t)?);
        }
        let end = self.last_is_next_first();
        let x = if end {
            at
        } else {
            moved(x, step.dt, &self.weights, &slopes)
        };
        Ok(Stages { x, slopes })
    }
}

impl<const S: usize> OdeSolver for Tableau<S> {
    fn order(&self) -> u32 {
        self.order
    }

    fn step<const D: usize>(
        &self,
        step: Step,
        x: Tensor<D>,
        field: &mut Evaluator<'_, D>,
        history: &mut Vec<Slope<D>>,
    ) -> Result<Tensor<D>, Error> {
        let first = history.pop().map(|slope| slope.velocity);
        let Stages { x, mut slopes } = self.stages(step, &x, field, first)?;
        if self.last_is_next_first() {
            let velocity = slopes.swap_remove(S - 1);
            history.push(Slope {
                t: step.t + step.dt,
                velocity,
            });
        }
        Ok(x)
    }
}

/// `x + dt * sum_j weights_j slopes_j` over the slopes there are.
fn moved<const D: usize>(
    x: &Tensor<D>,
    dt: f64,
    weights: &[f64],
    slopes: &[Tensor<D>],
) -> Tensor<D> {
    let terms = weights
        .iter()
        .zip(slopes)
        .filter(|(weight, _)| **weight != 0.0);
    terms.fold(x.clone(), |sum, (weight, slope)| {
        sum + slope.clone().mul_scalar(weight * dt)
    })
}

#[cfg(test)]
mod tests {
    use super::super::{DOPRI5, EULER, HEUN, MIDPOINT, RK4};
    use super::*;

    fn is_consistent<const S: usize>(tableau: &Tableau<S>) {
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-14, "{a} against {b}");
        close(tableau.weights.iter().sum(), 1.0);
        for (stage, row) in tableau.matrix.iter().enumerate() {
            close(row.iter().sum(), tableau.nodes[stage]);
            assert!(
                row[stage..].iter().all(|a| *a == 0.0),
                "stage {stage} must be explicit"
            );
        }
    }

    #[test]
    fn rows_add_up_to_the_nodes_and_weights_to_one() {
        is_consistent(&EULER);
        is_consistent(&MIDPOINT);
        is_consistent(&HEUN);
        is_consistent(&RK4);
        is_consistent(&DOPRI5);
    }

    #[test]
    fn only_dopri5_hands_its_last_stage_on() {
        assert!(DOPRI5.last_is_next_first());
        assert!(!EULER.last_is_next_first());
        assert!(!HEUN.last_is_next_first());
    }
}
