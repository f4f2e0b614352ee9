//! The options that every sampling command shares, laid over the model's own defaults.

use anyhow::Result;
use flowinone_sampler::{Grid, GuidanceRule, Solver};
use flowinone_tasks::{Adjustment, ModelConfig, Settings};

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
    /// constant, zero-star (CFG-Zero*), or interval=FROM-TO: guide only between these times; a
    /// distilled model has its own
    #[arg(long, value_name = "RULE")]
    pub(crate) guidance_rule: Option<GuidanceRule>,
    /// euler, midpoint, heun, rk4, ab2, ab3, or dopri5 (dopri5:rtol=1e-3,atol=1e-4 for other
    /// tolerances); map for a distilled model
    #[arg(long, value_name = "NAME")]
    pub(crate) solver: Option<Solver>,
    /// reference (the published one, Euler only) or uniform (the default of other solvers)
    #[arg(long, value_name = "NAME")]
    pub(crate) grid: Option<Grid>,
    /// Scale of all noise; 0 takes the means and is fully deterministic
    #[arg(long, value_name = "S", allow_negative_numbers = true)]
    pub(crate) noise: Option<f64>,
    /// Stop guiding when the branches agree: once 1 - their cosine similarity is below D; 0 is off
    #[arg(long, value_name = "D", allow_negative_numbers = true)]
    pub(crate) adaptive_guidance: Option<f64>,
    /// Keep a velocity while its estimated relative change is below E; 0 is off
    #[arg(long, value_name = "E", allow_negative_numbers = true)]
    pub(crate) step_cache: Option<f64>,
    /// Keep a velocity while the output of the first block has changed by less than this share; 0
    /// is off
    #[arg(long, value_name = "E", allow_negative_numbers = true)]
    pub(crate) first_block_cache: Option<f64>,
    /// Start from the model's fast setting (see `tune`) instead of its default; it is printed
    #[arg(long)]
    pub(crate) fast: bool,
    /// Seed of the noise
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
}

impl Sampling {
    /// The settings of a run of a model. A fast one is printed, with the options that were laid
    /// over it.
    pub(crate) fn of_model(&self, model: &ModelConfig) -> Result<Settings> {
        let adjustment = self.adjustment();
        let preset = adjustment.preset(model);
        let settings = self.settings(&preset)?;
        model.check(&settings)?;
        if self.fast {
            let origin = match model.fast {
                Some(_) => "stored in the model",
                None => {
                    "built in, error not measured: `flowinone tune --store` finds the model's own"
                }
            };
            let changed = match settings == preset {
                true => "",
                false => ", changed by other options",
            };
            tell!("fast: {settings} ({origin}{changed})");
        }
        Ok(settings)
    }

    /// What these options say, for a model that is not here.
    #[cfg(feature = "queue")]
    pub(crate) fn said(&self) -> Adjustment {
        let rule = |rule: GuidanceRule| {
            let guided = Settings {
                guidance: rule,
                ..Settings::mini()
            };
            Adjustment::of(&guided).guidance_rule
        };
        Adjustment {
            guidance_rule: self.guidance_rule.and_then(rule),
            ..self.adjustment()
        }
    }

    /// These options laid over other settings.
    fn settings(&self, defaults: &Settings) -> Result<Settings> {
        let settings = self.adjustment().over(defaults)?;
        Ok(match self.guidance_rule {
            Some(rule) => Settings {
                guidance: rule.with_scale(settings.guidance.scale()),
                ..settings
            },
            None => settings,
        })
    }

    /// What they change; the rule of guidance has been read already.
    fn adjustment(&self) -> Adjustment {
        Adjustment {
            fast: self.fast,
            steps: self.steps,
            guidance: self.guidance,
            guidance_rule: None,
            solver: self.solver,
            grid: self.grid,
            noise: self.noise,
            adaptive_guidance: self.adaptive_guidance,
            step_cache: self.step_cache,
            first_block_cache: self.first_block_cache,
        }
    }
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
        assert_eq!(
            settings("--guidance-rule interval=0.1-0.8").guidance,
            interval
        );
        let zero_star = GuidanceRule::ZeroStar { scale: 2.0 };
        assert_eq!(
            settings("--guidance-rule zero-star --guidance 2").guidance,
            zero_star
        );
        assert_eq!(settings("--guidance-rule constant"), published);
        assert_eq!(settings("--noise 0").noise, 0.0);
        assert_eq!(settings("--adaptive-guidance 0.02").adaptive_guidance, 0.02);
        assert_eq!(settings("--step-cache 0.1").step_cache, 0.1);
        assert_eq!(settings("--grid uniform").grid, Grid::Uniform);
        assert_eq!(settings("--solver ab2").grid, Grid::Uniform);
        assert_eq!(settings("--solver ab2").solver, Solver::Ab2);
        assert_eq!(
            settings("--solver ab2 --grid reference").grid,
            Grid::Reference
        );
    }

    #[test]
    fn fast_starts_from_the_models_own_setting_or_the_built_in_one() {
        let fast = |line: &str, model: &ModelConfig| {
            let words = ["test", "--fast"]
                .into_iter()
                .chain(line.split_whitespace());
            let options = Options::try_parse_from(words).unwrap();
            options.sampling.of_model(model).unwrap()
        };
        let mut model = ModelConfig::flowinone_256();
        assert_eq!(fast("", &model), Settings::published().faster());
        let stored = Settings {
            steps: 7,
            step_cache: 0.2,
            ..Settings::published().faster()
        };
        model.fast = Some(stored);
        assert_eq!(fast("", &model), stored);
        let longer = Settings { steps: 9, ..stored };
        assert_eq!(fast("--steps 9", &model), longer);
        let bare = fast("--step-cache 0 --guidance-rule constant", &model);
        assert_eq!(bare.step_cache, 0.0);
        assert_eq!(bare.guidance, GuidanceRule::Constant { scale: 7.0 });
    }

    #[test]
    fn nonsense_is_refused() {
        for line in [
            "--steps 0",
            "--noise -1",
            "--noise nan",
            "--adaptive-guidance -0.1",
            "--step-cache nan",
            "--step-cache 0.1 --solver dopri5",
        ] {
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
