//! From a batch file into a queue.

use std::path::Path;

use flowinone_files::{absolute, sha256_of};
use flowinone_tasks::batch::{Line, NamedLine, Refused, Status, parse_lines};
use flowinone_tasks::{Adjustment, Settings};

use crate::{Error, Queue, QueuedJob};

/// What the jobs of a batch file have in common.
#[derive(Debug, Clone, Default)]
pub struct Common {
    /// Side of the prompt pictures, in pixels, where a line does not say its own.
    pub side: Option<u32>,
    /// Seed of the noise.
    pub seed: u64,
    /// What differs from the model's default settings.
    pub settings: Adjustment,
    /// Whether colour profiles inside pictures are ignored.
    pub ignore_profiles: bool,
}

/// What became of a batch file.
#[derive(Debug)]
pub struct Enqueued {
    /// Jobs that are new in the queue.
    pub added: u64,
    /// Jobs that it knew already, waiting or settled.
    pub known: u64,
    /// Lines that are no prompts. They are in the queue's report.
    pub refused: Vec<Refused>,
}

/// Adds the prompts of a batch file to a queue. What the queue knows already is left as it is, so
/// that after a failure the same can be called again.
///
/// # Errors
/// Settings that no model takes; a file that cannot be read or holds no prompt; a Redis that is
/// away or refuses.
pub fn enqueue(queue: &mut Queue, file: &Path, common: &Common) -> Result<Enqueued, Error> {
    // What no model could do is told here and not by the workers.
    common.settings.over(&Settings::published())?;
    let (lines, refused) = parse_lines(file)?;
    if lines.is_empty() {
        let reason = match refused.first() {
            None => "it is empty; write one prompt a line, as JSON".into(),
            Some(first) => format!("none of its lines is a prompt; the first: {}", first.reason),
        };
        return Err(Error::Nothing {
            path: file.into(),
            reason,
        });
    }
    let input = file.display().to_string();
    let job = |line: NamedLine| queued(line, &input, common);
    let jobs: Vec<QueuedJob> = lines.into_iter().map(job).collect();
    let added = queue.add(&jobs)?;
    for refused in &refused {
        let report = Line {
            input: input.clone(),
            line: refused.place.line(),
            target: None,
            seed: Some(common.seed),
            status: Status::Failed {
                error: refused.reason.clone(),
            },
        };
        let report = report.json();
        queue.add_refused(&sha256_of(report.as_bytes())[..32], &report)?;
    }
    Ok(Enqueued {
        added,
        known: jobs.len() as u64 - added,
        refused,
    })
}

fn queued(line: NamedLine, input: &str, common: &Common) -> QueuedJob {
    let NamedLine {
        mut line,
        name,
        named,
        number,
        place,
    } = line;
    // Workers start elsewhere.
    line.prompt.each_file(|path| *path = absolute(path));
    line.output = named.then(|| name.to_string_lossy().into_owned());
    line.side = line.side.or(common.side);
    line.item = None; // said beside
    QueuedJob {
        line,
        item: number,
        seed: common.seed,
        settings: common.settings.clone(),
        ignore_profiles: common.ignore_profiles,
        input: input.into(),
        number: place.number,
    }
}
