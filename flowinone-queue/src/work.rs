//! A worker: takes jobs, makes their pictures together, and settles each on its own.
//!
//! ```text
//! take -> (there already: skipped) -> steps, each renewing the lease -> write -> settle
//! ```
//!
//! What a worker does after it was lost to others does no harm: the same job has the same name and
//! the same bytes wherever it is computed, and only the first that settles it is reported.

mod computing;
mod metrics;
mod settling;
mod told;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use flowinone_tasks::{Metrics, Session, Settings};

use crate::ending::Wish;
use crate::queue::{Held, Queue};
use crate::{Error, Output, QueuedJob};

pub use metrics::metrics;
pub use told::Told;

/// How often a worker looks for lost jobs and for being asked to end.
const LOOK: Duration = Duration::from_secs(1);

/// How a worker works.
#[derive(Debug, Clone)]
pub struct Options {
    /// Its name, which no other worker may have.
    pub name: String,
    /// Pictures computed together; their bytes do not depend on it.
    pub batch_size: usize,
    /// After so long without a step a worker counts as lost. All workers of a queue should agree.
    pub lease: Duration,
    /// Tries after which a job becomes a dead letter.
    pub tries: u32,
    /// Whether pictures whose name a line chose are replaced if they are others.
    pub overwrite: bool,
    /// Whether to end when nothing waits and nothing is held by anybody.
    pub until_empty: bool,
    /// For how long a place that cannot be written to is tried again.
    pub patience: Duration,
}

/// What a worker settled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Pictures that it made.
    pub done: u64,
    /// Pictures that were there.
    pub skipped: u64,
    /// Jobs that failed for the last time.
    pub failed: u64,
}

/// A worker.
pub struct Worker<'a> {
    /// Where jobs come from.
    pub queue: Queue,
    /// What makes the pictures.
    pub session: &'a Session,
    /// Where they go.
    pub output: &'a Output,
    /// How it works.
    pub options: Options,
    /// What it counts.
    pub metrics: Arc<Metrics>,
    /// Whether it takes jobs, for others to see.
    pub ready: Arc<AtomicBool>,
    /// Whether it is asked to end.
    pub wish: &'a dyn Fn() -> Wish,
    /// Who hears what happens.
    pub tell: &'a mut dyn FnMut(Told<'_>),
}

impl Worker<'_> {
    /// Works until it is asked to end, by `wish` or by [`Queue::drain`], or the queue is empty and
    /// that is to be the end. What is held and not finished then is given back.
    ///
    /// # Errors
    /// What no job is guilty of: weights that cannot be loaded, a queue of another model, a Redis
    /// or an output that stays away.
    pub fn work(self) -> Result<Summary, Error> {
        let session = self.session;
        let mut run = Running {
            worker: self,
            held: vec![],
            renewed: Instant::now(),
            slow: false,
            summary: Summary::default(),
        };
        run.worker.queue.bind(&model(session))?;
        let begin = Instant::now();
        session.networks()?;
        run.tell(Told::Loaded {
            time: begin.elapsed(),
        });
        let ended = run.rounds();
        run.worker.ready.store(false, Ordering::Relaxed);
        let left = run.leave();
        ended.and(left)?;
        Ok(run.summary)
    }
}

/// What decides pictures besides their jobs, in words.
fn model(session: &Session) -> String {
    let mut words = format!(
        "{} ({:.12}) in {}",
        session.config().name,
        session.digest(),
        session.dtype()
    );
    if let Some(upscaling) = session.upscaling() {
        let record = upscaling.record();
        let digest = &record.model_digest;
        let settings = serde_json::to_string(&record.settings).unwrap_or_default();
        words += &format!(", enlarged by {digest:.12} {settings}");
    }
    words
}

/// A worker at work.
struct Running<'a> {
    worker: Worker<'a>,
    /// Jobs that are neither settled nor given back.
    held: Vec<String>,
    renewed: Instant,
    slow: bool,
    summary: Summary,
}

/// A job that is computed.
struct Task {
    held: Held,
    job: QueuedJob,
    settings: Settings,
}

impl Task {
    /// The line of the batch file, for messages.
    fn input(&self) -> String {
        format!("{} line {}", self.job.input, self.job.number)
    }
}

impl Running<'_> {
    fn tell(&mut self, told: Told<'_>) {
        (self.worker.tell)(told);
    }

    fn count(&self, name: &'static str, value: f64) {
        self.worker.metrics.add(name, &[], value);
    }

    /// Takes and computes until the end.
    fn rounds(&mut self) -> Result<(), Error> {
        let mut look = Instant::now();
        self.worker.ready.store(true, Ordering::Relaxed);
        while (self.worker.wish)() == Wish::GoOn {
            if look <= Instant::now() {
                if self.worker.queue.is_draining()? {
                    break;
                }
                let lease = self.worker.options.lease;
                let name = self.worker.options.name.clone();
                if let Some(held) = self.worker.queue.claim(&name, lease)? {
                    // Alone: if it is the job that ends its workers, it takes no other with it.
                    self.count("flowinone_taken_over_total", 1.0);
                    self.tell(Told::TakenOver {
                        attempt: held.attempt,
                    });
                    self.compute(vec![held])?;
                    continue;
                }
                self.gauges()?;
                look = Instant::now() + LOOK;
            }
            let Options {
                name, batch_size, ..
            } = self.worker.options.clone();
            let batch = self.worker.queue.take(&name, batch_size)?;
            match batch.is_empty() {
                false => self.compute(batch)?,
                true if self.worker.options.until_empty
                    && self.worker.queue.lengths()? == (0, 0) =>
                {
                    break;
                }
                true => {}
            }
        }
        Ok(())
    }

    /// Gives back what is held, and is forgotten by Redis.
    fn leave(&mut self) -> Result<(), Error> {
        let held = std::mem::take(&mut self.held);
        let name = self.worker.options.name.clone();
        if !held.is_empty() {
            let jobs = self.worker.queue.give_back(&name, &held)?;
            self.tell(Told::GaveBack { jobs });
        }
        self.worker.queue.leave(&name)
    }

    fn gauges(&mut self) -> Result<(), Error> {
        let (waiting, running) = self.worker.queue.lengths()?;
        let metrics = &self.worker.metrics;
        metrics.set("flowinone_queue_length", &[], waiting as f64);
        metrics.set("flowinone_queue_running", &[], running as f64);
        metrics.set("flowinone_jobs_running", &[], self.held.len() as f64);
        let losses = self.worker.queue.losses() as f64;
        metrics.set("flowinone_redis_losses_total", &[], losses);
        Ok(())
    }
}
