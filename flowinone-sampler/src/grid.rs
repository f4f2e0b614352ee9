//! Time grids on [0, 1]: where the velocity is evaluated, and how far each step goes.
//!
//! `uniform`: `t_i = i / n`, `dt_i = 1 / n`.
//!
//! `reference`: `t_i = linspace(0, 1 - 1e-5, n)[i]` with both ends, and
//! `dt_i = g[i + 1] - g[i]` with `g = linspace(1e-5, 1, n + 1)`, both in float32 as the published
//! sampler computes them. Its evaluation times run ahead of its steps, so it only suits Euler.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Error;

/// One step: the time at which its (first) velocity is evaluated, and its length.
///
/// The two are apart because the reference grid evaluates elsewhere than where its steps begin.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Evaluation time.
    pub t: f64,
    /// Step length; negative runs backwards.
    pub dt: f64,
}

/// A rule that cuts the time from 0 to 1 into steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Grid {
    /// The published sampler's grid, bit for bit; for Euler only.
    #[default]
    Reference,
    /// Equal steps, each evaluated where it begins; for every solver.
    Uniform,
}

impl Grid {
    /// Every grid, in the order of the documentation.
    pub const ALL: [Self; 2] = [Self::Reference, Self::Uniform];

    /// The grid's name, `reference` or `uniform`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reference => "reference",
            Self::Uniform => "uniform",
        }
    }

    /// The `n` steps from 0 to 1, or [`Error::NoSteps`] for `n = 0`.
    pub fn steps(self, n: usize) -> Result<Vec<Step>, Error> {
        if n == 0 {
            return Err(Error::NoSteps);
        }
        Ok(match self {
            Self::Uniform => (0..n)
                .map(|i| Step {
                    t: i as f64 / n as f64,
                    dt: 1.0 / n as f64,
                })
                .collect(),
            Self::Reference => {
                let times = linspace(0.0, 1.0 - 1e-5, n);
                let edges = linspace(1e-5, 1.0, n + 1);
                let lengths = edges.windows(2).map(|edge| edge[1] - edge[0]);
                times
                    .iter()
                    .zip(lengths)
                    .map(|(&t, dt)| Step {
                        t: t.into(),
                        dt: dt.into(),
                    })
                    .collect()
            }
        })
    }
}

impl fmt::Display for Grid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Grid {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|grid| grid.name() == text)
            .ok_or_else(|| Error::Unreadable {
                kind: "grid",
                text: text.to_owned(),
                expected: "reference or uniform",
            })
    }
}

/// `n` float32 numbers from `start` to `end` as `PyTorch` rounds them: the first half counted from
/// the start, the second from the end, each with one fused multiply-add (rounding the product as
/// well would change 18 of 50 step lengths).
fn linspace(start: f64, end: f64, n: usize) -> Vec<f32> {
    let (start, end) = (start as f32, end as f32);
    if n == 1 {
        return vec![start];
    }
    let step = (end - start) / (n - 1) as f32;
    let from_start = |i: usize| step.mul_add(i as f32, start);
    let from_end = |i: usize| (-step).mul_add((n - 1 - i) as f32, end);
    (0..n)
        .map(|i| {
            if i < n / 2 {
                from_start(i)
            } else {
                from_end(i)
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uniform_steps_join_and_end_at_one() {
        let steps = Grid::Uniform.steps(7).unwrap();
        for pair in steps.windows(2) {
            assert!((pair[0].t + pair[0].dt - pair[1].t).abs() < 1e-15);
        }
        let last = steps[6];
        assert!((last.t + last.dt - 1.0).abs() < 1e-15);
    }

    #[test]
    fn reference_times_include_both_ends() {
        let steps = Grid::Reference.steps(50).unwrap();
        assert_eq!(steps[0].t, 0.0);
        assert_eq!(steps[49].t, f64::from(0.99999_f32));
        let sum: f64 = steps.iter().map(|step| step.dt).sum();
        assert!((sum - 0.99999).abs() < 1e-7, "the steps add up to {sum}");
    }

    #[test]
    fn one_reference_step_starts_at_zero() {
        let steps = Grid::Reference.steps(1).unwrap();
        assert_eq!(steps.len(), 1);
        assert_eq!(steps[0].t, 0.0);
    }

    #[test]
    fn zero_steps_are_an_error() {
        assert_eq!(Grid::Uniform.steps(0), Err(Error::NoSteps));
        assert_eq!(Grid::Reference.steps(0), Err(Error::NoSteps));
    }

    #[test]
    fn names_survive_a_round_trip() {
        for grid in Grid::ALL {
            assert_eq!(grid.to_string().parse(), Ok(grid));
            let json = serde_json::to_string(&grid).unwrap();
            assert_eq!(json, format!("\"{grid}\""));
            assert_eq!(serde_json::from_str::<Grid>(&json).unwrap(), grid);
        }
        let error = "cosine".parse::<Grid>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "`cosine` is not a grid: use reference or uniform"
        );
    }
}
