//! `flowinone enqueue`, `work` and `queue`: prompts shared by workers. What they do is in
//! `flowinone-queue`; here are their options.

#![allow(
    clippy::doc_markdown,
    reason = "these comments are help texts, shown as they are"
)]

pub(crate) mod enqueue;
pub(crate) mod work;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::Subcommand;
use flowinone_files::{make_parent, write_atomically};
use flowinone_queue::{Queue, State, report};

use crate::Outcome;

/// The variable that holds the address, for those who keep passwords out of command lines.
const VARIABLE: &str = "FLOWINONE_QUEUE";
/// Failures that are told by `status`.
const SHOWN: usize = 10;

/// Which queue.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct QueueOptions {
    /// Redis, 6.2 or newer: redis://HOST, redis://USER:PASSWORD@HOST:PORT/DB or unix:///PATH
    /// [default: the variable FLOWINONE_QUEUE]
    #[arg(long, value_name = "URL")]
    queue: Option<String>,
    /// Name of the queue in there
    #[arg(long, value_name = "NAME", default_value = "flowinone")]
    name: String,
    /// Seconds that a Redis or an output that is away is waited for
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    patience: u32,
}

impl QueueOptions {
    pub(crate) fn open(&self) -> Result<Queue> {
        let url = self.queue.clone().or_else(|| std::env::var(VARIABLE).ok());
        let Some(url) = url.filter(|url| !url.is_empty()) else {
            bail!("no queue is named; write --queue redis://HOST:PORT, or set {VARIABLE}");
        };
        Ok(Queue::open(&url, &self.name, self.patience())?)
    }

    pub(crate) fn patience(&self) -> Duration {
        Duration::from_secs(self.patience.into())
    }
}

/// See how a queue stands, write its report, try its failed jobs again, or end its workers.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Tell what waits, runs, is done and has failed, and which workers there are
    Status {
        #[command(flatten)]
        queue: QueueOptions,
        /// Tell it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Write the report of all settled jobs, as batch writes it
    Report {
        #[command(flatten)]
        queue: QueueOptions,
        /// File to write
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,
        /// Then forget these jobs, so that the same prompts can be enqueued anew
        #[arg(long)]
        forget: bool,
    },
    /// Put the jobs that failed for the last time back into the queue
    Retry {
        #[command(flatten)]
        queue: QueueOptions,
    },
    /// Ask all workers to end after what they compute; what waits stays
    Drain {
        #[command(flatten)]
        queue: QueueOptions,
        /// Seconds to wait until no job is held
        #[arg(long, value_name = "SECONDS")]
        wait: Option<u64>,
    },
    /// Take a drain back
    Resume {
        #[command(flatten)]
        queue: QueueOptions,
    },
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    match &args.command {
        Command::Status { queue, json } => status(&mut queue.open()?, *json),
        Command::Report {
            queue,
            output,
            forget,
        } => {
            let mut queue = queue.open()?;
            let report = report(&mut queue)?;
            make_parent(output)?;
            write_atomically(output, report.text.as_bytes())?;
            let lines = report.keys.len();
            out!(
                "{}: {lines} items, {} failed",
                output.display(),
                report.failed
            );
            if *forget {
                queue.forget(&report.keys)?;
            }
            Ok(Outcome::Done)
        }
        Command::Retry { queue } => {
            let jobs = queue.open()?.retry()?;
            out!("{jobs} jobs are in the queue again");
            Ok(Outcome::Done)
        }
        Command::Drain { queue, wait } => drain(&mut queue.open()?, *wait),
        Command::Resume { queue } => {
            queue.open()?.drain(false)?;
            out!("workers may start");
            Ok(Outcome::Done)
        }
    }
}

fn drain(queue: &mut Queue, wait: Option<u64>) -> Result<Outcome> {
    queue.drain(true)?;
    for _ in 0..wait.unwrap_or(0) * 4 {
        if queue.lengths()?.1 == 0 {
            break;
        }
        std::thread::sleep(Duration::from_millis(250));
    }
    let (waiting, running) = queue.lengths()?;
    out!(
        "{running} jobs are held, {waiting} wait; `flowinone queue resume` lets workers start again"
    );
    Ok(match wait.is_some() && running > 0 {
        true => Outcome::Incomplete,
        false => Outcome::Done,
    })
}

fn status(queue: &mut Queue, json: bool) -> Result<Outcome> {
    let state = queue.state()?;
    if json {
        out!("{}", serde_json::to_string_pretty(&state)?);
        return Ok(Outcome::Done);
    }
    let State {
        added,
        waiting,
        running,
        done,
        skipped,
        failed,
        draining,
        model,
        workers,
    } = state;
    out!("queue {} at {}", queue.name(), queue.address());
    out!(
        "{added} added: {waiting} wait, {running} are held, {done} done, {skipped} were there, {failed} failed"
    );
    if let Some(model) = model {
        out!("made by {model}");
    }
    if draining {
        out!("workers are asked to end; `flowinone queue resume` takes that back");
    }
    for worker in workers {
        out!(
            "worker {}: holds {}, heard of {:.1} s ago",
            worker.name,
            worker.running,
            worker.seconds_ago
        );
    }
    if failed > 0 {
        let report = report(queue)?;
        let failures = report
            .text
            .lines()
            .filter(|line| line.contains(r#""status":"failed""#));
        for line in failures.take(SHOWN) {
            out!("failed: {line}");
        }
        out!("`flowinone queue retry` puts what failed back");
    }
    Ok(Outcome::Done)
}
