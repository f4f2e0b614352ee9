//! How to solve the flow: everything that decides a picture besides the model and its input.

use flowinone_sampler::{Grid, GuidanceRule, Solver};
use serde::{Deserialize, Serialize};

use crate::Error;

/// Settings of a run; together with model, input and item number they determine the picture.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Number of steps from source to picture (ignored by adaptive solvers).
    pub steps: usize,
    /// How the conditional and unconditional branches combine.
    pub guidance: GuidanceRule,
    /// The integration rule.
    pub solver: Solver,
    /// Where the steps lie.
    pub grid: Grid,
    /// Scale of all noise: 1 samples, 0 takes the means of source and structure.
    pub noise: f64,
}

impl Settings {
    /// The published setting: 50 Euler steps on the reference grid, guidance 7.
    pub fn published() -> Self {
        Self {
            steps: 50,
            guidance: GuidanceRule::Constant { scale: 7.0 },
            solver: Solver::Euler,
            grid: Grid::Reference,
            noise: 1.0,
        }
    }

    /// What suits the small model: 10 Euler steps without guidance.
    pub fn mini() -> Self {
        Self {
            steps: 10,
            guidance: GuidanceRule::Constant { scale: 1.0 },
            solver: Solver::Euler,
            grid: Grid::Uniform,
            noise: 1.0,
        }
    }

    /// Checks the parts that the sampler does not check itself.
    ///
    /// # Errors
    /// Names the setting and its allowed range.
    pub fn validate(&self) -> Result<(), Error> {
        if !(0.0..=10.0).contains(&self.noise) {
            return Err(Error::Settings(format!(
                "noise {} is outside 0 to 10 (1 is the model's own, 0 is deterministic)",
                self.noise
            )));
        }
        if !(1..=100_000).contains(&self.steps) {
            return Err(Error::Settings(format!(
                "{} steps are outside 1 to 100000",
                self.steps
            )));
        }
        Ok(())
    }
}
