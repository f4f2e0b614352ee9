//! The scores of a run of pairs: every item, a contact sheet of some, and all of it as JSON.

use flowinone_data::ContactSheet;
use flowinone_prompts::Task;
use image::RgbImage;

use crate::{Rules, Scored, Work};

/// Side of a picture on the sheet, in pixels.
const CELL: u32 = 128;
/// Prompt, target and result side by side, so often in a line.
const ACROSS: usize = 2;

/// The report in the making.
#[derive(Debug)]
pub struct Report<R: Rules> {
    /// Every item that was scored.
    pub items: Vec<R::Verdict>,
    /// Pairs without a result; they are in no mean.
    pub missing: Vec<String>,
    /// Damaged pairs.
    pub skipped: Vec<String>,
    /// Pairs that were looked at.
    pub seen: u64,
    /// Entries for each task on the sheet, and those so far.
    each: usize,
    shown: Vec<Shown>,
}

/// An entry of the sheet.
#[derive(Debug)]
struct Shown {
    task: Task,
    caption: String,
    pictures: [RgbImage; 3],
}

impl<R: Rules> Report<R> {
    /// An empty report; `each` pictures of every task are kept for its sheet.
    pub fn new(each: usize) -> Self {
        Self {
            items: vec![],
            missing: vec![],
            skipped: vec![],
            seen: 0,
            each,
            shown: vec![],
        }
    }

    /// Adds the score of an item, whose true result is `target`.
    pub fn add(&mut self, score: R::Verdict, work: &Work, target: &RgbImage) {
        let task = score.task();
        let so_far = self.shown.iter().filter(|shown| shown.task == task).count();
        if so_far < self.each {
            let verdict = match score.passes() {
                true => "pass".into(),
                false => score.reasons(),
            };
            self.shown.push(Shown {
                task,
                caption: format!("{}: {verdict}", work.truth.caption),
                pictures: [work.prompt.clone(), target.clone(), work.result.clone()],
            });
        }
        self.items.push(score);
    }

    /// Rules, thresholds, summary, missing and skipped pairs, and every item, by name.
    pub fn json(&self, rules: &R, summary: &R::Table) -> serde_json::Value {
        serde_json::json!({
            "rules": R::NAME,
            "thresholds": rules.limits(),
            "summary": summary,
            "missing": self.missing,
            "skipped": self.skipped,
            "items": self.items,
        })
    }

    /// Prompt, target and result of the pictures that were kept, task by task.
    pub fn sheet(&self) -> ContactSheet<3> {
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
