//! What a run tells: progress while it computes, finished files on standard output, all else on
//! standard error.

use anyhow::Result;
use flowinone_tasks::batch::BatchRun;
use flowinone_tasks::{Cost, Error, Event, Session};

use crate::progress::Progress;
use crate::{Outcome, interrupt};

/// Shows every event of a run of `total` jobs, and tells how the run ended.
pub(crate) fn show(session: &Session, run: BatchRun<'_>, total: usize) -> Result<Outcome> {
    interrupt::listen();
    let mut run = run.until(&interrupt::asked);
    let mut progress: Option<Progress> = None;
    let mut failed = 0;
    while let Some(event) = run.next() {
        let event = event.map_err(with_hint)?;
        if !matches!(event, Event::Step { .. } | Event::Preview { .. })
            && let Some(progress) = progress.take()
        {
            progress.finish();
        }
        match event {
            Event::Loaded { time } => loaded(session, time.as_secs_f64()),
            Event::Step {
                jobs,
                step,
                steps,
                t,
            } => progress
                .get_or_insert_with(|| Progress::start(label(&run, &jobs)))
                .tick(step, steps, t),
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
