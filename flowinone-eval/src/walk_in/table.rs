//! The verdicts of a run, one row a task: how many pass, and how many break each rule.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Failure, Verdict};
use crate::summary::mean;
use flowinone_prompts::Task;

/// Verdicts by task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// One row for each task that has items, in the order of [`Task::ALL`].
    pub tasks: Vec<TaskRow>,
    /// All items together.
    pub all: Row,
    /// Mean of the tasks' shares that pass; none without items.
    pub mean: Option<f64>,
}

/// The row of one task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskRow {
    /// The task.
    pub task: Task,
    /// What became of its items.
    pub row: Row,
}

/// What became of some items.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Number of items.
    pub items: usize,
    /// How many pass.
    pub passed: usize,
    /// How many break each rule; an item may break several.
    pub broken: BTreeMap<String, usize>,
    /// Mean sharpness of their outlines, 1 for as sharp as expected; none without outlines.
    #[serde(default)]
    pub sharpness: Option<f64>,
}

impl Table {
    /// The table of some verdicts.
    pub fn of(verdicts: &[Verdict]) -> Self {
        let of_task = |task: Task| TaskRow {
            task,
            row: Row::of(verdicts.iter().filter(|verdict| verdict.task == task)),
        };
        let tasks = Task::ALL.into_iter().map(of_task);
        let tasks: Vec<TaskRow> = tasks.filter(|task| task.row.items > 0).collect();
        let shares = tasks.iter().filter_map(|task| task.row.share());
        let mean = shares.sum::<f64>() / tasks.len() as f64;
        Self {
            mean: (!tasks.is_empty()).then_some(mean),
            all: Row::of(verdicts.iter()),
            tasks,
        }
    }
}

impl Row {
    fn of<'a>(verdicts: impl Iterator<Item = &'a Verdict>) -> Self {
        let mut row = Self::default();
        let mut sharpness = vec![];
        for verdict in verdicts {
            sharpness.extend(verdict.sharpness);
            row.items += 1;
            row.passed += usize::from(verdict.passes());
            let mut rules: Vec<_> = verdict.failures.iter().map(Failure::rule).collect();
            rules.sort_unstable();
            rules.dedup();
            for rule in rules {
                *row.broken.entry(rule.into()).or_default() += 1;
            }
        }
        row.sharpness = mean(sharpness.into_iter());
        row
    }

    /// The share of its items that pass, none without items.
    pub fn share(&self) -> Option<f64> {
        (self.items > 0).then(|| self.passed as f64 / self.items as f64)
    }

    fn cells(&self, name: &str, share: Option<f64>) -> Vec<String> {
        let percent =
            |share: Option<f64>| share.map_or("-".into(), |s| format!("{:.1}", 100.0 * s));
        let broken = Failure::RULES.map(|rule| match self.broken.get(rule) {
            Some(count) => count.to_string(),
            None => "-".into(),
        });
        let cells = [name.into(), self.items.to_string(), percent(share)];
        let cells = cells.into_iter().chain(broken);
        cells.chain([percent(self.sharpness)]).collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heads = ["task", "items", "pass"].into_iter();
        let heads = heads.chain(Failure::RULES).chain(["sharp"]);
        let mut table = vec![heads.map(String::from).collect::<Vec<_>>()];
        for task in &self.tasks {
            table.push(task.row.cells(task.task.name(), task.row.share()));
        }
        table.push(self.all.cells("mean", self.mean));
        let width = |column: usize| table.iter().map(|row| row[column].len()).max();
        let widths: Vec<usize> = (0..table[0].len()).filter_map(width).collect();
        for row in &table {
            let cells = row.iter().zip(&widths).enumerate();
            let cells = cells.map(|(column, (cell, &width))| match column {
                0 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            });
            writeln!(f, "{}", cells.collect::<Vec<_>>().join("  "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::SeenGround;
    use super::*;
    use flowinone_data::ColourName;

    fn verdict(task: Task, failures: Vec<Failure>) -> Verdict {
        Verdict {
            key: "1".into(),
            task,
            caption: "a cat".into(),
            ground: SeenGround {
                name: ColourName::White,
                asked: None,
                off: 0.0,
            },
            things: vec![],
            gone: vec![],
            elsewhere: 0.0,
            sharpness: Some(0.5),
            failures,
        }
    }

    #[test]
    fn tasks_count_alike_and_a_rule_counts_once_an_item() {
        let gone = |class: &str| Failure::Gone {
            class: class.into(),
            left: 0.5,
        };
        let verdicts = [
            verdict(Task::Force, vec![]),
            verdict(Task::Force, vec![gone("cat"), gone("dog")]),
            verdict(Task::Doodle, vec![]),
        ];
        let table = Table::of(&verdicts);
        assert_eq!((table.mean, table.all.passed), (Some(0.75), 2));
        assert_eq!(table.all.broken.get("gone"), Some(&1));
        let text = table.to_string();
        let lines: Vec<Vec<&str>> = text
            .lines()
            .map(|l| l.split_whitespace().collect())
            .collect();
        assert_eq!(lines[0][..4], ["task", "items", "pass", "ground"]);
        assert_eq!(lines[1][..3], ["doodle", "1", "100.0"]);
        assert_eq!(lines[2][..3], ["force", "2", "50.0"]);
        assert_eq!(lines[3][..3], ["mean", "3", "75.0"]);
        assert_eq!(lines[3].last(), Some(&"50.0"));
        let json = serde_json::to_string(&table).unwrap();
        assert_eq!(serde_json::from_str::<Table>(&json).unwrap(), table);
        assert_eq!(Table::of(&[]).mean, None);
    }
}
