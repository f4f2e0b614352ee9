//! Which settings are measured: solvers times steps, plain and with savings.

use flowinone_sampler::{Grid, GuidanceRule, Interval, Solver};

use crate::{Error, Settings};

/// What the settings are made of.
#[derive(Debug, Clone, Copy)]
pub struct Trials<'a> {
    /// Solvers, on the uniform grid.
    pub solvers: &'a [Solver],
    /// Numbers of steps.
    pub steps: &'a [usize],
    /// Intervals of guidance.
    pub intervals: &'a [Interval],
    /// Thresholds of adaptive guidance.
    pub adaptive: &'a [f64],
    /// Thresholds of the step cache.
    pub cache: &'a [f64],
    /// Thresholds of the first-block cache.
    pub first_block: &'a [f64],
    /// All combinations of savings; otherwise each alone.
    pub combine: bool,
}

impl Trials<'_> {
    /// The settings to measure, the one aimed at first; without guidance nothing that only saves
    /// guidance.
    ///
    /// # Errors
    /// An adaptive solver, or numbers outside their range.
    pub fn settings(&self, aim: &Settings) -> Result<Vec<Settings>, Error> {
        if let Some(solver) = self
            .solvers
            .iter()
            .find(|solver| matches!(solver, Solver::Dopri5(_)))
        {
            return Err(Error::Settings(format!(
                "{solver} takes no number of steps and cannot be measured so; it can be the truth"
            )));
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
        if plain.guidance.is_guided() {
            let rule =
                |&Interval { from, to }: &Interval| GuidanceRule::Interval { scale, from, to };
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

#[cfg(test)]
mod tests {
    use super::*;

    fn lists(combine: bool) -> Trials<'static> {
        Trials {
            solvers: &[Solver::Euler, Solver::Ab2],
            steps: &[4, 8],
            intervals: &[Interval { from: 0.0, to: 0.5 }],
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
        let unguided = Settings {
            guidance: guided.guidance.with_scale(1.0),
            ..guided
        };
        assert_eq!(lists(true).settings(&unguided).unwrap().len(), 1 + 4 * 4);
    }

    #[test]
    fn what_cannot_be_measured_is_refused() {
        let aim = Settings::published();
        let dopri5 = Trials {
            solvers: &["dopri5".parse().unwrap()],
            ..lists(false)
        };
        assert!(
            dopri5
                .settings(&aim)
                .unwrap_err()
                .to_string()
                .contains("dopri5")
        );
        let negative = Trials {
            cache: &[-0.1],
            ..lists(false)
        };
        assert!(negative.settings(&aim).is_err());
        let none = Trials {
            steps: &[0],
            ..lists(false)
        };
        assert!(none.settings(&aim).is_err());
    }
}
