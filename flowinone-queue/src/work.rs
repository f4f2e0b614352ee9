//! A worker: takes jobs, makes their pictures together, and settles each on its own.
//!
//! ```text
//! take -> (there already: skipped) -> steps, each renewing the lease -> write -> settle
//! ```
//!
//! What a worker does after it was lost to others does no harm: the same job has the same name and
//! the same bytes wherever it is computed, and only the first that settles it is reported.

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use flowinone_tasks::batch::{Line, Status, Target};
use flowinone_tasks::{
    Cost, Error as TaskError, Event, Metric, Metrics, Record, Session, Settings, decode_record,
    encode_png,
};

use crate::ending::Wish;
use crate::queue::{Held, Outcome, Queue};
use crate::{Error, Output, QueuedJob};

/// How often a worker looks for lost jobs and for being asked to end.
const LOOK: Duration = Duration::from_secs(1);
/// A lease is renewed at each step, but no oftener than so many times while it lasts.
const RENEWALS: u32 = 8;
/// Pauses between attempts to write a picture, doubled each time.
const PAUSE: Duration = Duration::from_millis(200);

/// The metrics of a worker.
const NAMES: [Metric; 13] = [
    (
        "flowinone_jobs_total",
        "counter",
        "Jobs that this worker settled, by outcome.",
    ),
    (
        "flowinone_tries_failed_total",
        "counter",
        "Tries of jobs that failed, the last ones too.",
    ),
    (
        "flowinone_taken_over_total",
        "counter",
        "Jobs taken over from workers that were lost.",
    ),
    (
        "flowinone_leases_lost_total",
        "counter",
        "Jobs that another worker took over from this one.",
    ),
    (
        "flowinone_redis_losses_total",
        "counter",
        "Connections to Redis that broke.",
    ),
    (
        "flowinone_queue_length",
        "gauge",
        "Jobs that wait, for all workers.",
    ),
    (
        "flowinone_queue_running",
        "gauge",
        "Jobs that are held, by all workers.",
    ),
    (
        "flowinone_jobs_running",
        "gauge",
        "Jobs that this worker holds.",
    ),
    (
        "flowinone_ready",
        "gauge",
        "Whether this worker takes jobs.",
    ),
    (
        "flowinone_step_seconds",
        "histogram",
        "Time of a step of a batch.",
    ),
    (
        "flowinone_write_seconds",
        "histogram",
        "Time that writing a picture took.",
    ),
    (
        "flowinone_batch_size",
        "histogram",
        "Pictures that were computed together.",
    ),
    (
        "process_resident_memory_bytes",
        "gauge",
        "Memory of the process.",
    ),
];

/// Metrics of a worker, none counted yet.
pub fn metrics() -> Metrics {
    Metrics::new(&NAMES)
}

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

