//! `flowinone work`: a worker of a queue.

#![allow(
    clippy::doc_markdown,
    reason = "these comments are help texts, shown as they are"
)]

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::{Context, Result};
use flowinone_queue::{Ending, Options, Output, Told, Worker, listen, metrics, worker_name};

use super::QueueOptions;
use crate::options::ModelOptions;
use crate::show::{loaded, summarise, with_hint};
use crate::upscaling::UpscaleOptions;
use crate::{Outcome, interrupt};

/// Make the pictures of a queue, beside any number of other workers.
///
/// Pictures are named by their line's "output", or by their task and the digest of all that decides
/// them. What is there already is not made again. It works until SIGTERM, Ctrl-C or `queue drain`,
/// and finishes what it computes then.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    queue: QueueOptions,
    /// Where pictures go: a directory that all workers share, or with the feature queue-cloud
    /// s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX
    #[arg(long, short, value_name = "DIR|URL")]
    output: String,
    #[command(flatten)]
    model: ModelOptions,
    #[command(flatten)]
    upscaling: UpscaleOptions,
    #[command(flatten)]
    work: Work,
}

/// How jobs are taken.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Work")]
struct Work {
    /// Most pictures computed together; their bytes do not depend on it
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    batch_size: u16,
    /// Seconds without a step after which a worker counts as lost and others take its jobs; several
    /// times what a step of a batch takes
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    lease: u32,
    /// Tries after which a job has failed
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    tries: u32,
    /// Replace pictures that a line's "output" names and that were made with other settings
    #[arg(long)]
    overwrite: bool,
    /// End when nothing waits and no worker holds anything
    #[arg(long)]
    until_empty: bool,
    /// Seconds after SIGTERM that what is computed has to finish; then it is given back
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    drain_timeout: u32,
    /// Address and port of /metrics, /health/live and /health/ready, such as 127.0.0.1:9464
    #[arg(long, value_name = "ADDRESS")]
    metrics: Option<String>,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let work = &args.work;
    let timeout = Duration::from_secs(work.drain_timeout.into());
    let ending = Ending::listen(timeout).context("cannot hear SIGTERM")?;
    let metrics = Arc::new(metrics());
    let ready = Arc::new(AtomicBool::new(false));
    if let Some(address) = &work.metrics {
        let address = listen(address, Arc::clone(&metrics), Arc::clone(&ready))?;
        tell!("metrics at http://{address}/metrics");
    }
    let session = args.upscaling.laid_over(args.model.session()?)?;
    let output = Output::open(&args.output)?;
    let queue = args.queue.open()?;
    let tries = work.tries;
    let options = Options {
        name: worker_name(),
        batch_size: work.batch_size.into(),
        lease: Duration::from_secs(work.lease.into()),
        tries,
        overwrite: work.overwrite,
        until_empty: work.until_empty,
        patience: args.queue.patience(),
    };
    interrupt::listen();
    let wish = || ending.wish(interrupt::asked());
    let mut show = |told: Told<'_>| match told {
        Told::Loaded { time } => loaded(&session, time.as_secs_f64()),
        Told::Done { place } => out!("{place}"),
        Told::Skipped { place } => tell!("{place}: already there"),
        Told::Failed {
            input,
            error,
            attempt,
            last,
        } => match last {
            true => tell!("failed: {input}: {error}"),
            false => tell!("try {attempt} of {tries} failed: {input}: {error}"),
        },
        Told::Batch { cost } => summarise(&cost),
        Told::TakenOver { attempt } => {
            tell!("a job of a lost worker is taken over, try {attempt} of {tries}");
        }
        Told::LeaseLost { jobs } => tell!("{jobs} jobs were taken over by other workers"),
        Told::Slow { step } => tell!(
            "warning: a step took {:.1} s, more than half of the lease; give all workers a longer --lease",
            step.as_secs_f64()
        ),
        Told::Rewrite { error } => tell!("{error}; trying again"),
        Told::GaveBack { jobs } => tell!("{jobs} unfinished jobs were given back"),
        _ => {}
    };
    let worker = Worker {
        queue,
        session: &session,
        output: &output,
        options,
        metrics,
        ready,
        wish: &wish,
        tell: &mut show,
    };
    let summary = worker.work().map_err(|error| match error {
        flowinone_queue::Error::Task(error) => with_hint(error),
        other => other.into(),
    })?;
    tell!(
        "{} done, {} were there, {} failed",
        summary.done,
        summary.skipped,
        summary.failed
    );
    Ok(match work.until_empty && summary.failed > 0 {
        true => Outcome::Incomplete,
        false => Outcome::Done,
    })
}
