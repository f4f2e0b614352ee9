//! How to solve the flow: everything that decides a picture besides the model and its input.

use std::fmt;

use flowinone_sampler::{Grid, GuidanceRule, Solver};
use serde::{Deserialize, Serialize};

use crate::Error;

/// Largest scale of guidance, either way.
const MOST_GUIDANCE: f64 = 1000.0;

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
    /// Guidance of an item ends when `1 - cosine similarity` of its branches falls below this; 0 is
    /// off.
    #[serde(default)]
    pub adaptive_guidance: f64,
    /// An item keeps its velocity while the estimated relative change stays below this; 0 is off.
    #[serde(default)]
    pub step_cache: f64,
    /// An item keeps its velocity while the first block's output has changed by less than this; 0
    /// is off.
    #[serde(default)]
    pub first_block_cache: f64,
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
            adaptive_guidance: 0.0,
            step_cache: 0.0,
            first_block_cache: 0.0,
        }
    }

    /// What suits small models without guidance: 10 Euler steps.
    pub fn mini() -> Self {
        Self {
            steps: 10,
            guidance: GuidanceRule::Constant { scale: 1.0 },
            solver: Solver::Euler,
            grid: Grid::Uniform,
            noise: 1.0,
            adaptive_guidance: 0.0,
            step_cache: 0.0,
            first_block_cache: 0.0,
        }
    }

    /// A faster setting near this one, for models that have none stored: a fifth of the steps, 5 to
    /// 10, of `ab2` on the uniform grid, guided as before; half the steps of a map. Its error
    /// depends on the model.
    #[must_use]
    pub fn faster(&self) -> Self {
        if self.solver == Solver::Map {
            let steps = (self.steps / 2).max(1);
            return Self { steps, ..*self };
        }
        Self {
            steps: (self.steps / 5).clamp(5, 10).min(self.steps),
            solver: Solver::Ab2,
            grid: Grid::Uniform,
            ..*self
        }
    }

    /// The same with every evaluation of the network: no adaptive guidance and no caches.
    #[must_use]
    pub fn without_savings(&self) -> Self {
        Self {
            adaptive_guidance: 0.0,
            step_cache: 0.0,
            first_block_cache: 0.0,
            ..*self
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
        for (name, value) in [
            ("adaptive guidance", self.adaptive_guidance),
            ("step cache", self.step_cache),
            ("first-block cache", self.first_block_cache),
        ] {
            if !(0.0..=1e6).contains(&value) {
                return Err(Error::Settings(format!(
                    "{name} threshold {value} is outside 0 to 1e6 (0 is off)"
                )));
            }
        }
        let scale = self.guidance.scale();
        if !(-MOST_GUIDANCE..=MOST_GUIDANCE).contains(&scale) {
            return Err(Error::Settings(format!(
                "guidance scale {scale} is outside -{MOST_GUIDANCE} to {MOST_GUIDANCE} (1 is no guidance)"
            )));
        }
        let keeps = self.step_cache > 0.0 || self.first_block_cache > 0.0;
        if keeps && matches!(self.solver, Solver::Dopri5(_)) {
            return Err(Error::Settings(
                "step and first-block caches hide from dopri5 the errors that it steps by; choose another solver or 0 for both".into(),
            ));
        }
        if keeps && self.solver == Solver::Map {
            return Err(Error::Settings(
                "step and first-block caches keep velocities, and the map has an average of its own for every step; choose 0 for both and fewer steps".into(),
            ));
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

/// In a few words: `10 steps of ab2 on the uniform grid, guidance 7`.
impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.solver {
            Solver::Dopri5(_) => write!(f, "{}", self.solver)?,
            solver => write!(
                f,
                "{} steps of {solver} on the {} grid",
                self.steps, self.grid
            )?,
        }
        match self.guidance {
            GuidanceRule::Interval { scale, from, to } if scale != 1.0 => {
                write!(f, ", guidance {scale} for t in {from} to {to}")?;
            }
            GuidanceRule::ZeroStar { scale } if scale != 1.0 => {
                write!(f, ", guidance {scale} (zero-star)")?;
            }
            GuidanceRule::Distilled { scale } => write!(f, ", guidance {scale} (distilled)")?,
            rule => write!(f, ", guidance {}", rule.scale())?,
        }
        if self.adaptive_guidance > 0.0 {
            write!(f, ", adaptive guidance {}", self.adaptive_guidance)?;
        }
        if self.step_cache > 0.0 {
            write!(f, ", step cache {}", self.step_cache)?;
        }
        if self.first_block_cache > 0.0 {
            write!(f, ", first-block cache {}", self.first_block_cache)?;
        }
        if self.noise != 1.0 {
            write!(f, ", noise {}", self.noise)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = r#"{"steps":50,"guidance":{"constant":{"scale":7.0}},"solver":"euler","grid":"reference","noise":1.0}"#;

    #[test]
    fn settings_of_before_the_savings_still_read_and_new_ones_come_back() {
        let old: Settings = serde_json::from_str(OLD).unwrap();
        assert_eq!(old, Settings::published());
        let new = Settings {
            adaptive_guidance: 0.01,
            step_cache: 0.25,
            first_block_cache: 0.125,
            ..old
        };
        let json = serde_json::to_string(&new).unwrap();
        assert!(
            json.contains(
                r#""adaptive_guidance":0.01,"step_cache":0.25,"first_block_cache":0.125"#
            )
        );
        assert_eq!(serde_json::from_str::<Settings>(&json).unwrap(), new);
        let unknown = OLD.replace("noise", "noises");
        assert!(serde_json::from_str::<Settings>(&unknown).is_err());
    }

    #[test]
    fn nonsense_is_named() {
        let refused = |settings: Settings| settings.validate().unwrap_err().to_string();
        let good = Settings::published();
        let negative = Settings {
            step_cache: -1.0,
            ..good
        };
        assert!(refused(negative).contains("step cache threshold -1"));
        let nan = Settings {
            adaptive_guidance: f64::NAN,
            ..good
        };
        assert!(refused(nan).contains("adaptive guidance threshold NaN"));
        let negative = Settings {
            first_block_cache: -1.0,
            ..good
        };
        assert!(refused(negative).contains("first-block cache threshold -1"));
        let blind = Settings {
            step_cache: 0.1,
            solver: "dopri5".parse().unwrap(),
            ..good
        };
        assert!(refused(blind).contains("choose another solver"));
        let kept = Settings {
            first_block_cache: 0.1,
            solver: Solver::Map,
            ..good
        };
        assert!(refused(kept).contains("an average of its own"));
    }

    #[test]
    fn a_faster_setting_costs_at_most_a_fifth_of_the_published_one() {
        let fast = Settings::published().faster();
        assert_eq!(
            fast.to_string(),
            "10 steps of ab2 on the uniform grid, guidance 7"
        );
        fast.validate().unwrap();
        assert_eq!(5 * fast.steps, Settings::published().steps);
        let mini = Settings::mini().faster();
        assert_eq!((mini.steps, mini.guidance.scale()), (5, 1.0));
        let map = Settings {
            steps: 4,
            solver: Solver::Map,
            ..mini
        };
        assert_eq!((map.faster().steps, map.faster().solver), (2, Solver::Map));
        let short = Settings { steps: 2, ..fast };
        assert_eq!(short.faster().steps, 2);
        let interval = GuidanceRule::Interval {
            scale: 3.0,
            from: 0.0,
            to: 0.5,
        };
        let guided = Settings {
            guidance: interval,
            ..fast
        };
        assert!(
            guided
                .to_string()
                .ends_with(", guidance 3 for t in 0 to 0.5")
        );
    }
}
