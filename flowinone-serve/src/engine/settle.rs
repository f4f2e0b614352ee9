//! How a job ends: once, by a picture, by an error, or by whoever cancels it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use flowinone_tasks::{Record, write_png};
use image::RgbImage;
use serde_json::json;
use tokio::sync::{broadcast, watch};

use super::Engine;
use super::live::{Event, Kind, Live};
use crate::store::StoreError;

impl Engine {
    /// Tells listeners that something happened to a job.
    pub(super) fn tell(&self, id: &str, kind: Kind) {
        if self.events.receiver_count() > 0 {
            let number = self.number.fetch_add(1, Ordering::Relaxed);
            // Nobody may be listening any more.
            let _ = self.events.send(Event {
                number,
                job: id.into(),
                kind,
            });
        }
    }

    /// Everything that happens from now on.
    pub(crate) fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// Becomes true when a job is over; `None` if it is already, or unknown.
    pub(crate) fn until_over(&self, id: &str) -> Option<watch::Receiver<bool>> {
        self.queue().by_id.get(id).map(|job| job.over.subscribe())
    }

    /// Cancels a job. `Some(true)` if that ended it, `Some(false)` if it was over, `None` if there
    /// is none of that name. Blocks on the disk.
    pub(crate) fn cancel(&self, id: &str) -> Result<Option<bool>, StoreError> {
        let Some(job) = self.queue().by_id.get(id).cloned() else {
            // Over, unknown, or put back at the end of the process.
            let cancelled = self.store.cancelled(id)?;
            return Ok(self.store.job(id)?.map(|_| cancelled));
        };
        if job.settled.swap(true, Ordering::SeqCst) {
            return Ok(Some(false));
        }
        let mut queue = self.queue();
        queue.waiting.retain(|other| !Arc::ptr_eq(&job, other));
        self.tell_positions(&queue);
        drop(queue);
        self.store.cancelled(id)?;
        self.over(&job, "cancelled", Kind::Cancelled);
        Ok(Some(true))
    }

    /// Forgets a job that is over, and its picture. Blocks on the disk.
    pub(crate) fn forget(&self, id: &str) -> Result<bool, StoreError> {
        let forgotten = self.store.forget(id)?;
        if forgotten {
            self.tell(id, Kind::Forgotten);
        }
        Ok(forgotten)
    }

    /// No picture could be made.
    pub(super) fn fail(&self, job: &Live, code: &str, message: &str) {
        if job.settled.swap(true, Ordering::SeqCst) {
            return;
        }
        if let Err(error) = self.store.failed(&job.id, code, message) {
            self.log.line(
                "journal",
                json!({"job": job.id, "error": error.to_string()}),
            );
        }
        let kind = Kind::Failed {
            code: code.into(),
            message: message.into(),
        };
        self.over(job, "failed", kind);
    }

    /// A job that is stopped in order waits for the next start.
    pub(super) fn put_back(&self, job: &Live) {
        if job.settled.swap(true, Ordering::SeqCst) {
            return;
        }
        if let Err(error) = self.store.put_back(&job.id) {
            self.log.line(
                "journal",
                json!({"job": job.id, "error": error.to_string()}),
            );
        }
        self.log.line("put back", json!({"job": job.id}));
        self.queue().by_id.remove(&job.id);
        job.over.send_replace(true);
    }

    /// An unfinished picture came.
    pub(super) fn previewed(&self, job: &Live, step: usize, picture: RgbImage) {
        if !job.is_settled() {
            let picture = Arc::new(picture);
            self.tell(&job.id, Kind::Preview { step, picture });
        }
    }

    /// A picture, or a frame of a motion, is finished.
    pub(super) fn finished(&self, job: &Live, frame: usize, picture: &RgbImage, record: Record) {
        if job.is_settled() {
            return;
        }
        let record = match self.hide_paths {
            true => hidden(record),
            false => record,
        };
        let frames = job.jobs.len();
        let moving = job.asked.frames.is_some();
        let written = || {
            let mut bytes = 0;
            if moving {
                let folder = self.store.frames(&job.id);
                std::fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
                bytes += written(
                    &folder.join(format!("{:04}.png", frame + 1)),
                    picture,
                    &record,
                )?;
            }
            if frame + 1 == frames {
                bytes += written(&self.store.picture(&job.id), picture, &record)?;
            }
            Ok::<u64, String>(bytes)
        };
        let bytes = match written() {
            Ok(bytes) => bytes,
            Err(reason) => {
                let full = self.store.room().is_err();
                let code = if full { "disk_full" } else { "internal" };
                return self.fail(job, code, &reason);
            }
        };
        let mut progress = job.progress();
        progress.frames += 1;
        progress.bytes += bytes;
        let (finished, bytes) = (progress.frames, progress.bytes);
        let began = progress.began;
        drop(progress);
        if finished < frames {
            return;
        }
        if job.settled.swap(true, Ordering::SeqCst) {
            // Cancelled while the last picture was written: nobody wants it.
            let _ = std::fs::remove_file(self.store.picture(&job.id));
            let _ = std::fs::remove_dir_all(self.store.frames(&job.id));
            return;
        }
        let (width, height) = picture.dimensions();
        if let Err(error) = self.store.done(&job.id, [width, height], bytes) {
            self.log.line(
                "journal",
                json!({"job": job.id, "error": error.to_string()}),
            );
        }
        if let Some(began) = began {
            let seconds = began.elapsed().as_secs_f64();
            let labels = [("task", job.asked.task())];
            self.metrics
                .observe("flowinone_job_seconds", &labels, seconds);
        }
        self.over(job, "done", Kind::Done);
    }

    /// What every end has in common.
    fn over(&self, job: &Live, outcome: &str, kind: Kind) {
        let seconds = job.accepted.elapsed().as_secs_f64();
        let labels = [("task", job.asked.task()), ("outcome", outcome)];
        self.metrics.add("flowinone_jobs_total", &labels, 1.0);
        let code = match &kind {
            Kind::Failed { code, .. } => Some(code.clone()),
            _ => None,
        };
        self.log.line(
            outcome,
            json!({"job": job.id, "seconds": seconds, "code": code}),
        );
        let mut queue = self.queue();
        queue.by_id.remove(&job.id);
        let computed = job
            .progress()
            .began
            .map(|began| began.elapsed().as_secs_f64());
        if let (Some(computed), Kind::Done) = (computed, &kind) {
            let share = computed / self.batch_size as f64;
            queue.lately = 0.9 * queue.lately + 0.1 * share;
        }
        drop(queue);
        self.tell(&job.id, kind);
        job.over.send_replace(true);
    }
}

/// Writes a picture with its record; how many bytes that are.
fn written(path: &Path, picture: &RgbImage, record: &Record) -> Result<u64, String> {
    write_png(path, picture, record).map_err(|e| e.to_string())?;
    std::fs::metadata(path)
        .map(|file| file.len())
        .map_err(|e| e.to_string())
}

/// A record that names files without their folders, for pictures that go to strangers.
fn hidden(record: Record) -> Record {
    let name = |path: &Path| path.file_name().unwrap_or_default().into();
    Record {
        model: name(&record.model),
        input: record.input.moved(name),
        ..record
    }
}
