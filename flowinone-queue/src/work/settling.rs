//! Jobs settled one by one: written, reported, tried again or given up.

use std::path::Path;
use std::time::{Duration, Instant};

use flowinone_tasks::batch::{Line, Status, Target};
use flowinone_tasks::{Error as TaskError, Record, decode_record};

use super::{LOOK, Running, Task, Told};
use crate::queue::{Held, Outcome};
use crate::{Error, Output, QueuedJob};

/// Pauses between attempts to write a picture, doubled each time.
const PAUSE: Duration = Duration::from_millis(200);

impl Running<'_> {
    /// Writes a picture, again and again while the place is away, and renews the leases meanwhile.
    pub(super) fn write(&mut self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let begin = Instant::now();
        let mut pause = PAUSE;
        loop {
            match self.worker.output.write(name, bytes) {
                Ok(()) => break,
                Err(error) if begin.elapsed() + pause > self.worker.options.patience => {
                    return Err(error);
                }
                Err(error) => self.tell(Told::Rewrite { error: &error }),
            }
            self.renew();
            std::thread::sleep(pause);
            pause = (2 * pause).min(LOOK * 5);
        }
        let metrics = &self.worker.metrics;
        metrics.observe(
            "flowinone_write_seconds",
            &[],
            begin.elapsed().as_secs_f64(),
        );
        Ok(())
    }

    /// Settles a job that has a picture.
    pub(super) fn settle(
        &mut self,
        task: &Task,
        name: &str,
        outcome: Outcome,
        status: Status,
    ) -> Result<(), Error> {
        let place = self.worker.output.place(name);
        let report = self.line(task, Some(name), status);
        self.settled(&task.held, outcome, &report)?;
        self.tell(match outcome {
            Outcome::Skipped => Told::Skipped { place: &place },
            _ => Told::Done { place: &place },
        });
        Ok(())
    }

    /// A try that failed: the job is tried again later, or becomes a dead letter.
    pub(super) fn failed(
        &mut self,
        task: &Task,
        name: Option<&str>,
        error: &str,
    ) -> Result<(), Error> {
        self.count("flowinone_tries_failed_total", 1.0);
        let attempt = task.held.attempt;
        let last = attempt >= self.worker.options.tries;
        if last {
            let status = Status::Failed {
                error: error.into(),
            };
            let report = self.line(task, name, status);
            self.settled(&task.held, Outcome::Failed, &report)?;
        } else {
            self.worker.queue.again(&task.held)?;
            self.held.retain(|id| *id != task.held.id);
        }
        self.tell(Told::Failed {
            input: &task.input(),
            error,
            attempt,
            last,
        });
        Ok(())
    }

    /// Makes a dead letter of a job that is not tried.
    pub(super) fn bury(&mut self, held: &Held, error: &str) -> Result<(), Error> {
        let job = serde_json::from_str::<QueuedJob>(&held.json).ok();
        let report = Line {
            input: job.as_ref().map_or("?".into(), |job| job.input.clone()),
            line: job.as_ref().map(|job| job.number),
            target: None,
            seed: job.as_ref().map(|job| job.seed),
            status: Status::Failed {
                error: error.into(),
            },
        };
        self.settled(held, Outcome::Failed, &report.json())?;
        let input = job.map_or("?".into(), |job| {
            format!("{} line {}", job.input, job.number)
        });
        self.tell(Told::Failed {
            input: &input,
            error,
            attempt: held.attempt,
            last: true,
        });
        Ok(())
    }

    pub(super) fn settled(
        &mut self,
        held: &Held,
        outcome: Outcome,
        report: &str,
    ) -> Result<(), Error> {
        let first = self.worker.queue.settle(held, outcome, report)?;
        self.held.retain(|id| *id != held.id);
        if first {
            let labels = [("outcome", outcome.name())];
            self.worker
                .metrics
                .add("flowinone_jobs_total", &labels, 1.0);
            match outcome {
                Outcome::Done => self.summary.done += 1,
                Outcome::Skipped => self.summary.skipped += 1,
                Outcome::Failed => self.summary.failed += 1,
            }
        }
        Ok(())
    }

    /// A job's line of the report.
    pub(super) fn line(&self, task: &Task, name: Option<&str>, status: Status) -> String {
        let job = &task.job;
        let target = name.map(|name| Target {
            output: self.worker.output.place(name),
            item: job.item,
        });
        Line {
            input: job.input.clone(),
            line: Some(job.number),
            target,
            seed: Some(job.seed),
            status,
        }
        .json()
    }
}

/// The name of a picture whose line does not say one: its task and the digest of all that decides
/// it.
pub(super) fn picture_name(record: &Record) -> Result<String, TaskError> {
    let digest = record.digest()?;
    let task = record.task.map_or("picture", |task| task.name());
    Ok(format!("{task}-{}.png", &digest[..16]))
}

/// Whether the picture of a record is at its place. A name of its own is another's only by
/// accident; one that a line chose is looked into.
pub(super) fn is_there(
    output: &Output,
    name: &str,
    named: bool,
    overwrite: bool,
    record: &Record,
) -> Result<bool, Error> {
    if !output.has(name)? {
        return Ok(false);
    }
    if !named {
        return Ok(true);
    }
    let there = decode_record(&output.read(name)?, Path::new(name));
    match there.is_ok_and(|there| there.same_picture(record)) {
        true => Ok(true),
        false if overwrite => Ok(false),
        false => Err(TaskError::OtherPicture(output.place(name).into()).into()),
    }
}
