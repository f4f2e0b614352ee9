//! What a download shows: a bar with speed and time left, and what stands in its way.

use std::time::{Duration, Instant};

use flowinone_hub::Event;

use crate::bytes::bytes;
use crate::progress::Progress;

/// How often the bar moves.
const PULSE: Duration = Duration::from_millis(100);

/// Shows the events of one file after another.
#[derive(Default)]
pub(crate) struct Watch {
    current: Option<Current>,
}

struct Current {
    name: String,
    checking: bool,
    bar: Progress,
    begin: Instant,
    first: u64,
    last: Instant,
}

impl Watch {
    pub(crate) fn see(&mut self, event: Event<'_>) {
        match event {
            Event::Checking { name, done, total } => self.move_to(name, true, done, total),
            Event::Received { name, done, total } => {
                self.move_to(name, false, done, total);
                if done == total {
                    self.received(total);
                }
            }
            Event::Waiting { name, reason, wait } => {
                self.finish();
                tell!("{name}: {reason}; again in {:.0} s", wait.as_secs_f64());
            }
            Event::Kept { name, path } => {
                self.finish();
                tell!("{name}: here already ({})", path.display());
            }
            Event::Locked { path } => {
                self.finish();
                tell!("another pull works in {}; waiting for it", path.display());
            }
        }
    }

    /// Removes the bar.
    pub(crate) fn finish(&mut self) {
        if let Some(current) = self.current.take() {
            current.bar.finish();
        }
    }

    fn move_to(&mut self, name: &str, checking: bool, done: u64, total: u64) {
        let same = |current: &Current| current.name == name && current.checking == checking;
        if !self.current.as_ref().is_some_and(same) {
            self.finish();
            let label = if checking {
                format!("checking {name}")
            } else {
                name.into()
            };
            self.current = Some(Current {
                name: name.into(),
                checking,
                bar: Progress::of_bytes(label),
                begin: Instant::now(),
                first: done,
                last: Instant::now(),
            });
        }
        if let Some(current) = &mut self.current
            && (current.last.elapsed() >= PULSE || done == total)
        {
            current.last = Instant::now();
            let seconds = current.begin.elapsed().as_secs_f64();
            current
                .bar
                .bytes(done, total, done - current.first.min(done), seconds);
        }
    }

    fn received(&mut self, total: u64) {
        if let Some(current) = self.current.take() {
            current.bar.finish();
            let seconds = current.begin.elapsed().as_secs_f64();
            // A few moments say nothing of the speed.
            let speed = match seconds > 0.5 {
                true => format!(
                    ", {}/s",
                    bytes(((total - current.first) as f64 / seconds) as u64)
                ),
                false => String::new(),
            };
            tell!("{}: {}{speed}", current.name, bytes(total));
        }
    }
}
