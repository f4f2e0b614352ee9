//! The solvers by name: `euler`, `midpoint`, `heun`, `rk4`, `ab2`, `ab3`, `dopri5`, `map`.

use std::fmt;
use std::str::FromStr;

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::{AB2, AB3, DOPRI5, EULER, FLOW_MAP, HEUN, MIDPOINT, OdeSolver, RK4, Slope};
use crate::{Error, Evaluator, Step, Tolerance};

/// A solver chosen at run time.
///
/// As text, on a command line and in JSON, it is its name; `dopri5` may carry options:
/// `dopri5:rtol=1e-4,atol=1e-6,max_steps=200`, each with a default.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Solver {
    /// Order 1, one evaluation a step; the published sampler.
    #[default]
    Euler,
    /// Order 2, two evaluations a step.
    Midpoint,
    /// Order 2, two evaluations a step.
    Heun,
    /// Order 4, four evaluations a step.
    Rk4,
    /// Order 2, one evaluation a step.
    Ab2,
    /// Order 3, one evaluation a step.
    Ab3,
    /// Order 5, six evaluations an attempted step, step lengths chosen to meet a tolerance.
    Dopri5(Tolerance),
    /// The map of a field of two times, one evaluation a step.
    Map,
}

impl Solver {
    /// Every solver, with its default options.
    pub const ALL: [Self; 8] = [
        Self::Euler,
        Self::Midpoint,
        Self::Heun,
        Self::Rk4,
        Self::Ab2,
        Self::Ab3,
        Self::Dopri5(Tolerance::DEFAULT),
        Self::Map,
    ];

    /// The solver's name without options.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Euler => "euler",
            Self::Midpoint => "midpoint",
            Self::Heun => "heun",
            Self::Rk4 => "rk4",
            Self::Ab2 => "ab2",
            Self::Ab3 => "ab3",
            Self::Dopri5(_) => "dopri5",
            Self::Map => "map",
        }
    }

    /// The velocity calls that `steps` steps will make; `None` where the solver decides on the way.
    pub const fn calls(self, steps: usize) -> Option<usize> {
        match self {
            Self::Euler | Self::Ab2 | Self::Ab3 | Self::Map => Some(steps),
            Self::Midpoint | Self::Heun => Some(2 * steps),
            Self::Rk4 => Some(4 * steps),
            Self::Dopri5(_) => None,
        }
    }
}

/// [`Solver::Dopri5`] is the fixed-step rule here; [`trajectory`](crate::trajectory) adapts it.
impl OdeSolver for Solver {
    fn order(&self) -> u32 {
        match self {
            Self::Euler => EULER.order(),
            Self::Midpoint => MIDPOINT.order(),
            Self::Heun => HEUN.order(),
            Self::Rk4 => RK4.order(),
            Self::Ab2 => AB2.order(),
            Self::Ab3 => AB3.order(),
            Self::Dopri5(_) => DOPRI5.order(),
            Self::Map => FLOW_MAP.order(),
        }
    }

    fn step<const D: usize>(
        &self,
        step: Step,
        x: Tensor<D>,
        field: &mut Evaluator<'_, D>,
        history: &mut Vec<Slope<D>>,
    ) -> Result<Tensor<D>, Error> {
        match self {
            Self::Euler => EULER.step(step, x, field, history),
            Self::Midpoint => MIDPOINT.step(step, x, field, history),
            Self::Heun => HEUN.step(step, x, field, history),
            Self::Rk4 => RK4.step(step, x, field, history),
            Self::Ab2 => AB2.step(step, x, field, history),
            Self::Ab3 => AB3.step(step, x, field, history),
            Self::Dopri5(_) => DOPRI5.step(step, x, field, history),
            Self::Map => FLOW_MAP.step(step, x, field, history),
        }
    }
}

impl fmt::Display for Solver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dopri5(tolerance) if *tolerance != Tolerance::DEFAULT => {
                write!(f, "dopri5:{tolerance}")
            }
            _ => f.pad(self.name()),
        }
    }
}

impl FromStr for Solver {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if let Some(options) = text.strip_prefix("dopri5:") {
            return Ok(Self::Dopri5(options.parse()?));
        }
        Self::ALL
            .into_iter()
            .find(|solver| solver.name() == text)
            .ok_or_else(|| Error::Unreadable {
                kind: "solver",
                text: text.to_owned(),
                expected: "euler, midpoint, heun, rk4, ab2, ab3, dopri5 or map",
            })
    }
}

impl TryFrom<String> for Solver {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<Solver> for String {
    fn from(solver: Solver) -> Self {
        solver.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_a_round_trip() {
        let tight = Tolerance {
            rtol: 1e-7,
            max_steps: 40,
            ..Tolerance::DEFAULT
        };
        for solver in Solver::ALL.into_iter().chain([Solver::Dopri5(tight)]) {
            assert_eq!(solver.to_string().parse(), Ok(solver));
            let json = serde_json::to_string(&solver).unwrap();
            assert_eq!(serde_json::from_str::<Solver>(&json).unwrap(), solver);
        }
    }

    #[test]
    fn options_of_dopri5_are_read_one_by_one() {
        let solver: Solver = "dopri5:rtol=1e-3".parse().unwrap();
        assert_eq!(
            solver,
            Solver::Dopri5(Tolerance {
                rtol: 1e-3,
                ..Tolerance::DEFAULT
            })
        );
        assert!("dopri5:rtol=-1".parse::<Solver>().is_err());
        assert!("dopri5:speed=9".parse::<Solver>().is_err());
        assert!("dopri5:rtol=fast".parse::<Solver>().is_err());
    }

    #[test]
    fn unknown_name_lists_the_known_ones() {
        let error = "ddim".parse::<Solver>().unwrap_err().to_string();
        assert!(
            error.contains("`ddim` is not a solver: use euler, midpoint"),
            "{error}"
        );
    }
}
