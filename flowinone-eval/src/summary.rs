//! The scores of a run, one row a task: means over items or objects, and why items do not pass.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{ItemScore, ObjectScore, Place};
use flowinone_prompts::Task;

/// Scores by task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// One row for each task that has items, in the order of [`Task::ALL`].
    pub tasks: Vec<TaskScore>,
    /// All items together.
    pub all: Score,
}

/// The row of one task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskScore {
    /// The task.
    pub task: Task,
    /// Its scores.
    pub score: Score,
}

/// Means over some items; a mean over no items is `None`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Score {
    /// Number of items.
    pub items: usize,
    /// Share of items that pass every check.
    pub passed: Option<f64>,
    /// Number of objects that were looked for.
    pub objects: usize,
    /// Share of objects whose class is the nearest.
    pub top_1: Option<f64>,
    /// Share of objects whose class is among the five nearest.
    pub top_5: Option<f64>,
    /// What the target reaches by the same way: the nearest, and among the five nearest.
    pub ceiling: Option<[f64; 2]>,
    /// What a random class would reach: the nearest, and among the five nearest.
    pub floor: Option<[f64; 2]>,
    /// PSNR inside and outside of the edited region, in dB.
    pub psnr: [Option<f64>; 2],
    /// Structural similarity inside and outside of the edited region.
    pub ssim: [Option<f64>; 2],
    /// Median distance of moved objects from their places, in pixels, of those that were found.
    pub off_pixels: Option<f64>,
    /// The same in fractions of the side.
    pub off: Option<f64>,
    /// Moved objects that were not found near their places.
    pub lost: usize,
    /// Mean share of the marks' and words' pixels that are gone.
    pub marks_gone: Option<f64>,
    /// How many items failed each check; an item may fail several.
    pub failures: BTreeMap<String, usize>,
}

impl Summary {
    /// The summary of some items.
    pub fn of(items: &[ItemScore]) -> Self {
        let of_task = |task: Task| {
            let mine = items.iter().filter(|item| item.task == task);
            let score = Score::of(&mine.collect::<Vec<_>>());
            TaskScore { task, score }
        };
        let tasks = Task::ALL.into_iter().map(of_task);
        Self {
            tasks: tasks.filter(|row| row.score.items > 0).collect(),
            all: Score::of(&items.iter().collect::<Vec<_>>()),
        }
    }

    /// The scores of one task, none if it has no items.
    pub fn task(&self, task: Task) -> Option<&Score> {
        let row = self.tasks.iter().find(|row| row.task == task);
        row.map(|row| &row.score)
    }
}

impl Score {
    fn of(items: &[&ItemScore]) -> Self {
        let objects: Vec<&ObjectScore> = items.iter().flat_map(|item| &item.objects).collect();
        let within = |most: usize| share(objects.iter().map(|object| object.rank < most));
        let best = |most: usize| share(objects.iter().map(|object| object.ceiling < most));
        let chance = |most: f64| {
            let chance = |object: &&ObjectScore| (most / object.candidates.max(1) as f64).min(1.0);
            mean(objects.iter().map(chance))
        };
        let of = |value: fn(&ItemScore) -> Option<f64>| mean(items.iter().filter_map(|i| value(i)));
        let off = objects.iter().filter_map(|object| match object.place {
            Place::Off { pixels, share } => Some((pixels, share)),
            Place::Unasked | Place::Lost => None,
        });
        let (off_pixels, off): (Vec<f64>, Vec<f64>) = off.unzip();
        let mut failures = BTreeMap::new();
        for item in items {
            let mut checks: Vec<_> = item
                .failures
                .iter()
                .map(|failure| failure.check())
                .collect();
            checks.sort_unstable();
            checks.dedup();
            for check in checks {
                *failures.entry(check.to_string()).or_default() += 1;
            }
        }
        Self {
            items: items.len(),
            passed: share(items.iter().map(|item| item.passes())),
            objects: objects.len(),
            top_1: within(1),
            top_5: within(5),
            ceiling: best(1).zip(best(5)).map(|(one, five)| [one, five]),
            floor: chance(1.0).zip(chance(5.0)).map(|(one, five)| [one, five]),
            psnr: [of(|i| i.psnr_inside), of(|i| i.psnr_outside)],
            ssim: [of(|i| i.ssim_inside), of(|i| i.ssim_outside)],
            off_pixels: median(off_pixels),
            off: median(off),
            lost: objects.iter().filter(|o| o.place == Place::Lost).count(),
            marks_gone: of(|i| i.marks_left.map(|left| 1.0 - left)),
            failures,
        }
    }

    /// The cells of its row in the table.
    fn cells(&self, name: &str) -> Vec<String> {
        let number = |value: Option<f64>, digits: usize| match value {
            Some(value) => format!("{value:.digits$}"),
            None => "-".into(),
        };
        let percent = |value: Option<f64>| number(value.map(|v| 100.0 * v), 1);
        let both = |pair: Option<[f64; 2]>| match pair {
            Some([one, five]) => format!("{:.1}/{:.1}", 100.0 * one, 100.0 * five),
            None => "-".into(),
        };
        vec![
            name.into(),
            self.items.to_string(),
            percent(self.passed),
            percent(self.top_1),
            percent(self.top_5),
            both(self.ceiling),
            both(self.floor),
            number(self.psnr[0], 1),
            number(self.psnr[1], 1),
            number(self.ssim[0], 3),
            number(self.ssim[1], 3),
            number(self.off_pixels, 1),
            self.lost.to_string(),
            percent(self.marks_gone),
        ]
    }
}

