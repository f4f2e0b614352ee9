//! The measurements as a table and as curves, and the best of them.

use flowinone_sampler::{GuidanceRule, Solver};
use flowinone_tasks::Settings;
use flowinone_train::Plot;

use super::measure::Row;

/// Everything that was measured.
#[derive(Debug, Clone)]
pub(super) struct Report {
    pub(super) model: String,
    pub(super) pictures: usize,
    pub(super) truth: Settings,
    pub(super) truth_evaluations: f64,
    /// Device and type of the weights.
    pub(super) computed: String,
    /// The model's own setting first.
    pub(super) rows: Vec<Row>,
}

impl Report {
    /// A Markdown table, cheapest first; those that nothing beats in both evaluations and error are
    /// marked.
    pub(super) fn table(&self) -> String {
        let mut text = format!(
            "Model {}, {} pictures, {}. Error: relative L2 distance of the latent from {} ({:.0} evaluations). \
             Means over the pictures; nothing beats the settings marked * in both evaluations and error.\n\n\
             | | setting | evaluations | error | worst | PSNR dB | seconds |\n\
             |---|---|---:|---:|---:|---:|---:|\n",
            self.model, self.pictures, self.computed, self.truth, self.truth_evaluations
        );
        let front = front(&self.rows);
        for row in sorted(&self.rows) {
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

    /// The cheapest setting whose mean error is at most `bound`, of equally cheap ones the most
    /// exact.
    pub(super) fn best(&self, bound: f64) -> Option<&Row> {
        sorted(&self.rows)
            .into_iter()
            .find(|row| row.error <= bound)
    }

    /// What to say where no setting is within `bound`.
    pub(super) fn none_within(&self, bound: f64) -> String {
        let least = self.rows.iter().map(|row| row.error);
        let least = least.fold(f64::INFINITY, f64::min);
        format!(
            "no setting has an error of at most {bound}; the least is {least:.4}: raise --bound, or measure more --steps"
        )
    }

    /// Errors over evaluations: each plain solver, and the best of each kind of saving.
    pub(super) fn plot(&self) -> Plot {
        let mut curves = vec![];
        for solver in Solver::ALL {
            let own = |row: &Row| row.settings.solver == solver && saving(&row.settings).is_none();
            curves.push((solver.to_string(), self.curve(own)));
        }
        for kind in [
            Saving::Interval,
            Saving::Adaptive,
            Saving::Cache,
            Saving::FirstBlockCache,
            Saving::Several,
        ] {
            let own = |row: &Row| saving(&row.settings) == Some(kind);
            curves.push((kind.name().to_string(), self.curve(own)));
        }
        curves.retain(|(_, curve)| !curve.is_empty());
        Plot::curves("relative error of the latent", "evaluations", curves).logarithmic()
    }

    fn curve(&self, wanted: impl Fn(&Row) -> bool) -> Vec<(f64, f64)> {
        let rows = self.rows.iter().skip(1); // the first has a grid of its own
        let rows: Vec<Row> = rows.filter(|row| wanted(row)).copied().collect();
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

/// By evaluations, then by error.
fn sorted(rows: &[Row]) -> Vec<&Row> {
    let mut sorted: Vec<&Row> = rows.iter().collect();
    sorted.sort_by(|a, b| {
        let costs = a.evaluations.total_cmp(&b.evaluations);
        costs.then(a.error.total_cmp(&b.error))
    });
    sorted
}

/// The rows that no other beats in both evaluations and error, cheapest first.
fn front(rows: &[Row]) -> Vec<&Row> {
    let mut least = f64::INFINITY;
    let mut front = sorted(rows);
    front.retain(|row| {
        let better = row.error < least;
        least = least.min(row.error);
        better
    });
    front
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(steps: usize, step_cache: f64, evaluations: f64, error: f64) -> Row {
        Row {
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
    fn the_cheapest_within_the_bound_is_the_best() {
        let report = report();
        assert_eq!(report.best(0.05).unwrap().evaluations, 9.0);
        assert_eq!(report.best(0.03).unwrap().evaluations, 20.0);
        assert_eq!(report.best(0.5).unwrap().evaluations, 6.0);
        assert_eq!(report.best(0.01), None);
        assert!(report.none_within(0.01).contains("the least is 0.0200"));
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
    fn the_plot_has_a_curve_for_each_kind() {
        let svg = report().plot().svg();
        for text in ["euler", "any solver, step cache", "evaluations"] {
            assert!(svg.contains(&format!("\n{text}\n")), "{text}");
        }
        assert!(!svg.contains("heun") && !svg.contains("adaptive"));
    }
}
