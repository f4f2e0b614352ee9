//! What a run tells: progress while it computes, finished files on standard output, all else on
//! standard error.

use std::cell::RefCell;

use anyhow::Result;
use flowinone_tasks::batch::BatchRun;
use flowinone_tasks::{Cost, Error, Event, Session};

use crate::progress::Progress;
use crate::{Outcome, interrupt};

/// Shows every event of a run of `total` jobs, and tells how the run ended.
pub(crate) fn show(session: &Session, run: BatchRun<'_>, total: usize) -> Result<Outcome> {
    interrupt::listen();
    let bar = BatchBar::default();
    let upscaled = |job, share| bar.upscaled(job, share);
    let mut run = run.until(&interrupt::asked).upscale_progress(&upscaled);
    let mut failed = 0;
    while let Some(event) = run.next() {
        let event = event.map_err(with_hint)?;
        if !matches!(event, Event::Step { .. } | Event::Preview { .. }) {
            bar.finish();
        }
        match event {
            Event::Loaded { time } => loaded(session, time.as_secs_f64()),
            Event::Step {
                jobs,
                step,
                steps,
                t,
            } => {
                let label = || label(&run, &jobs);
                bar.stepped(&jobs, label, |bar| bar.tick(step, steps, t));
            }
            Event::NoPreview { error, .. } => tell!("preview: {error}"),
            Event::Done { job, .. } => out!("{}", run.output(job).display()),
            Event::Skipped { job } => tell!("{}: already there", run.output(job).display()),
            Event::Failed { job, error } => {
                failed += 1;
                tell!("failed: {}: {}", run.input(job), with_hint(error));
            }
            Event::Batch { cost } => summarise(&cost),
            Event::Stopped => {
                tell!("stopped; run the same command again to continue");
                return Ok(Outcome::Interrupted);
            }
            _ => {}
        }
    }
    if failed > 0 && total > 1 {
        tell!("{failed} of {total} pictures failed");
    }
    Ok(match failed {
        0 => Outcome::Done,
        _ => Outcome::Incomplete,
    })
}

/// What is shown of a batch: its steps, then how far its pictures are made larger.
#[derive(Default)]
struct BatchBar(RefCell<Option<Shown>>);

struct Shown {
    label: String,
    jobs: Vec<usize>,
    bar: Progress,
    upscaling: bool,
}

impl BatchBar {
    /// Shows a step of the batch of these jobs, as `tick` does on its bar.
    fn stepped(&self, jobs: &[usize], label: impl FnOnce() -> String, tick: impl Fn(&Progress)) {
        let mut shown = self.0.borrow_mut();
        if shown.as_ref().is_none_or(|shown| shown.upscaling) {
            let label = label();
            *shown = Some(Shown {
                bar: Progress::start(label.clone()),
                label,
                jobs: jobs.to_vec(),
                upscaling: false,
            });
        }
        if let Some(shown) = &*shown {
            tick(&shown.bar);
        }
    }

    /// Shows that the picture of a job of the batch is made larger, a share of it done, 0 to 1.
    fn upscaled(&self, job: usize, share: f64) {
        let mut shown = self.0.borrow_mut();
        let Some(shown) = &mut *shown else {
            return; // nothing is shown of a run without steps
        };
        if !shown.upscaling {
            shown.bar.finish();
            shown.bar = Progress::start(format!("upscaling {}", shown.label));
            shown.upscaling = true;
        }
        let before = shown.jobs.iter().take_while(|each| **each != job).count();
        let share = (before as f64 + share) / shown.jobs.len() as f64;
        shown.bar.share(share);
    }

    /// Removes the bar.
    fn finish(&self) {
        if let Some(shown) = self.0.borrow_mut().take() {
            shown.bar.finish();
        }
    }
}

/// An error of the library, with the option that helps.
pub(crate) fn with_hint(error: Error) -> anyhow::Error {
    let hint = match &error {
        Error::OtherPicture(_) => "; --overwrite replaces it",
        Error::Weights(flowinone_weights::Error::Mismatch(mismatch))
            if !mismatch.unknown.is_empty() =>
        {
            "; --allow-unknown ignores unknown tensors"
        }
        Error::Device(_) => " (`flowinone devices` lists what there is)",
        _ => return error.into(),
    };
    anyhow::anyhow!("{error}{hint}")
}

/// Says what was loaded, and whether its pictures can mean anything.
pub(crate) fn loaded(session: &Session, seconds: f64) {
    tell!(
        "model {} ({}) on {} in {}, loaded in {seconds:.1} s",
        session.config().name,
        session.directory().path().display(),
        session.device().choice,
        session.dtype(),
    );
    if !session.config().trained {
        tell!(
            "note: the weights of this model are random, not trained: every step is real, the picture is noise. `flowinone convert` makes a model directory from the published weights."
        );
    }
}

/// What a batch is called: its first file, and how many more there are.
fn label(run: &BatchRun<'_>, jobs: &[usize]) -> String {
    let name = jobs.first().and_then(|&job| run.output(job).file_name());
    let name = name.unwrap_or_default().to_string_lossy();
    match jobs.len() {
        0 | 1 => name.into_owned(),
        n => format!("{name} and {} more", n - 1),
    }
}

pub(crate) fn summarise(cost: &Cost) {
    let step = cost.solve_seconds / cost.steps.max(1) as f64;
    let peak = cost.peak_bytes.map_or(String::new(), |bytes| {
        format!(
            ", peak memory {:.2} GiB",
            bytes as f64 / (1u64 << 30) as f64
        )
    });
    let upscale = match cost.upscale_seconds {
        0.0 => String::new(),
        seconds => format!(", upscale {seconds:.2} s"),
    };
    tell!(
        "{} steps, {} evaluations: vision {:.2} s, structure {:.2} s, {:.3} s a step, decode {:.2} s{upscale}{peak}",
        cost.steps,
        cost.evaluations,
        cost.vision_seconds,
        cost.structure_seconds,
        step,
        cost.decode_seconds
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_of_a_batch_goes_over_its_steps_and_then_over_its_larger_pictures() {
        let bar = BatchBar::default();
        let shown = || {
            let shown = bar.0.borrow();
            shown.as_ref().map(|shown| shown.bar.shown())
        };
        let expect = |label: &str, done: u64, of: u64| Some((label.to_string(), done, of));
        bar.upscaled(4, 0.5);
        assert_eq!(shown(), None);
        let step = |step| {
            let tick = |bar: &Progress| bar.tick(step, Some(8), 0.0);
            bar.stepped(&[4, 7], || "key.png and 1 more".into(), tick);
        };
        step(1);
        step(2);
        assert_eq!(shown(), expect("key.png and 1 more", 2, 8));
        bar.upscaled(4, 0.5);
        assert_eq!(shown(), expect("upscaling key.png and 1 more", 25, 100));
        bar.upscaled(7, 0.5);
        assert_eq!(shown(), expect("upscaling key.png and 1 more", 75, 100));
        step(3);
        assert_eq!(shown(), expect("key.png and 1 more", 3, 8));
        bar.finish();
        assert_eq!(shown(), None);
    }
}
