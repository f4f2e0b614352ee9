//! A run as an iterator of events: whoever watches tells what they want, and stops where they want.
//!
//! ```text
//! for event in trainer.by_ref() { match event? { TrainEvent::Step(entry) => .., .. } }
//! ```

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::{Error, StopReason, TrainEvent, TrainTask, Trainer};

impl<L: TrainTask> Iterator for Trainer<L> {
    type Item = Result<TrainEvent, Error>;

    /// The next event; [`TrainEvent::Ended`] or an error is the last. To stop in between, leave the
    /// loop and write a [`checkpoint`](Trainer::checkpoint).
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(Ok(event));
            }
            if self.over {
                return None;
            }
            // On a thread that shares the work: any other would wait for the pool at every
            // operation.
            let pool = self.own.take();
            let worked = match &pool {
                Some(pool) => pool.install(|| self.work()),
                None => self.work(),
            };
            self.own = pool;
            if let Err(error) = worked {
                self.over = true;
                return Some(Err(error));
            }
        }
    }
}

impl<L: TrainTask> Trainer<L> {
    /// Trains until the last step, or until `stop` is set; the last state is then in a checkpoint.
    ///
    /// # Errors
    /// Data or files that fail, or five steps in a row without a finite loss: the last good
    /// checkpoint is named.
    pub fn run(&mut self, stop: &AtomicBool) -> Result<StopReason, Error> {
        loop {
            if stop.load(Ordering::Relaxed) && self.is_between_steps() {
                self.checkpoint()?;
                return Ok(StopReason::Stopped);
            }
            match self.next() {
                Some(event) => {
                    if let TrainEvent::Ended(reason) = event? {
                        return Ok(reason);
                    }
                }
                None => return Ok(StopReason::Complete),
            }
        }
    }

    /// Whether all events of the last step are told, and another step is to come.
    pub fn is_between_steps(&self) -> bool {
        self.events.is_empty() && !self.due && !self.over && self.step() < self.steps()
    }

    /// A step, or a validation that is due, or the end.
    fn work(&mut self) -> Result<(), Error> {
        let saved = *self.saved.get_or_insert_with(Instant::now);
        if std::mem::take(&mut self.due) {
            self.validate()?;
        } else if self.step() == self.steps() {
            self.checkpoint()?;
            self.end(StopReason::Complete);
            return Ok(());
        } else if !self.take_step()? {
            self.checkpoint()?;
            self.end(StopReason::DataEnded);
            return Ok(());
        }
        if !self.due && self.is_sound() && saved.elapsed().as_secs() >= self.seconds_between() {
            self.checkpoint()?;
            self.saved = Some(Instant::now());
        }
        Ok(())
    }

    fn end(&mut self, reason: StopReason) {
        self.events.push_back(TrainEvent::Ended(reason));
        self.over = true;
    }
}
