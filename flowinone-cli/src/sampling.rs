//! The options that every sampling command shares, laid over the model's own defaults.

use anyhow::Result;
use flowinone_sampler::{Grid, GuidanceRule, Solver};
use flowinone_tasks::Settings;

/// How to solve the flow; what is not given comes from the model directory.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Sampling")]
pub(crate) struct Sampling {
    /// Steps from source to picture
    #[arg(long, value_name = "N")]
    pub(crate) steps: Option<usize>,
    /// Guidance scale; 1 turns guidance off and halves the cost
    #[arg(long, value_name = "W", allow_negative_numbers = true)]
    pub(crate) guidance: Option<f64>,
    /// Guide only between these times, for example 0.1,0.8
    #[arg(long, value_name = "FROM,TO", value_parser = interval, conflicts_with = "cfg_zero_star")]
    pub(crate) guidance_interval: Option<(f64, f64)>,
    /// Fit the unconditional branch to the conditional one before guiding (CFG-Zero*)
    #[arg(long)]
    pub(crate) cfg_zero_star: bool,
    /// euler, midpoint, heun, rk4, ab2, ab3, or dopri5[:rtol=1e-4,atol=1e-6,max_steps=200]
    #[arg(long, value_name = "NAME")]
    pub(crate) solver: Option<Solver>,
    /// reference (the published one, Euler only) or uniform (the default of other solvers)
    #[arg(long, value_name = "NAME")]
    pub(crate) grid: Option<Grid>,
    /// Scale of all noise; 0 takes the means and is fully deterministic
    #[arg(long, value_name = "S", allow_negative_numbers = true)]
    pub(crate) noise: Option<f64>,
    /// Seed of the noise
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
}

impl Sampling {
    /// The settings of a run.
    pub(crate) fn settings(&self, defaults: &Settings) -> Result<Settings> {
        let scale = self.guidance.unwrap_or(defaults.guidance.scale());
        let guidance = match (self.guidance_interval, self.cfg_zero_star) {
            (Some((from, to)), _) => GuidanceRule::Interval { scale, from, to },
            (None, true) => GuidanceRule::ZeroStar { scale },
            (None, false) => match defaults.guidance {
                GuidanceRule::Constant { .. } => GuidanceRule::Constant { scale },
                GuidanceRule::Interval { from, to, .. } => {
                    GuidanceRule::Interval { scale, from, to }
                }
                GuidanceRule::ZeroStar { .. } => GuidanceRule::ZeroStar { scale },
            },
        };
        let solver = self.solver.unwrap_or(defaults.solver);
        let grid = match (self.grid, solver) {
            (Some(grid), _) => grid,
            (None, Solver::Euler) => defaults.grid,
            (None, _) => Grid::Uniform,
        };
        let settings = Settings {
            steps: self.steps.unwrap_or(defaults.steps),
            guidance,
            solver,
            grid,
            noise: self.noise.unwrap_or(defaults.noise),
        };
        settings.validate()?;
        Ok(settings)
    }
}

fn interval(text: &str) -> Result<(f64, f64), String> {
    let parse = |part: &str| part.trim().parse::<f64>().ok();
    text.split_once(',')
        .and_then(|(from, to)| Some((parse(from)?, parse(to)?)))
        .ok_or_else(|| format!("{text:?} is not two times like 0.1,0.8"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Options {
        #[command(flatten)]
        sampling: Sampling,
    }

    fn settings(line: &str) -> Settings {
        let words = std::iter::once("test").chain(line.split_whitespace());
        let options = Options::try_parse_from(words).unwrap();
        options.sampling.settings(&Settings::published()).unwrap()
    }

    #[test]
    fn every_option_reaches_the_settings() {
        let published = Settings::published();
        assert_eq!(settings(""), published);
        assert_eq!(settings("--steps 8").steps, 8);
        assert_eq!(
            settings("--guidance 3").guidance,
            GuidanceRule::Constant { scale: 3.0 }
        );
        let interval = GuidanceRule::Interval {
            scale: 7.0,
            from: 0.1,
            to: 0.8,
        };
        assert_eq!(settings("--guidance-interval 0.1,0.8").guidance, interval);
        let zero_star = GuidanceRule::ZeroStar { scale: 2.0 };
        assert_eq!(settings("--cfg-zero-star --guidance 2").guidance, zero_star);
        assert_eq!(settings("--noise 0").noise, 0.0);
        assert_eq!(settings("--grid uniform").grid, Grid::Uniform);
        assert_eq!(settings("--solver ab2").grid, Grid::Uniform);
        assert_eq!(settings("--solver ab2").solver, Solver::Ab2);
        assert_eq!(
            settings("--solver ab2 --grid reference").grid,
            Grid::Reference
        );
    }

    #[test]
    fn nonsense_is_refused() {
        for line in ["--steps 0", "--noise -1", "--noise nan"] {
            let words = std::iter::once("test").chain(line.split_whitespace());
            if let Ok(options) = Options::try_parse_from(words) {
                assert!(
                    options.sampling.settings(&Settings::published()).is_err(),
                    "{line}"
                );
            }
        }
    }
}
