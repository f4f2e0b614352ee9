//! The report of a queue, as a batch writes it: one JSON line an item, by batch file and line.

use serde::Deserialize;

use crate::{Error, Queue};

/// The lines of all settled jobs.
#[derive(Debug)]
pub struct QueueReport {
    /// The lines, each with its end of line.
    pub text: String,
    /// How many failed.
    pub failed: usize,
    /// The keys of their jobs, to [forget](Queue::forget) them.
    pub keys: Vec<String>,
}

/// What of a line tells its place and how it ended.
#[derive(Deserialize)]
struct Item {
    input: String,
    line: Option<usize>,
    status: String,
}

/// The report so far.
///
/// # Errors
/// A Redis that is away or refuses.
pub fn report(queue: &mut Queue) -> Result<QueueReport, Error> {
    let mut items = vec![];
    for (key, line) in queue.settled()? {
        let item: Item = serde_json::from_str(&line).map_err(|error| Error::Refused {
            address: queue.address().into(),
            reason: format!("{line:?} is no line of a report: {error}"),
        })?;
        items.push((item.input, item.line, line, item.status, key));
    }
    items.sort();
    Ok(QueueReport {
        failed: items.iter().filter(|item| item.3 == "failed").count(),
        text: items.iter().map(|item| item.2.clone() + "\n").collect(),
        keys: items.into_iter().map(|item| item.4).collect(),
    })
}