/// Heads of the table's columns; shares in percent.
const HEADS: [&str; 14] = [
    "task",
    "items",
    "pass",
    "top 1",
    "top 5",
    "ceiling",
    "floor",
    "PSNR in",
    "out",
    "SSIM in",
    "out",
    "off px",
    "lost",
    "marks gone",
];

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.tasks.iter();
        let mut table = vec![HEADS.map(String::from).to_vec()];
        table.extend(rows.map(|row| row.score.cells(row.task.name())));
        table.push(self.all.cells("all"));
        let width = |column: usize| table.iter().map(|row| row[column].len()).max();
        let widths: Vec<usize> = (0..HEADS.len()).filter_map(width).collect();
        for row in &table {
            let cells = row.iter().zip(&widths).enumerate();
            let cells = cells.map(|(column, (cell, &width))| match column {
                0 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            });
            writeln!(f, "{}", cells.collect::<Vec<_>>().join("  "))?;
        }
        if !self.all.failures.is_empty() {
            let counts = self.all.failures.iter();
            let counts: Vec<_> = counts.map(|(check, n)| format!("{check} {n}")).collect();
            writeln!(f, "failed checks: {}", counts.join(", "))?;
        }
        Ok(())
    }
}

pub(crate) fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0u64);
    for value in values {
        sum += value;
        count += 1;
    }
    (count > 0).then(|| sum / count as f64)
}

fn share(answers: impl Iterator<Item = bool>) -> Option<f64> {
    mean(answers.map(|yes| f64::from(u8::from(yes))))
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let (low, high) = (values.len().checked_sub(1)? / 2, values.len() / 2);
    Some((values[low] + values[high]) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Failure;

    fn item(task: Task, rank: usize, place: Place, marks_left: Option<f64>) -> ItemScore {
        let object = ObjectScore {
            class: "cat".into(),
            nearest: "cat".into(),
            rank,
            ceiling: 0,
            candidates: 64, // a power of two, so that shares are exact
            seen: 1.0,
            tint: None,
            place,
        };
        let wrong = Failure::Class {
            class: "cat".into(),
            nearest: "dog".into(),
        };
        ItemScore {
            key: "1".into(),
            task,
            objects: vec![object],
            kept: vec![],
            gone: vec![],
            progress: None,
            marks_left,
            psnr_inside: Some(20.0),
            psnr_outside: None,
            ssim_inside: None,
            ssim_outside: None,
            psnr_surroundings: None,
            failures: if rank > 0 { vec![wrong] } else { vec![] },
        }
    }

    #[test]
    fn rows_are_means_and_empty_means_are_dashes() {
        let off = |pixels: f64| Place::Off {
            pixels,
            share: pixels / 64.0,
        };
        let items = [
            item(Task::Force, 0, off(1.0), Some(0.0)),
            item(Task::Force, 3, off(4.0), Some(0.5)),
            item(Task::Force, 9, Place::Lost, None),
            item(Task::Doodle, 0, Place::Unasked, None),
        ];
        let summary = Summary::of(&items);
        let force = summary.task(Task::Force).unwrap();
        assert_eq!(force.items, 3);
        assert!((force.passed.unwrap() - 1.0 / 3.0).abs() < 1e-9);
        assert!((force.top_5.unwrap() - 2.0 / 3.0).abs() < 1e-9);
        assert_eq!((force.off_pixels, force.lost), (Some(2.5), 1));
        assert_eq!(force.marks_gone, Some(0.75));
        assert_eq!(force.floor, Some([1.0 / 64.0, 5.0 / 64.0]));
        assert_eq!(force.ceiling, Some([1.0, 1.0]));
        assert_eq!(summary.all.items, 4);
        assert_eq!(summary.task(Task::TextBox), None);

        let text = summary.to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("task ") && lines[0].ends_with("marks gone"));
        assert!(lines[1].starts_with("doodle ") && lines[2].starts_with("force "));
        assert!(lines[3].starts_with("all ") && lines[3].contains(" 50.0 "));
        assert!(lines[1..4].iter().all(|line| line.len() == lines[0].len()));
        assert!(lines[1].contains(" - "), "a doodle has no way to be off");
        assert!(lines[4].contains("class 2"), "{text}");
        let json = serde_json::to_string(&summary).unwrap();
        assert_eq!(serde_json::from_str::<Summary>(&json).unwrap(), summary);
    }

    #[test]
    fn nothing_at_all_is_no_division_by_zero() {
        let summary = Summary::of(&[]);
        assert_eq!(summary.all, Score::default());
        assert!(summary.to_string().lines().count() == 2);
    }
}
