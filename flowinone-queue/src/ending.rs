//! How a worker is asked to end: SIGTERM, as Kubernetes, systemd and Slurm send it.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use signal_hook::consts::SIGTERM;

/// What a worker is to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Go on.
    GoOn,
    /// Finish what is computed and take nothing more.
    Finish,
    /// Stop within a step and give back what is not finished.
    Stop,
}

/// Hears SIGTERM: the first asks to finish; the second, or the end of the time for that, to stop.
#[derive(Debug)]
pub struct Ending {
    signal: Arc<AtomicBool>,
    asked: Cell<Option<Instant>>,
    again: Cell<bool>,
    timeout: Duration,
}

impl Ending {
    /// Hears SIGTERM from now on; what is computed then has `timeout` to finish.
    ///
    /// # Errors
    /// The system refuses a handler.
    pub fn listen(timeout: Duration) -> std::io::Result<Self> {
        let signal = Arc::new(AtomicBool::new(false));
        signal_hook::flag::register(SIGTERM, Arc::clone(&signal))?;
        Ok(Self {
            signal,
            asked: Cell::new(None),
            again: Cell::new(false),
            timeout,
        })
    }

    /// What was asked for until now; `interrupted` is whether Ctrl-C asked to end.
    pub fn wish(&self, interrupted: bool) -> Wish {
        let signal = self.signal.swap(false, Ordering::Relaxed);
        match self.asked.get() {
            None if signal || interrupted => {
                self.asked.set(Some(Instant::now()));
                Wish::Finish
            }
            None => Wish::GoOn,
            Some(since) => {
                self.again.set(self.again.get() || signal);
                match self.again.get() || since.elapsed() >= self.timeout {
                    true => Wish::Stop,
                    false => Wish::Finish,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_signal_asks_to_finish_and_the_second_to_stop() {
        let ending = Ending::listen(Duration::from_secs(60)).unwrap();
        let raise = || signal_hook::low_level::raise(SIGTERM).unwrap();
        assert_eq!(ending.wish(false), Wish::GoOn);
        raise();
        assert_eq!(ending.wish(false), Wish::Finish);
        assert_eq!(ending.wish(false), Wish::Finish);
        raise();
        assert_eq!(ending.wish(false), Wish::Stop);
        assert_eq!(ending.wish(false), Wish::Stop);
    }

    #[test]
    fn time_to_finish_runs_out() {
        let ending = Ending::listen(Duration::ZERO).unwrap();
        assert_eq!(ending.wish(true), Wish::Finish);
        assert_eq!(ending.wish(true), Wish::Stop);
    }
}
