//! The learning rate over time: `rate(k) = rate * min(1, (k + 1) / warm_up) * decay(k)`.

use serde::{Deserialize, Serialize};

/// How the learning rate changes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Highest learning rate.
    pub learning_rate: f64,
    /// Steps over which it rises to that.
    #[serde(default)]
    pub warm_up: u64,
    /// What it does afterwards.
    #[serde(default)]
    pub decay: Decay,
}

/// What the learning rate does after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decay {
    /// It stays.
    #[default]
    Constant,
    /// It falls along half a cosine to this share of its height at the last step.
    Cosine(f64),
}

impl Schedule {
    /// The learning rate of step `step` of `steps`, counted from 0.
    ///
    /// ```
    /// use flowinone_train::{Decay, Schedule};
    /// let schedule = Schedule { learning_rate: 1.0, warm_up: 10, decay: Decay::Cosine(0.1) };
    /// assert_eq!(schedule.rate(4, 100), 0.5);
    /// assert!((schedule.rate(55, 100) - 0.55).abs() < 1e-9);
    /// ```
    pub fn rate(&self, step: u64, steps: u64) -> f64 {
        let risen = (step + 1) as f64 / self.warm_up.max(1) as f64;
        if risen < 1.0 {
            return self.learning_rate * risen;
        }
        let fallen = match self.decay {
            Decay::Constant => 1.0,
            Decay::Cosine(floor) => {
                let length = steps.saturating_sub(self.warm_up).max(1) as f64;
                let way = (step.saturating_sub(self.warm_up) as f64 / length).min(1.0);
                floor + (1.0 - floor) * 0.5 * (1.0 + (std::f64::consts::PI * way).cos())
            }
        };
        self.learning_rate * fallen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_to_its_height_and_falls_to_its_floor() {
        let schedule = Schedule {
            learning_rate: 2.0,
            warm_up: 4,
            decay: Decay::Cosine(0.25),
        };
        let rates: Vec<f64> = (0..5).map(|step| schedule.rate(step, 104)).collect();
        assert_eq!(rates, [0.5, 1.0, 1.5, 2.0, 2.0]);
        assert!((schedule.rate(104, 104) - 0.5).abs() < 1e-12);
        assert!((schedule.rate(1000, 104) - 0.5).abs() < 1e-12);
        let constant = Schedule {
            decay: Decay::Constant,
            warm_up: 0,
            ..schedule
        };
        assert_eq!(constant.rate(0, 10), 2.0);
    }
}
