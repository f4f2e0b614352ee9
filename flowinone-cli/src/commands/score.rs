//! `flowinone score`: results against the ground truth of procedural pairs.

#![allow(
    clippy::doc_markdown,
    reason = "these comments are help texts, shown as they are"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Result, bail};
use flowinone_data::{files_below, files_of};
use flowinone_eval::{
    Pairs, Report, Results, Rules, Scored, Scorer, ShardOfScores, score, walk_in,
};
use flowinone_files::{has_extension, keep_apart, writable, write_atomically};

use super::data::options::PairOptions;
use super::data::{MOST_PAIRS, pool, threads, within};
use crate::shard::ShardOptions;
use crate::{Outcome, interrupt};

/// Compare results with the ground truth of procedural pairs.
///
/// The result of a pair is the picture in the folder that has the pair's name: NAME.png for
/// input/NAME.png of a folder, 000000012.png for pair 12 of shards or of the options below.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Folder of results
    #[arg(value_name = "RESULTS", required_unless_present = "baseline")]
    results: Option<PathBuf>,
    /// Score what is known instead: the unedited input, the target, or the targets of other pairs
    #[arg(long, value_name = "NAME", conflicts_with = "results")]
    baseline: Option<Baseline>,
    /// Rules that results are judged by
    #[arg(long, value_name = "NAME", default_value = "exact")]
    rules: Judged,
    /// .tar shard, folder of them, or folder with input/, output/ and truth/, as data make writes
    /// them [default: the procedural pairs of the options below]
    #[arg(long, value_name = "PATH", conflicts_with_all = ["styles", "seed", "side", "tasks", "split", "holdout", "variety"])]
    truth: Option<PathBuf>,
    /// Pairs to score [default: all that the files have]
    #[arg(long, value_name = "N", required_unless_present = "truth", value_parser = clap::value_parser!(u64).range(1..=MOST_PAIRS))]
    count: Option<u64>,
    /// Number of the first pair
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=MOST_PAIRS))]
    first: u64,
    /// Contact sheet prompt | target | result to write
    #[arg(long, value_name = "FILE.png")]
    sheet: Option<PathBuf>,
    /// Pairs of each task on the contact sheet
    #[arg(long, value_name = "N", default_value_t = 4, requires = "sheet", value_parser = |text: &str| within(text, 1, 10_000))]
    each: usize,
    /// JSON file to write: summary, thresholds, and every item with its scores
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Failed items to list with their reasons
    #[arg(long, value_name = "N", default_value_t = 10)]
    list: usize,
    /// Threads [default: one for each core]
    #[arg(long, value_name = "N", value_parser = threads)]
    threads: Option<usize>,
    #[command(flatten)]
    shard: ShardOptions,
    #[command(flatten)]
    pairs: PairOptions,
}

/// Results whose scores are known beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Baseline {
    Input,
    Target,
    Shuffled,
}

/// What results are judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Judged {
    /// Against the one target of each pair, pixel by pixel
    Exact,
    /// By what somebody who asked for it would see, in pictures of any size
    WalkIn,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    if args.shard.chosen()?.is_some() {
        if args.baseline == Some(Baseline::Shuffled) {
            bail!("shards cannot be shuffled: each pair is judged with another one of all");
        }
        if args.json.is_none() {
            bail!("a shard of scores needs --json FILE; `flowinone report merge` makes one of all");
        }
    }
    if let Some(sheet) = &args.sheet
        && !has_extension(sheet, &["png"])
    {
        bail!("the sheet {} must end in .png", sheet.display());
    }
    if let Some(results) = args.results.as_ref().filter(|results| !results.is_dir()) {
        bail!("there is no folder {} of results", results.display());
    }
    let outputs: Vec<&Path> = [&args.sheet, &args.json]
        .into_iter()
        .flatten()
        .map(PathBuf::as_path)
        .collect();
    let mut read = vec![];
    if let Some(results) = &args.results {
        read.extend(files_below(results)?);
    }
    if let Some(truth) = &args.truth {
        read.extend(files_of(truth)?);
    }
    keep_apart(read.iter().map(PathBuf::as_path), outputs.iter().copied())?;
    outputs.into_iter().try_for_each(writable)?;
    let (icons, classes) = (Arc::new(args.pairs.icons()?), args.pairs.classes());
    match args.rules {
        Judged::Exact => judge(args, &Scorer::new(icons, classes.clone())?),
        Judged::WalkIn => judge(args, &walk_in::Judge::new(icons, classes)?),
    }
}

