//! `flowinone judge`: results before a vision model, by VP-Bench's protocol.

#![allow(
    rustdoc::bare_urls,
    reason = "these comments are help texts, shown as they are"
)]
#![allow(
    clippy::doc_markdown,
    reason = "these comments are help texts, shown as they are"
)]

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use flowinone_eval::judge::{Endpoint, Entry, Judge, Judged, Key, Outcome as Settled, Retry};
use flowinone_files::write_atomically;
use flowinone_prompts::Task;

use crate::{Outcome, interrupt};

/// Where the key is if nothing else is said.
const KEY: &str = "OPENAI_API_KEY";

/// Let a vision model judge results by VP-Bench's protocol.
///
/// Each prompt of BENCHMARK/SUBSET/ is shown with its result, RESULTS/SUBSET/NAME.* or
/// RESULTS/NAME.*; four scores from 1 to 5 come back, and a result passes if all are above 3.
/// Settled items are kept in a journal: the same command again goes on where it was.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Folder of results
    #[arg(value_name = "RESULTS")]
    results: PathBuf,
    /// The benchmark: folders SUBSET/ of prompts, with instructions.json if their words are known;
    /// with the feature `parquet` also Parquet files with VP-Bench's columns
    #[arg(long, value_name = "DIR|FILE")]
    benchmark: PathBuf,
    /// Address of an OpenAI-compatible server, such as https://api.openai.com/v1
    #[arg(long, value_name = "URL", value_parser = url)]
    endpoint: String,
    /// Name of the judging model there
    #[arg(long, value_name = "NAME")]
    model: String,
    /// Folder for journal.jsonl, report.md and report.json
    #[arg(long, short, value_name = "DIR")]
    output: PathBuf,
    /// Environment variable with the key [default: OPENAI_API_KEY, no key if that is not set]
    #[arg(long, value_name = "NAME")]
    key_env: Option<String>,
    /// Subsets to judge [default: all that are there]
    #[arg(long, value_name = "A,B,…", value_delimiter = ',')]
    subsets: Vec<Task>,
    /// Requests under way at once
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=64))]
    parallel: u8,
    /// Tries of each item
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=100))]
    tries: u32,
    /// Wait after the first failed try; it doubles each time, to two minutes at most
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = seconds)]
    wait: Duration,
    /// Longest time for one request
    #[arg(long, value_name = "SECONDS", default_value = "120", value_parser = seconds)]
    timeout: Duration,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let judge = Judge {
        endpoint: Endpoint {
            url: args.endpoint.clone(),
            model: args.model.clone(),
            key: key(args.key_env.as_deref())?,
            timeout: args.timeout,
        },
        retry: Retry {
            tries: args.tries,
            first: args.wait,
            ..Retry::default()
        },
        parallel: args.parallel.into(),
    };
    let tasks = match args.subsets.is_empty() {
        true => Task::ALL.to_vec(),
        false => args.subsets.clone(),
    };
    interrupt::listen();
    let see = |entry: &Entry| {
        let (subset, name) = (&entry.question.subset, &entry.question.name);
        match &entry.outcome {
            Settled::Verdict(verdict) => {
                let word = if verdict.passes() { "pass" } else { "fail" };
                let scores = verdict.scores();
                tell!("{subset}/{name}: {word} {scores:?}");
            }
            Settled::Error(reason) => tell!("{subset}/{name}: not judged: {reason}"),
        }
    };
    let journal = args.output.join("journal.jsonl");
    let Judged {
        judgement,
        unreached,
    } = judge
        .run(
            &args.benchmark,
            &args.results,
            &tasks,
            &journal,
            interrupt::asked,
            see,
        )
        .with_context(|| format!("what was judged is kept in {}", journal.display()))?;
    let markdown = judgement.markdown();
    write_atomically(args.output.join("report.md"), markdown.as_bytes())?;
    let json = serde_json::to_vec_pretty(&judgement)?;
    write_atomically(args.output.join("report.json"), &json)?;
    let table = markdown.lines().filter(|line| line.starts_with('|'));
    table.for_each(|line| out!("{line}"));
    let (all, missing) = (&judgement.all, judgement.missing.len());
    let unjudged = all.results - all.judged;
    if missing > 0 {
        tell!("prompts without a result: {missing}; report.md names them");
    }
    if !judgement.left_out.is_empty() {
        let count = judgement.left_out.len();
        tell!("left out of the benchmark: {count}; report.md says why");
    }
    if unreached > 0 {
        tell!("stopped with {unreached} items left; the same command goes on");
        return Ok(Outcome::Interrupted);
    }
    if unjudged > 0 {
        tell!("results without a verdict: {unjudged}; the same command tries them again");
    }
    Ok(match missing + unjudged {
        0 => Outcome::Done,
        _ => Outcome::Incomplete,
    })
}

/// The key in a variable; one that was named must be there.
fn key(variable: Option<&str>) -> Result<Option<Key>> {
    let name = variable.unwrap_or(KEY);
    match std::env::var(name) {
        Ok(key) if !key.trim().is_empty() => Ok(Some(Key::new(key.trim()))),
        _ if variable.is_some() => bail!("the environment variable {name} holds no key"),
        _ => Ok(None),
    }
}

fn url(text: &str) -> Result<String, String> {
    match text.starts_with("http://") || text.starts_with("https://") {
        true => Ok(text.into()),
        false => Err("an address begins with http:// or https://".into()),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "use a number of seconds")?;
    match (0.001..=3600.0).contains(&seconds) {
        true => Ok(Duration::from_secs_f64(seconds)),
        false => Err("use 0.001 to 3600 seconds".into()),
    }
}
