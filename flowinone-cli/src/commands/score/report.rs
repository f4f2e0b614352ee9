//! What `flowinone score` says: a table, some failures, a contact sheet, a JSON file.

use anyhow::{Result, bail};
use flowinone_data::ContactSheet;
use flowinone_eval::{ItemScore, Summary, Thresholds, Work};
use flowinone_files::write_atomically;
use flowinone_prompts::Task;
use image::RgbImage;
use serde::Serialize;

use super::Args;
use crate::Outcome;

/// Side of a picture on the sheet, in pixels.
const CELL: u32 = 128;
/// Prompt, target and result side by side, so often in a line.
const ACROSS: usize = 2;

/// The report in the making.
pub(super) struct Report {
    thresholds: Thresholds,
    items: Vec<ItemScore>,
    missing: Vec<String>,
    skipped: Vec<String>,
    /// Entries for each task on the sheet, and those so far.
    each: Option<usize>,
    shown: Vec<Shown>,
}

/// An entry of the sheet.
struct Shown {
    task: Task,
    caption: String,
    pictures: [RgbImage; 3],
}

/// The JSON file.
#[derive(Serialize)]
struct Json<'a> {
    thresholds: &'a Thresholds,
    summary: &'a Summary,
    /// Pairs without a result; they are in no mean.
    missing: &'a [String],
    /// Damaged pairs.
    skipped: &'a [String],
    items: &'a [ItemScore],
}

impl Report {
    pub(super) fn new(thresholds: Thresholds, each: Option<usize>) -> Self {
        Self {
            thresholds,
            items: vec![],
            missing: vec![],
            skipped: vec![],
            each,
            shown: vec![],
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(super) fn missing(&mut self, key: String) {
        self.missing.push(key);
    }

    pub(super) fn skipped(&mut self, names: &[String]) {
        self.skipped = names.to_vec();
    }

    pub(super) fn add(&mut self, score: ItemScore, work: &Work, target: &RgbImage) {
        let task = score.task;
        let so_far = self.shown.iter().filter(|shown| shown.task == task).count();
        if self.each.is_some_and(|each| so_far < each) {
            let verdict = match score.passes() {
                true => "pass".into(),
                false => reasons(&score),
            };
            self.shown.push(Shown {
                task,
                caption: format!("{}: {verdict}", work.truth.caption),
                pictures: [work.prompt.clone(), target.clone(), work.result.clone()],
            });
        }
        self.items.push(score);
    }

    /// Prints and writes everything.
    pub(super) fn finish(mut self, args: &Args) -> Result<Outcome> {
        if self.items.is_empty() {
            bail!("there is nothing to score");
        }
        self.items.sort_by(|a, b| a.key.cmp(&b.key));
        let summary = Summary::of(&self.items);
        print!("{summary}");
        let failed = self.items.iter().filter(|item| !item.passes());
        let mut listed = 0;
        for item in failed.take(args.list) {
            println!("{} ({}): {}", item.key, item.task, reasons(item));
            listed += 1;
        }
        let rest = self.items.iter().filter(|item| !item.passes()).count() - listed;
        if rest > 0 {
            println!("and {rest} more; --json lists all");
        }
        if let Some(path) = &args.sheet {
            self.sheet().save(path)?;
        }
        if let Some(path) = &args.json {
            let json = Json {
                thresholds: &self.thresholds,
                summary: &summary,
                missing: &self.missing,
                skipped: &self.skipped,
                items: &self.items,
            };
            write_atomically(path, &serde_json::to_vec_pretty(&json)?)?;
        }
        for name in &self.skipped {
            eprintln!("skipped: {name}");
        }
        let Some(first) = self.missing.first() else {
            return Ok(Outcome::Done);
        };
        eprintln!(
            "{} of {} pairs have no result and are not in the table; the first is {first}",
            self.missing.len(),
            self.missing.len() + self.items.len()
        );
        Ok(Outcome::Incomplete)
    }

    fn sheet(&self) -> ContactSheet<3> {
        let mut sheet = ContactSheet::new(["prompt", "target", "result"], CELL).across(ACROSS);
        for task in Task::ALL {
            let mut mine = self
                .shown
                .iter()
                .filter(|shown| shown.task == task)
                .peekable();
            if mine.peek().is_some() {
                sheet.heading(task.name());
            }
            for shown in mine {
                sheet.push(shown.caption.as_str(), shown.pictures.each_ref());
            }
        }
        sheet
    }
}

fn reasons(item: &ItemScore) -> String {
    let reasons: Vec<String> = item.failures.iter().map(ToString::to_string).collect();
    reasons.join("; ")
}
