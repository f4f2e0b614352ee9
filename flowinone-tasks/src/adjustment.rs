//! Settings as people state them: some numbers and names, laid over what the model has by default.
//! Options of the program and fields of a request mean the same by it.

use flowinone_sampler::{Grid, GuidanceRule, Solver};
use serde::{Deserialize, Serialize};

use crate::{Error, ModelConfig, Settings};

/// What is to differ from a model's default settings. In JSON `{"steps": 20, "solver": "ab2"}`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Adjustment {
    /// Start from the model's fast setting instead of its default.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub fast: bool,
    /// Steps from source to picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<usize>,
    /// Guidance scale.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guidance: Option<f64>,
    /// `constant`, `zero-star`, `interval=FROM-TO`, or `distilled` of a distilled model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guidance_rule: Option<String>,
    /// The integration rule by its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub solver: Option<Solver>,
    /// Where the steps lie. If `None`, the model's grid for Euler and the uniform one for others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grid: Option<Grid>,
    /// Scale of all noise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noise: Option<f64>,
    /// As [`Settings::adaptive_guidance`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adaptive_guidance: Option<f64>,
    /// As [`Settings::step_cache`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_cache: Option<f64>,
    /// As [`Settings::first_block_cache`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_block_cache: Option<f64>,
}

impl Adjustment {
    /// Everything that decides a picture, said in full; over any model it gives `settings` back.
    pub fn of(settings: &Settings) -> Self {
        let rule = match settings.guidance {
            GuidanceRule::Constant { .. } => "constant".to_string(),
            GuidanceRule::ZeroStar { .. } => "zero-star".to_string(),
            GuidanceRule::Distilled { .. } => "distilled".to_string(),
            GuidanceRule::Interval { from, to, .. } => format!("interval={from}-{to}"),
        };
        Self {
            fast: false,
            steps: Some(settings.steps),
            guidance: Some(settings.guidance.scale()),
            guidance_rule: Some(rule),
            solver: Some(settings.solver),
            grid: Some(settings.grid),
            noise: Some(settings.noise),
            adaptive_guidance: Some(settings.adaptive_guidance),
            step_cache: Some(settings.step_cache),
            first_block_cache: Some(settings.first_block_cache),
        }
    }

    /// The settings that it starts from.
    pub fn preset(&self, model: &ModelConfig) -> Settings {
        match self.fast {
            true => model.fast.unwrap_or_else(|| model.sampling.faster()),
            false => model.sampling,
        }
    }

    /// The settings of a run of a model.
    ///
    /// # Errors
    /// Names the setting that is no such thing, outside its range, or not this model's to choose.
    pub fn of_model(&self, model: &ModelConfig) -> Result<Settings, Error> {
        let settings = self.over(&self.preset(model))?;
        model.check(&settings)?;
        Ok(settings)
    }

    /// It laid over other settings.
    ///
    /// # Errors
    /// Names the setting that is no such thing or outside its range.
    pub fn over(&self, defaults: &Settings) -> Result<Settings, Error> {
        let scale = self.guidance.unwrap_or(defaults.guidance.scale());
        let rule: GuidanceRule = match &self.guidance_rule {
            Some(name) => name.parse()?,
            None => defaults.guidance,
        };
        let solver = self.solver.unwrap_or(defaults.solver);
        let grid = match (self.grid, solver) {
            (Some(grid), _) => grid,
            (None, Solver::Euler) => defaults.grid,
            (None, _) => Grid::Uniform,
        };
        let settings = Settings {
            steps: self.steps.unwrap_or(defaults.steps),
            guidance: rule.with_scale(scale),
            solver,
            grid,
            noise: self.noise.unwrap_or(defaults.noise),
            adaptive_guidance: self.adaptive_guidance.unwrap_or(defaults.adaptive_guidance),
            step_cache: self.step_cache.unwrap_or(defaults.step_cache),
            first_block_cache: self.first_block_cache.unwrap_or(defaults.first_block_cache),
        };
        settings.validate()?;
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_said_in_full_come_back_over_any_model() {
        let interval = Settings {
            guidance: GuidanceRule::Interval {
                scale: 3.0,
                from: 0.125,
                to: 0.75,
            },
            solver: Solver::Ab2,
            grid: Grid::Uniform,
            step_cache: 0.25,
            ..Settings::published()
        };
        let star = Settings {
            guidance: GuidanceRule::ZeroStar { scale: 2.0 },
            ..Settings::mini()
        };
        for settings in [interval, star, Settings::published()] {
            let said = serde_json::to_value(Adjustment::of(&settings)).unwrap();
            let read: Adjustment = serde_json::from_value(said).unwrap();
            for model in [ModelConfig::mini(), ModelConfig::flowinone_256()] {
                assert_eq!(read.of_model(&model).unwrap(), settings);
            }
        }
    }

    #[test]
    fn what_is_not_said_is_the_models() {
        let model = ModelConfig::flowinone_256();
        let read = |text: &str| serde_json::from_str::<Adjustment>(text);
        let settings = |text: &str| read(text).unwrap().of_model(&model);
        assert_eq!(settings("{}").unwrap(), model.sampling);
        assert_eq!(
            settings(r#"{"fast":true}"#).unwrap(),
            model.sampling.faster()
        );
        let ab2 = settings(r#"{"solver":"ab2","guidance":2}"#).unwrap();
        assert_eq!((ab2.grid, ab2.guidance.scale()), (Grid::Uniform, 2.0));
        for bad in [r#"{"step":3}"#, r#"{"steps":-1}"#, r#"{"solver":"best"}"#] {
            assert!(read(bad).is_err(), "{bad}");
        }
        for bad in [
            r#"{"steps":0}"#,
            r#"{"guidance_rule":"much"}"#,
            r#"{"noise":-1}"#,
        ] {
            assert!(settings(bad).is_err(), "{bad}");
        }
    }
}
