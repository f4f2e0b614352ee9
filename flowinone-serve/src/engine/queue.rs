//! The queue: first come, first served; jobs of equal settings are taken together.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use flowinone_sampler::Solver;
use serde_json::json;

use super::live::{Kind, Live};
use super::{Engine, Queue};
use crate::asked::Asked;
use crate::refusal::Refusal;
use crate::store::StoreError;

/// A job that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub(crate) id: String,
    /// Whether it was there already, by its key.
    pub(crate) known: bool,
}

impl Engine {
    /// Takes jobs, all or none: they are in the journal when this returns. With a key, jobs that
    /// were taken under it before are given back. Blocks on the disk.
    pub(crate) fn submit(
        &self,
        asked: Vec<Asked>,
        key: Option<&str>,
    ) -> Result<Vec<Ticket>, Refusal> {
        let style = &self.info.config.prompts;
        let inputs = self.store.inputs();
        let mut lives = vec![];
        for (number, asked) in asked.into_iter().enumerate() {
            let jobs = asked.jobs(style, &inputs);
            let jobs = jobs.map_err(|e| Refusal::invalid("invalid_prompt", e.to_string()))?;
            let key = key.map(|key| format!("{key}#{number}"));
            lives.push((Live::new(crate::id::new(), asked, jobs, false), key));
        }
        let mut queue = self.queue();
        if self.draining.load(Ordering::Relaxed) {
            self.rejected("draining");
            return Err(Refusal::unavailable(
                "draining",
                "the server is about to end; try another or later",
            ));
        }
        if queue.waiting.len() + lives.len() > self.capacity {
            self.rejected("queue_full");
            let ahead = queue.waiting.len() as f64 * queue.lately;
            return Err(Refusal::full(
                "queue_full",
                format!(
                    "{} jobs wait, as many as may (--queue)",
                    queue.waiting.len()
                ),
                ahead.ceil() as u32,
            ));
        }
        let mut tickets = vec![];
        for (live, key) in lives {
            let request = serde_json::to_string(&live.asked)
                .map_err(|e| Refusal::invalid("invalid_prompt", e.to_string()))?;
            let known = self
                .store
                .accept(
                    &live.id,
                    live.asked.task(),
                    &request,
                    &live.asked.inputs,
                    key.as_deref(),
                )
                .map_err(|e| self.refused(&e))?;
            if let Some(known) = known {
                if known.request != request {
                    return Err(Refusal::invalid(
                        "idempotency_mismatch",
                        "this Idempotency-Key was used for another request",
                    ));
                }
                tickets.push(Ticket {
                    id: known.id,
                    known: true,
                });
                continue;
            }
            tickets.push(Ticket {
                id: live.id.clone(),
                known: false,
            });
            self.log.line(
                "accepted",
                json!({"job": live.id, "task": live.asked.task(), "prompt": live.asked.prompt}),
            );
            queue.push(live);
        }
        self.tell_positions(&queue);
        drop(queue);
        self.wake.notify_all();
        Ok(tickets)
    }

    /// The refusal of a store that does not do its work.
    pub(crate) fn refused(&self, error: &StoreError) -> Refusal {
        match error {
            StoreError::Full(..) => {
                self.rejected("disk_full");
                Refusal::disk(error.to_string())
            }
            StoreError::Broken(..) => Refusal::internal("journal", error.to_string()),
        }
    }

    /// Counts a request that was refused.
    pub(crate) fn rejected(&self, reason: &str) {
        self.metrics
            .add("flowinone_rejected_total", &[("reason", reason)], 1.0);
    }

