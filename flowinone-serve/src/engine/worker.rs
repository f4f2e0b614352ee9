//! The thread that owns a model: takes a batch, computes it, settles each job of it on its own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use flowinone_tasks::{Error, Event as Told};
use serde_json::json;

use super::live::{Kind, Live, Upscaling};
use super::{ENDED, Engine, Model, Work};

impl Engine {
    /// Computes until the engine closes.
    pub(super) fn work<M: Model>(&self, model: &M, thread: usize) {
        let loading = Instant::now();
        match catch_unwind(AssertUnwindSafe(|| model.load())) {
            Ok(Ok(())) => {
                let seconds = loading.elapsed().as_secs_f64();
                self.log.line(
                    "loaded",
                    json!({"model": self.info.config.name, "thread": thread, "seconds": seconds}),
                );
                self.beat(thread, Some(super::IDLE));
                while let Some(batch) = self.next(thread) {
                    self.compute(model, thread, batch);
                }
            }
            Ok(Err(error)) => self.log.line("model", json!({"error": error.to_string()})),
            Err(panic) => self.log.line("model", json!({"error": reason(&*panic)})),
        }
        self.beat(thread, Some(ENDED));
    }

    fn compute<M: Model>(&self, model: &M, thread: usize, batch: Vec<Arc<Live>>) {
        let ids: Vec<&str> = batch.iter().map(|job| job.id.as_str()).collect();
        if let Err(error) = self.store.begin(&ids) {
            self.log
                .line("journal", json!({"error": error.to_string()}));
        }
        for job in &batch {
            job.progress().began.get_or_insert_with(Instant::now);
            self.metrics.observe(
                "flowinone_queue_seconds",
                &[],
                job.accepted.elapsed().as_secs_f64(),
            );
            self.tell(&job.id, Kind::Started);
        }
        let result = catch_unwind(AssertUnwindSafe(|| self.run(model, thread, &batch)));
        let open = || batch.iter().filter(|job| !job.is_settled());
        match result {
            Ok(Ok(())) if self.abort.load(Ordering::Relaxed) => {
                open().for_each(|job| self.put_back(job));
            }
            Ok(Ok(())) => {
                open().for_each(|job| self.fail(job, "internal", "it ended without a picture"));
            }
            Ok(Err(error)) => {
                open().for_each(|job| self.fail(job, code(&error), &error.to_string()));
            }
            // Only the guilty one shall fail: each once more, by itself.
            Err(panic) => match open().count() {
                0 | 1 => open().for_each(|job| self.fail(job, "panicked", &reason(&*panic))),
                _ => {
                    let again: Vec<Arc<Live>> = open().cloned().collect();
                    again
                        .into_iter()
                        .for_each(|job| self.compute(model, thread, vec![job]));
                }
            },
        }
        let mut queue = self.queue();
        queue
            .running
            .retain(|job| batch.iter().all(|other| !Arc::ptr_eq(job, other)));
        self.tell_positions(&queue);
        let quiet = queue.waiting.is_empty();
        drop(queue);
        if quiet || self.number.load(Ordering::Relaxed).is_multiple_of(64) {
            self.prune();
        }
    }

