//! The measurements as a table and as curves, and the best of them.

use flowinone_sampler::{GuidanceRule, Solver};

use super::{Measurement, by_cost, front};
use crate::Settings;

/// Everything that was measured.
#[derive(Debug, Clone)]
pub struct Report {
    /// What the model is called.
    pub model: String,
    /// How many pictures were made with each setting.
    pub pictures: usize,
    /// The setting of the converged solutions.
    pub truth: Settings,
    /// What they cost.
    pub truth_evaluations: f64,
    /// Device and type of the weights.
    pub computed: String,
    /// The model's own setting first.
    pub rows: Vec<Measurement>,
}

impl Report {
    /// A Markdown table, cheapest first; those that nothing beats in both evaluations and error are
    /// marked.
    pub fn table(&self) -> String {
        let mut text = format!(
            "Model {}, {} pictures, {}. Error: relative L2 distance of the latent from {} ({:.0} evaluations). \
             Means over the pictures; nothing beats the settings marked * in both evaluations and error.\n\n\
             | | setting | evaluations | error | worst | PSNR dB | seconds |\n\
             |---|---|---:|---:|---:|---:|---:|\n",
            self.model, self.pictures, self.computed, self.truth, self.truth_evaluations
        );
        let front = front(&self.rows);
        for row in by_cost(&self.rows) {
            let mark = if front.contains(&row) { "*" } else { "" };
            let own = match row.settings == self.rows[0].settings {
                true => " (the model's own)",
                false => "",
            };
            text += &format!(
                "| {mark} | {}{own} | {:.1} | {:.4} | {:.4} | {:.1} | {:.3} |\n",
                row.settings, row.evaluations, row.error, row.worst, row.psnr, row.seconds
            );
        }
        text
    }

    /// The least error of all.
    pub fn least_error(&self) -> f64 {
        let errors = self.rows.iter().map(|row| row.error);
        errors.fold(f64::INFINITY, f64::min)
    }

    /// Errors over evaluations: each plain solver, and the best of each kind of saving, each curve
    /// with its name.
    pub fn curves(&self) -> Vec<(String, Vec<(f64, f64)>)> {
        let mut curves = vec![];
        for solver in Solver::ALL {
            let own = |row: &Measurement| {
                row.settings.solver == solver && saving(&row.settings).is_none()
            };
            curves.push((solver.to_string(), self.curve(own)));
        }
        for kind in [
            Saving::Interval,
            Saving::Adaptive,
            Saving::Cache,
            Saving::FirstBlockCache,
            Saving::Several,
        ] {
            let own = |row: &Measurement| saving(&row.settings) == Some(kind);
            curves.push((kind.name().to_string(), self.curve(own)));
        }
        curves.retain(|(_, curve)| !curve.is_empty());
        curves
    }

    fn curve(&self, wanted: impl Fn(&Measurement) -> bool) -> Vec<(f64, f64)> {
        let rows = self.rows.iter().skip(1); // the first has a grid of its own
        let rows: Vec<Measurement> = rows.filter(|row| wanted(row)).copied().collect();
        let best = front(&rows).into_iter();
        best.map(|row| (row.evaluations, row.error)).collect()
    }
}

/// A kind of saving that a setting uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Saving {
    Interval,
    Adaptive,
    Cache,
    FirstBlockCache,
    Several,
}

impl Saving {
    fn name(self) -> &'static str {
        match self {
            Self::Interval => "any solver, guidance in an interval",
            Self::Adaptive => "any solver, adaptive guidance",
            Self::Cache => "any solver, step cache",
            Self::FirstBlockCache => "any solver, first-block cache",
            Self::Several => "any solver, several savings",
        }
    }
}

fn saving(settings: &Settings) -> Option<Saving> {
    let interval =
        matches!(settings.guidance, GuidanceRule::Interval { scale, .. } if scale != 1.0);
    let adaptive = settings.adaptive_guidance > 0.0;
    let cache = settings.step_cache > 0.0;
    let first_block = settings.first_block_cache > 0.0;
    let savings = [
        (interval, Saving::Interval),
        (adaptive, Saving::Adaptive),
        (cache, Saving::Cache),
        (first_block, Saving::FirstBlockCache),
    ];
    let mut on = savings.into_iter().filter(|(on, _)| *on);
    let (_, first) = on.next()?;
    Some(on.next().map_or(first, |_| Saving::Several))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(steps: usize, step_cache: f64, evaluations: f64, error: f64) -> Measurement {
        Measurement {
            settings: Settings {
                steps,
                step_cache,
                ..Settings::mini()
            },
            error,
            worst: 2.0 * error,
            psnr: 30.0,
            evaluations,
            seconds: 0.1,
        }
    }

    fn report() -> Report {
        Report {
            model: "mini".into(),
            pictures: 8,
            truth: Settings {
                solver: "dopri5".parse().unwrap(),
                ..Settings::mini()
            },
            truth_evaluations: 60.0,
            computed: "cpu in f32".into(),
            rows: vec![
                row(10, 0.0, 10.0, 0.05),
                row(20, 0.0, 20.0, 0.02),
                row(20, 0.1, 9.0, 0.04),
                row(6, 0.0, 6.0, 0.2),
            ],
        }
    }

    #[test]
    fn the_table_marks_what_nothing_beats_and_the_models_own() {
        let table = report().table();
        let marked: Vec<bool> = table
            .lines()
            .filter(|line| line.contains("steps of"))
            .map(|line| line.starts_with("| * |"))
            .collect();
        assert_eq!(marked, [true, true, false, true], "{table}");
        assert!(
            table.contains("guidance 1 (the model's own) | 10.0 | 0.0500"),
            "{table}"
        );
    }

    #[test]
    fn there_is_a_curve_for_each_kind() {
        let names: Vec<String> = report()
            .curves()
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names, ["euler", "any solver, step cache"]);
    }
}
