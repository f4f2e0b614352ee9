//! Which settings are measured: solvers times steps, plain and with savings.

use std::str::FromStr;

use anyhow::{Result, bail};
use flowinone_sampler::{Grid, GuidanceRule, Solver};
use flowinone_tasks::Settings;

/// An interval of guidance, `FROM-TO`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Span {
    from: f64,
    to: f64,
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no interval FROM-TO within 0 to 1, such as 0-0.5");
        let (from, to) = text.split_once('-').ok_or_else(wrong)?;
        let time = |part: &str| part.trim().parse::<f64>().map_err(|_| wrong());
        let (from, to) = (time(from)?, time(to)?);
        match 0.0 <= from && from <= to && to <= 1.0 {
            true => Ok(Self { from, to }),
            false => Err(wrong()),
        }
    }
}

/// What the settings are made of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lists<'a> {
    pub(super) solvers: &'a [Solver],
    pub(super) steps: &'a [usize],
    pub(super) intervals: &'a [Span],
    pub(super) adaptive: &'a [f64],
    pub(super) cache: &'a [f64],
    pub(super) first_block: &'a [f64],
    /// All combinations of savings; otherwise each alone.
    pub(super) combine: bool,
}

impl Lists<'_> {
    /// The settings to measure, the one aimed at first; without guidance nothing that only saves
    /// guidance.
    pub(super) fn settings(&self, aim: &Settings) -> Result<Vec<Settings>> {
        if let Some(solver) = self
            .solvers
            .iter()
            .find(|solver| matches!(solver, Solver::Dopri5(_)))
        {
            bail!("--solvers {solver}: it takes no number of steps; name it as --truth");
        }
        let mut all = vec![*aim];
        for &solver in self.solvers {
            for &steps in self.steps {
                let plain = Settings {
                    solver,
                    steps,
                    grid: Grid::Uniform,
                    adaptive_guidance: 0.0,
                    step_cache: 0.0,
                    first_block_cache: 0.0,
                    ..*aim
                };
                all.extend(self.with_savings(&plain));
            }
        }
        let mut settings: Vec<Settings> = vec![];
        for one in all {
            one.validate()?;
            if !settings.contains(&one) {
                settings.push(one);
            }
        }
        Ok(settings)
    }

    fn with_savings(&self, plain: &Settings) -> Vec<Settings> {
        let scale = plain.guidance.scale();
        let mut spans = vec![plain.guidance];
        let mut adaptive = vec![0.0];
        if scale != 1.0 {
            let rule = |&Span { from, to }: &Span| GuidanceRule::Interval { scale, from, to };
            spans.extend(self.intervals.iter().map(rule));
            adaptive.extend(self.adaptive);
        }
        let or_not = |thresholds: &[f64]| [&[0.0], thresholds].concat();
        let (cache, first_block) = (or_not(self.cache), or_not(self.first_block));
        let mut all = vec![];
        for (i, &guidance) in spans.iter().enumerate() {
            for (j, &adaptive_guidance) in adaptive.iter().enumerate() {
                for (k, &step_cache) in cache.iter().enumerate() {
                    for (l, &first_block_cache) in first_block.iter().enumerate() {
                        let savings = [i, j, k, l].into_iter().filter(|n| *n > 0).count();
                        if savings <= 1 || self.combine {
                            all.push(Settings {
                                guidance,
                                adaptive_guidance,
                                step_cache,
                                first_block_cache,
                                ..*plain
                            });
                        }
                    }
                }
            }
        }
        all
    }
}

/// The same settings with another guidance scale.
pub(super) fn with_scale(settings: Settings, scale: f64) -> Settings {
    let guidance = match settings.guidance {
        GuidanceRule::Constant { .. } => GuidanceRule::Constant { scale },
        GuidanceRule::ZeroStar { .. } => GuidanceRule::ZeroStar { scale },
        GuidanceRule::Interval { from, to, .. } => GuidanceRule::Interval { scale, from, to },
    };
    Settings {
        guidance,
        ..settings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lists(combine: bool) -> Lists<'static> {
        Lists {
            solvers: &[Solver::Euler, Solver::Ab2],
            steps: &[4, 8],
            intervals: &[Span { from: 0.0, to: 0.5 }],
            adaptive: &[0.01],
            cache: &[0.0, 0.1],
            first_block: &[0.2],
            combine,
        }
    }

    #[test]
    fn savings_come_alone_unless_they_are_combined() {
        let guided = Settings::published();
        // Per solver and steps: plain, interval, adaptive, two caches; and the aim itself.
        assert_eq!(lists(false).settings(&guided).unwrap().len(), 1 + 4 * 5);
        assert_eq!(lists(true).settings(&guided).unwrap().len(), 1 + 4 * 16);
        let unguided = with_scale(guided, 1.0);
        assert_eq!(lists(true).settings(&unguided).unwrap().len(), 1 + 4 * 4);
    }

    #[test]
    fn what_cannot_be_measured_is_refused() {
        let aim = Settings::published();
        let dopri5 = Lists {
            solvers: &["dopri5".parse().unwrap()],
            ..lists(false)
        };
        assert!(
            dopri5
                .settings(&aim)
                .unwrap_err()
                .to_string()
                .contains("--truth")
        );
        let negative = Lists {
            cache: &[-0.1],
            ..lists(false)
        };
        assert!(negative.settings(&aim).is_err());
        let none = Lists {
            steps: &[0],
            ..lists(false)
        };
        assert!(none.settings(&aim).is_err());
        for text in ["0.5", "0.6-0.5", "0-2", "a-b", "nan-1"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
        assert_eq!("0-0.5".parse(), Ok(Span { from: 0.0, to: 0.5 }));
    }
}