    fn run<M: Model>(&self, model: &M, thread: usize, batch: &[Arc<Live>]) -> Result<(), Error> {
        let mut jobs = vec![];
        let mut owner = vec![]; // by place in the run: job and frame
        for (number, job) in batch.iter().enumerate() {
            for (frame, item) in job.jobs.iter().enumerate() {
                jobs.push(item.clone());
                owner.push((number, frame));
            }
        }
        let stop =
            || self.abort.load(Ordering::Relaxed) || batch.iter().all(|job| job.is_settled());
        let preview = |place: usize, step: usize| {
            let (number, frame) = owner[place];
            let job = &batch[number];
            let watched =
                job.watchers.load(Ordering::Relaxed) + self.watchers.load(Ordering::Relaxed) > 0;
            frame == 0 && job.wants_preview(step, watched)
        };
        let upscaled = |place: usize, share: f64| {
            self.beat(thread, None);
            self.upscaled(&batch[owner[place].0], share);
        };
        let work = Work {
            jobs,
            settings: &batch[0].asked.settings,
            batch_size: self.batch_size,
            stop: &stop,
            preview: &preview,
            upscaled: &upscaled,
        };
        let mut last = Instant::now();
        model.run(work, &mut |event| {
            self.beat(thread, None);
            match event {
                Told::Step {
                    jobs,
                    step,
                    steps,
                    t,
                } => {
                    self.metrics.observe(
                        "flowinone_step_seconds",
                        &[],
                        last.elapsed().as_secs_f64(),
                    );
                    last = Instant::now();
                    if step == 1 {
                        self.metrics
                            .observe("flowinone_batch_size", &[], jobs.len() as f64);
                    }
                    for (number, job) in batch.iter().enumerate() {
                        let together = jobs
                            .iter()
                            .filter(|place| owner[**place].0 == number)
                            .count();
                        if together > 0 && !job.is_settled() {
                            self.stepped(job, together, step, steps, t);
                        }
                    }
                }
                Told::Preview {
                    job,
                    picture,
                    record,
                } => {
                    let job = &batch[owner[job].0];
                    job.previewed();
                    let step = record.preview.unwrap_or_default();
                    self.previewed(job, step, picture);
                }
                Told::Done {
                    job,
                    picture,
                    record,
                    ..
                } => {
                    let (number, frame) = owner[job];
                    self.finished(&batch[number], frame, &picture, *record);
                }
                Told::Failed { job, error } => {
                    self.fail(&batch[owner[job].0], code(&error), &error.to_string());
                }
                _ => {}
            }
        })
    }

    fn stepped(&self, job: &Live, together: usize, step: usize, steps: Option<usize>, t: f64) {
        let frames = job.jobs.len();
        let mut progress = job.progress();
        progress.upscaling = None; // that of the frames before is over
        progress.step = step * together + steps.unwrap_or(0) * progress.frames;
        progress.steps = steps.map(|steps| steps * frames);
        let share = steps.map_or(t, |steps| step as f64 / steps.max(1) as f64);
        progress.share = (progress.frames as f64 + share * together as f64) / frames as f64;
        let kind = Kind::Step {
            step: progress.step,
            steps: progress.steps,
            share: progress.share,
            seconds_left: progress.seconds_left(),
        };
        drop(progress);
        self.tell(&job.id, kind);
    }

    /// The finished picture of a job, or of a frame, is made larger; told for every hundredth.
    fn upscaled(&self, job: &Live, share: f64) {
        let mut progress = job.progress();
        let (since, told) = match progress.upscaling {
            // The next frame begins anew.
            Some(upscaling) if upscaling.share <= share => (upscaling.since, upscaling.share),
            _ => (Instant::now(), -1.0),
        };
        if share - told < 0.01 || job.is_settled() {
            return;
        }
        progress.upscaling = Some(Upscaling { since, share });
        let kind = Kind::Upscaling {
            share,
            seconds_left: progress.seconds_left(),
        };
        drop(progress);
        self.tell(&job.id, kind);
    }
}

/// A name for programs of what went wrong.
fn code(error: &Error) -> &'static str {
    match error {
        Error::Decode(..) => "not_finite",
        Error::Sampler(flowinone_sampler::Error::NonFinite { .. }) => "not_finite",
        Error::Prompt(_) | Error::Picture(_) => "invalid_prompt",
        Error::Settings(_) | Error::Sampler(_) => "invalid_settings",
        _ => "internal",
    }
}

/// What a panic said.
fn reason(panic: &(dyn std::any::Any + Send)) -> String {
    let said = panic.downcast_ref::<String>().map(String::as_str);
    let said = said.or_else(|| panic.downcast_ref::<&str>().copied());
    format!(
        "the computation broke off: {}",
        said.unwrap_or("no reason was given")
    )
}