    /// Jobs of an earlier process wait again; those with which two processes died fail.
    pub(super) fn recover(&self) {
        let left = match self.store.left_over() {
            Ok(left) => left,
            Err(error) => {
                self.log
                    .line("journal", json!({"error": error.to_string()}));
                return;
            }
        };
        let style = &self.info.config.prompts;
        for entry in left {
            let asked: Result<Asked, _> = serde_json::from_str(&entry.request);
            let jobs = asked.map_err(|e| e.to_string()).and_then(|asked| {
                let jobs = asked
                    .jobs(style, &self.store.inputs())
                    .map_err(|e| e.to_string())?;
                Ok((asked, jobs))
            });
            let ended = match jobs {
                _ if entry.attempts >= 2 => Err((
                    "killed",
                    "the server died twice while it computed this job".to_string(),
                )),
                Ok((asked, jobs)) => Ok((asked, jobs)),
                Err(reason) => Err(("invalid_prompt", reason)),
            };
            match ended {
                Ok((asked, jobs)) => {
                    self.log.line(
                        "recovered",
                        json!({"job": entry.id, "attempts": entry.attempts}),
                    );
                    self.queue()
                        .push(Live::new(entry.id, asked, jobs, entry.attempts > 0));
                }
                Err((code, reason)) => {
                    self.log
                        .line("failed", json!({"job": entry.id, "code": code}));
                    if let Err(error) = self.store.failed(&entry.id, code, &reason) {
                        self.log
                            .line("journal", json!({"error": error.to_string()}));
                    }
                }
            }
        }
    }

    /// The next jobs to compute together, begun; `None` when the thread shall end.
    pub(super) fn next(&self, thread: usize) -> Option<Vec<Arc<Live>>> {
        let mut queue = self.queue();
        loop {
            if self.abort.load(Ordering::Relaxed) || (queue.closing && queue.waiting.is_empty()) {
                return None;
            }
            if let Some(batch) = queue.take(self.batch_size) {
                self.beat(thread, None);
                self.tell_positions(&queue);
                return Some(batch);
            }
            self.beat(thread, Some(super::IDLE));
            let waited = self.wake.wait_timeout(queue, Duration::from_secs(60));
            let (again, timeout) = waited.unwrap_or_else(std::sync::PoisonError::into_inner);
            queue = again;
            if timeout.timed_out() {
                drop(queue);
                self.prune(); // pictures grow old also when nothing happens
                queue = self.queue();
            }
        }
    }

    /// Tells every waiting job where it stands.
    pub(super) fn tell_positions(&self, queue: &Queue) {
        self.metrics
            .set("flowinone_queue_length", &[], queue.waiting.len() as f64);
        self.metrics
            .set("flowinone_jobs_running", &[], queue.running.len() as f64);
        if self.events.receiver_count() > 0 {
            for (ahead, job) in queue.waiting.iter().enumerate() {
                self.tell(
                    &job.id,
                    Kind::Queued {
                        position: ahead + 1,
                    },
                );
            }
        }
    }
}

impl Queue {
    fn push(&mut self, live: Live) {
        let live = Arc::new(live);
        self.by_id.insert(live.id.clone(), Arc::clone(&live));
        self.waiting.push_back(live);
    }

    /// The first that waits, and those behind it that can be computed with it.
    fn take(&mut self, batch_size: usize) -> Option<Vec<Arc<Live>>> {
        let first = self.waiting.pop_front()?;
        let mut items = first.jobs.len();
        // An adaptive solver takes each alone anyway.
        let alone =
            |job: &Live| job.alone || matches!(job.asked.settings.solver, Solver::Dopri5(_));
        let mut batch = vec![first];
        let mut place = 0;
        while !alone(&batch[0]) && place < self.waiting.len() && items < batch_size {
            let other = &self.waiting[place];
            let fits = !alone(other)
                && other.asked.settings == batch[0].asked.settings
                && items + other.jobs.len() <= batch_size;
            match fits {
                true => {
                    items += other.jobs.len();
                    batch.extend(self.waiting.remove(place));
                }
                false => place += 1,
            }
        }
        self.running.extend(batch.iter().cloned());
        Some(batch)
    }
}
