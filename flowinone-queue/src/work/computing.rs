//! Jobs computed together, their leases renewed at each step.

use std::cell::RefCell;
use std::path::Path;
use std::time::{Duration, Instant};

use flowinone_tasks::batch::Status;
use flowinone_tasks::{Error as TaskError, Event, Record, Settings, encode_png};

use super::settling::{is_there, picture_name};
use super::{Running, Task, Told};
use crate::ending::Wish;
use crate::queue::{Held, Outcome};
use crate::{Error, QueuedJob};

/// A lease is renewed at each step, but no oftener than so many times while it lasts.
const RENEWALS: u32 = 8;

impl Running<'_> {
    /// Computes jobs, those with equal settings together.
    pub(super) fn compute(&mut self, batch: Vec<Held>) -> Result<(), Error> {
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
    pub(super) fn group(&mut self, tasks: &[Task]) -> Result<bool, Error> {
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
    pub(super) fn stepped(&mut self, together: usize, step: Duration) {
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
    pub(super) fn renew(&mut self) {
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
}