/// What happens to a worker.
#[derive(Debug)]
#[non_exhaustive]
pub enum Told<'a> {
    /// The weights were loaded; jobs are taken from now on.
    Loaded {
        /// The time it took.
        time: Duration,
    },
    /// A picture was written.
    Done {
        /// Where.
        place: &'a str,
    },
    /// A picture was there.
    Skipped {
        /// Where.
        place: &'a str,
    },
    /// A try failed.
    Failed {
        /// The line of the batch file.
        input: &'a str,
        /// Why.
        error: &'a str,
        /// Which try it was.
        attempt: u32,
        /// Whether it was the last.
        last: bool,
    },
    /// A batch was computed.
    Batch {
        /// What it cost.
        cost: Cost,
    },
    /// A job was taken over from a worker that was lost.
    TakenOver {
        /// Which try it is now.
        attempt: u32,
    },
    /// Other workers took over jobs that this one computes.
    LeaseLost {
        /// How many.
        jobs: usize,
    },
    /// A step took more than half of the lease.
    Slow {
        /// The time it took.
        step: Duration,
    },
    /// A picture could not be written; it is tried again.
    Rewrite {
        /// Why.
        error: &'a Error,
    },
    /// Jobs were given back unfinished.
    GaveBack {
        /// How many.
        jobs: u64,
    },
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
        "{} ({}) in {}",
        session.config().name,
        &session.digest()[..12.min(session.digest().len())],
        session.dtype()
    );
    if let Some(upscaling) = session.upscaling() {
        let record = upscaling.record();
        let digest = &record.model_digest[..12.min(record.model_digest.len())];
        let settings = serde_json::to_string(&record.settings).unwrap_or_default();
        words += &format!(", enlarged by {digest} {settings}");
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

    /// Computes jobs, those with equal settings together.
    fn compute(&mut self, batch: Vec<Held>) -> Result<(), Error> {
        self.held = batch.iter().map(|held| held.id.clone()).collect();
        self.renewed = Instant::now();
        let mut groups: Vec<Vec<Task>> = vec![];
        for held in batch {
            if held.attempt > self.worker.options.tries {
                let error = format!(
                    "{} tries: each time the worker ended before it had finished",
                    held.attempt - 1
                );
                self.bury(&held, &error)?;
                continue;
            }
            let job: QueuedJob = match serde_json::from_str(&held.json) {
                Ok(job) => job,
                Err(error) => {
                    let error = format!("it is no job of this version of the program: {error}");
                    self.bury(&held, &error)?;
                    continue;
                }
            };
            let settings = job.settings.of_model(self.worker.session.config());
            let task = Task {
                held,
                settings: settings.as_ref().copied().unwrap_or(Settings::mini()),
                job,
            };
            match settings {
                Ok(settings) => match groups.iter_mut().find(|g| g[0].settings == settings) {
                    Some(group) => group.push(task),
                    None => groups.push(vec![task]),
                },
                Err(error) => self.failed(&task, None, &error.to_string())?,
            }
        }
        for group in groups {
            if !self.group(&group)? {
                break;
            }
        }
        Ok(())
    }

    /// Computes jobs of the same settings; false if it was stopped.
    fn group(&mut self, tasks: &[Task]) -> Result<bool, Error> {
        let session = self.worker.session;
        let mut jobs = vec![];
        for task in tasks {
            let job = task.job.job(session);
            jobs.push(job.map_err(|error| TaskError::Jobs(error.to_string()))?);
        }
        let names = RefCell::new(vec![None; tasks.len()]);
        let away = RefCell::new(None);
        let (output, overwrite) = (self.worker.output, self.worker.options.overwrite);
        let wanted = |place: usize, record: &Record| {
            let line = &tasks[place].job.line;
            let named = line.name().map_err(TaskError::Jobs)?;
            let name = match &named {
                Some(name) => name.to_string_lossy().into_owned(),
                None => picture_name(record)?,
            };
            names.borrow_mut()[place] = Some(name.clone());
            let there = is_there(output, &name, named.is_some(), overwrite, record);
            there.map(|there| !there).map_err(|error| match error {
                Error::Task(error) => error,
                other => {
                    // No job is guilty of it: the loop below ends with it.
                    let text = other.to_string();
                    *away.borrow_mut() = Some(other);
                    TaskError::Jobs(text)
                }
            })
        };
        let wish = self.worker.wish;
        let stop = || wish() == Wish::Stop;
        let run = session.run_wanted(jobs, &tasks[0].settings, wanted);
        let run = run.batch_size(self.worker.options.batch_size).until(&stop);
        let mut last = Instant::now();
        for event in run {
            if let Some(away) = away.borrow_mut().take() {
                return Err(away);
            }
            match event? {
                Event::Step { jobs, .. } => {
                    let step = last.elapsed();
                    self.stepped(jobs.len(), step);
                    last = Instant::now();
                    continue; // the clock of the next step runs
                }
                Event::Done {
                    job,
                    picture,
                    record,
                    cost,
                } => {
                    let name = names.borrow()[job].clone().unwrap_or_default();
                    match encode_png(Path::new(&name), &picture, &record) {
                        Ok(bytes) => {
                            self.write(&name, &bytes)?;
                            self.settle(&tasks[job], &name, Outcome::Done, Status::Done(cost))?;
                        }
                        Err(error) => self.failed(&tasks[job], Some(&name), &error.to_string())?,
                    }
                }
                Event::Skipped { job } => {
                    let name = names.borrow()[job].clone().unwrap_or_default();
                    self.settle(&tasks[job], &name, Outcome::Skipped, Status::Skipped)?;
                }
                Event::Failed { job, error } => {
                    let name = names.borrow()[job].clone();
                    self.failed(&tasks[job], name.as_deref(), &error.to_string())?;
                }
                Event::Batch { cost } => self.tell(Told::Batch { cost }),
                Event::Stopped => return Ok(false),
                _ => {}
            }
            last = Instant::now();
        }
        Ok(true)
    }

    /// After a step: the leases of all that is held are renewed, unless they were a moment ago.
    fn stepped(&mut self, together: usize, step: Duration) {
        let metrics = &self.worker.metrics;
        metrics.observe("flowinone_step_seconds", &[], step.as_secs_f64());
        metrics.observe("flowinone_batch_size", &[], together as f64);
        let lease = self.worker.options.lease;
        if step > lease / 2 && !std::mem::replace(&mut self.slow, true) {
            self.tell(Told::Slow { step });
        }
        if self.renewed.elapsed() >= lease / RENEWALS {
            self.renew();
        }
    }

    /// Renews all leases. A Redis that is away is no reason to stop computing.
    fn renew(&mut self) {
        self.renewed = Instant::now();
        let name = self.worker.options.name.clone();
        if let Ok(kept) = self.worker.queue.renew(&name, &self.held) {
            let jobs = self.held.len() - kept.len();
            self.held = kept;
            if jobs > 0 {
                self.count("flowinone_leases_lost_total", jobs as f64);
                self.tell(Told::LeaseLost { jobs });
            }
        }
    }

    /// Writes a picture, again and again while the place is away, and renews the leases meanwhile.
    fn write(&mut self, name: &str, bytes: &[u8]) -> Result<(), Error> {
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
    fn settle(
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
    fn failed(&mut self, task: &Task, name: Option<&str>, error: &str) -> Result<(), Error> {
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
    fn bury(&mut self, held: &Held, error: &str) -> Result<(), Error> {
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

    fn settled(&mut self, held: &Held, outcome: Outcome, report: &str) -> Result<(), Error> {
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
    fn line(&self, task: &Task, name: Option<&str>, status: Status) -> String {
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
fn picture_name(record: &Record) -> Result<String, TaskError> {
    let digest = record.digest()?;
    let task = record.task.map_or("picture", |task| task.name());
    Ok(format!("{task}-{}.png", &digest[..16]))
}

/// Whether the picture of a record is at its place. A name of its own is another's only by
/// accident; one that a line chose is looked into.
fn is_there(
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