impl Args {
    /// What all shards of a run have in common.
    fn what(&self) -> Result<serde_json::Value> {
        let made = match self.truth {
            Some(_) => None,
            None => Some(self.pairs.sampler()?),
        };
        Ok(serde_json::json!({
            "results": self.results,
            "baseline": self.baseline.map(|baseline| format!("{baseline:?}").to_lowercase()),
            "truth": self.truth,
            "first": self.first,
            "count": self.count,
            "pairs": made.as_ref().map(|sampler| sampler.config()),
            "icons": made.as_ref().map(|sampler| sampler.fingerprint()),
        }))
    }
}

/// Judges the pairs that are meant, and reports.
fn judge<R: Rules + Sync>(args: &Args, rules: &R) -> Result<Outcome> {
    let pairs = match &args.truth {
        Some(path) => Pairs::files(path, args.first, args.count)?,
        None => match args.count {
            None | Some(0) => bail!("--count 0 scores nothing"),
            Some(count) => Pairs::made(args.pairs.sampler()?, args.first, count),
        },
    };
    let shard = args.shard.chosen()?;
    let pairs = match shard {
        Some(shard) => pairs.share(shard.index(), shard.count()),
        None => pairs,
    };
    let pool = pool(args.threads)?;
    interrupt::listen();
    let sheet = args.sheet.as_ref().map_or(0, |_| args.each);
    let mut report = Report::new(sheet);
    let results = match (&args.results, args.baseline) {
        (Some(folder), _) => Results::Folder(folder),
        (None, Some(Baseline::Shuffled)) => Results::Shuffled,
        (None, Some(Baseline::Target)) => Results::Targets,
        (None, Some(Baseline::Input) | None) => Results::Prompts,
    };
    let whole = pool.install(|| score(pairs, results, rules, &mut report, &interrupt::asked))?;
    if !whole {
        tell!("stopped; nothing was written");
        return Ok(Outcome::Interrupted);
    }
    finish(report, rules, args)
}

/// Prints and writes everything.
fn finish<R: Rules>(mut report: Report<R>, rules: &R, args: &Args) -> Result<Outcome> {
    let shard = args.shard.chosen()?;
    if report.items.is_empty() && shard.is_none() {
        bail!("there is nothing to score");
    }
    report.items.sort_by(|a, b| a.key().cmp(b.key()));
    report.missing.sort();
    report.skipped.sort();
    let summary = R::table(&report.items);
    crate::output::print_text(&summary.to_string());
    let failed: Vec<_> = report.items.iter().filter(|item| !item.passes()).collect();
    for item in failed.iter().take(args.list) {
        out!("{} ({}): {}", item.key(), item.task(), item.reasons());
    }
    if failed.len() > args.list {
        out!("and {} more; --json lists all", failed.len() - args.list);
    }
    if let Some(path) = &args.sheet {
        report.sheet().save(path)?;
    }
    if let Some(path) = &args.json {
        let mut json = report.json(rules, &summary);
        if let Some(shard) = shard {
            json["shard"] = serde_json::to_value(ShardOfScores {
                shard: shard.index() + 1,
                of: shard.count(),
                seen: report.seen,
                run: args.what()?,
            })?;
        }
        write_atomically(path, &serde_json::to_vec_pretty(&json)?)?;
    }
    for name in &report.skipped {
        tell!("skipped: {name}");
    }
    let Some(first) = report.missing.first() else {
        return Ok(Outcome::Done);
    };
    tell!(
        "{} of {} pairs have no result and are not in the table; the first is {first}",
        report.missing.len(),
        report.missing.len() + report.items.len()
    );
    Ok(Outcome::Incomplete)
}
