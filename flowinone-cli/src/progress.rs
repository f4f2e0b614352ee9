//! Progress on the terminal: steps done, seconds a step, time left. Silent where no one watches.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The progress of one batch.
pub(crate) struct Progress {
    bar: ProgressBar,
    begin: Instant,
}

impl Progress {
    /// Starts a bar labelled with what is being made.
    pub(crate) fn start(label: String) -> Self {
        Self::with("{msg} {wide_bar} {pos}/{len} {prefix}", label)
    }

    /// Starts a bar of [bytes](Self::bytes).
    #[cfg(feature = "hub")]
    pub(crate) fn of_bytes(label: String) -> Self {
        Self::with("{msg} {wide_bar} {prefix}", label)
    }

    fn with(template: &str, label: String) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template(template);
        bar.set_style(style.expect("the template is well-formed"));
        bar.set_message(label);
        Self {
            bar,
            begin: Instant::now(),
        }
    }

    /// Shows a step.
    pub(crate) fn tick(&self, step: usize, steps: Option<usize>, t: f64) {
        let spent = self.begin.elapsed();
        match steps {
            Some(steps) => {
                self.bar.set_length(steps as u64);
                self.bar.set_position(step as u64);
                self.bar.set_prefix(pace(spent, step, steps));
            }
            // An adaptive solver knows its time, not its number of steps.
            None => {
                self.bar.set_length(100);
                self.bar.set_position((100.0 * t) as u64);
                self.bar.set_prefix(format!("t = {t:.3}, step {step}"));
            }
        }
    }

    /// Shows a share of the work, 0 to 1.
    pub(crate) fn share(&self, share: f64) {
        let spent = self.begin.elapsed().as_secs_f64();
        self.bar.set_length(100);
        self.bar.set_position((100.0 * share) as u64);
        // The first moments say little of the rest.
        if share > 0.02 {
            self.bar.set_prefix(left(spent / share * (1.0 - share)));
        }
    }

    /// Shows bytes: how many are here of how many, of which `new` took `seconds`.
    #[cfg(feature = "hub")]
    pub(crate) fn bytes(&self, done: u64, total: u64, new: u64, seconds: f64) {
        use crate::bytes::bytes;
        self.bar.set_length(total);
        self.bar.set_position(done);
        let mut prefix = format!("{} of {}", bytes(done), bytes(total));
        // The first moments say little of the rest.
        if seconds > 0.5 && new > 0 {
            let speed = new as f64 / seconds;
            let left = left((total - done) as f64 / speed);
            prefix += &format!(", {}/s, {left}", bytes(speed as u64));
        }
        self.bar.set_prefix(prefix);
    }

    /// Its label, where it is, and where it ends.
    #[cfg(test)]
    pub(crate) fn shown(&self) -> (String, u64, u64) {
        let length = self.bar.length().unwrap_or(0);
        (self.bar.message(), self.bar.position(), length)
    }

    /// Removes the bar.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// "1.23 s/step, 0:42 left".
fn pace(spent: Duration, done: usize, steps: usize) -> String {
    let step = spent.as_secs_f64() / done.max(1) as f64;
    let left = left(step * steps.saturating_sub(done) as f64);
    format!("{step:.2} s/step, {left}")
}

/// "0:42 left".
fn left(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    format!("{}:{:02} left", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pace_tells_seconds_a_step_and_time_left() {
        assert_eq!(
            pace(Duration::from_secs(25), 10, 50),
            "2.50 s/step, 1:40 left"
        );
        assert_eq!(
            pace(Duration::from_secs(50), 50, 50),
            "1.00 s/step, 0:00 left"
        );
    }
}
