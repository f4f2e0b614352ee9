//! The two ways to judge results against ground truth, seen alike: what a run of many needs of
//! either.

use std::fmt::Display;

use flowinone_prompts::Task;
use serde::Serialize;

use crate::{Error, ItemScore, Scorer, Summary, Thresholds, Work, walk_in};

/// A way to judge results.
pub trait Rules {
    /// What it says about one result.
    type Verdict: Scored + Serialize + Send;
    /// What it says about many, task by task.
    type Table: Display + Serialize;
    /// Where it draws its lines.
    type Limits: Serialize;

    /// Its name in reports.
    const NAME: &str;

    /// Where it draws its lines.
    fn limits(&self) -> &Self::Limits;

    /// The verdicts on some results, in their order.
    ///
    /// # Errors
    /// A result or a truth that cannot be judged.
    fn verdicts(&self, work: &[Work]) -> Result<Vec<Self::Verdict>, Error>;

    /// The table of a run.
    fn table(verdicts: &[Self::Verdict]) -> Self::Table;
}

/// The verdict on one result.
pub trait Scored {
    /// The name of its item.
    fn key(&self) -> &str;

    /// The task of its item.
    fn task(&self) -> Task;

    /// Whether it passes.
    fn passes(&self) -> bool;

    /// Why it does not pass, in words.
    fn reasons(&self) -> String;
}

impl Rules for Scorer {
    type Verdict = ItemScore;
    type Table = Summary;
    type Limits = Thresholds;

    const NAME: &str = "exact";

    fn limits(&self) -> &Thresholds {
        self.thresholds()
    }

    fn verdicts(&self, work: &[Work]) -> Result<Vec<ItemScore>, Error> {
        self.items(work)
    }

    fn table(verdicts: &[ItemScore]) -> Summary {
        Summary::of(verdicts)
    }
}

impl Scored for ItemScore {
    fn key(&self) -> &str {
        &self.key
    }

    fn task(&self) -> Task {
        self.task
    }

    fn passes(&self) -> bool {
        self.passes()
    }

    fn reasons(&self) -> String {
        self.reasons()
    }
}

impl Rules for walk_in::Judge {
    type Verdict = walk_in::Verdict;
    type Table = walk_in::Table;
    type Limits = walk_in::Limits;

    const NAME: &str = "walk-in";

    fn limits(&self) -> &walk_in::Limits {
        self.limits()
    }

    fn verdicts(&self, work: &[Work]) -> Result<Vec<walk_in::Verdict>, Error> {
        let items = work
            .iter()
            .map(|work| (work.key.as_str(), &work.truth, &work.result));
        self.items(&items.collect::<Vec<_>>())
    }

    fn table(verdicts: &[walk_in::Verdict]) -> walk_in::Table {
        walk_in::Table::of(verdicts)
    }
}

impl Scored for walk_in::Verdict {
    fn key(&self) -> &str {
        &self.key
    }

    fn task(&self) -> Task {
        self.task
    }

    fn passes(&self) -> bool {
        self.passes()
    }

    fn reasons(&self) -> String {
        self.reasons()
    }
}
