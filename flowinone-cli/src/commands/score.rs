//! `flowinone score`: results against the ground truth of procedural pairs.

#![allow(
    clippy::doc_markdown,
    reason = "these comments are help texts, shown as they are"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use flowinone_eval::{Known, Pairs, Report, Rules, Scored, Scorer, Work, result_of, walk_in};
use flowinone_files::{keep_apart, writable, write_atomically};
use flowinone_image::read_picture;
use image::RgbImage;

use super::data::options::PairOptions;
use super::data::{MOST_PAIRS, threads, within};
use crate::{Outcome, interrupt};

/// Results that are read before the next are scored.
const BATCH: usize = 64;

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
    if let Some(sheet) = &args.sheet
        && sheet
            .extension()
            .is_none_or(|e| !e.eq_ignore_ascii_case("png"))
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
    let results = args.results.as_deref();
    let read = results
        .map(flowinone_data::files_below)
        .transpose()?
        .unwrap_or_default();
    let truth = args
        .truth
        .as_deref()
        .map(flowinone_data::files_of)
        .transpose()?;
    let read = read
        .iter()
        .chain(truth.iter().flatten())
        .map(PathBuf::as_path);
    keep_apart(read, outputs.iter().copied())?;
    outputs.into_iter().try_for_each(writable)?;
    let (icons, classes) = (Arc::new(args.pairs.icons()?), args.pairs.classes());
    match args.rules {
        Judged::Exact => judge(args, &Scorer::new(icons, classes.clone())?),
        Judged::WalkIn => judge(args, &walk_in::Judge::new(icons, classes)?),
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
    let threads = args.threads.unwrap_or(0); // 0 lets the pool count the cores
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .context("cannot start threads")?;
    interrupt::listen();
    let sheet = args.sheet.as_ref().map_or(0, |_| args.each);
    let mut report = Report::new(sheet);
    let whole = pool.install(|| match (&args.results, args.baseline) {
        (Some(results), _) => of_results(pairs, results, rules, &mut report),
        (None, Some(Baseline::Shuffled)) => shuffled(pairs, rules, &mut report),
        (None, baseline) => {
            let of = |known: &Known| match baseline {
                Some(Baseline::Target) => known.target.clone(),
                _ => known.prompt.clone(),
            };
            score(pairs, |known| Ok(Some(of(known))), rules, &mut report)
        }
    })?;
    if !whole {
        tell!("stopped; nothing was written");
        return Ok(Outcome::Interrupted);
    }
    finish(report, rules, args)
}

/// Scores the results of a folder.
fn of_results<R: Rules>(
    pairs: Pairs,
    results: &Path,
    rules: &R,
    report: &mut Report<R>,
) -> Result<bool> {
    let mut first = None;
    let find = |known: &Known| {
        first.get_or_insert_with(|| known.key.clone());
        let path = result_of(results, &known.key);
        Ok(path.map(read_picture).transpose()?)
    };
    let whole = score(pairs, find, rules, report)?;
    if let (true, Some(key)) = (report.items.is_empty(), first) {
        bail!(
            "no pair has a result in {}; the first would be {key}.png",
            results.display()
        );
    }
    Ok(whole)
}

/// Scores what `result` gives for each pair; `false` if someone asked to stop.
fn score<R: Rules>(
    mut pairs: Pairs,
    mut result: impl FnMut(&Known) -> Result<Option<RgbImage>>,
    rules: &R,
    report: &mut Report<R>,
) -> Result<bool> {
    let mut batch = vec![];
    while let Some(known) = pairs.next_pair()? {
        match result(&known)? {
            Some(result) => batch.push((known, result)),
            None => report.missing.push(known.key),
        }
        if batch.len() == BATCH {
            settle(std::mem::take(&mut batch), rules, report)?;
            if interrupt::asked() {
                return Ok(false);
            }
        }
    }
    settle(batch, rules, report)?;
    report.skipped = pairs.damaged().to_vec();
    Ok(true)
}

/// Gives every pair the target of the pair of its task before it, and the first that of the last.
fn shuffled<R: Rules>(mut pairs: Pairs, rules: &R, report: &mut Report<R>) -> Result<bool> {
    let mut tasks: Vec<(Known, RgbImage)> = vec![]; // the first pair of a task, its last target
    let mut batch = vec![];
    while let Some(known) = pairs.next_pair()? {
        let same = |(first, _): &&mut (Known, RgbImage)| first.truth.task == known.truth.task;
        match tasks.iter_mut().find(same) {
            Some((_, last)) => {
                let before = std::mem::replace(last, known.target.clone());
                batch.push((known, before));
            }
            None => {
                let target = known.target.clone();
                tasks.push((known, target));
            }
        }
        if batch.len() == BATCH {
            settle(std::mem::take(&mut batch), rules, report)?;
            if interrupt::asked() {
                return Ok(false);
            }
        }
    }
    if let Some((only, _)) = tasks.iter().find(|(first, last)| first.target == *last) {
        bail!("{} has a single pair; nothing to shuffle", only.truth.task);
    }
    batch.extend(tasks);
    settle(batch, rules, report)?;
    report.skipped = pairs.damaged().to_vec();
    Ok(true)
}

fn settle<R: Rules>(
    batch: Vec<(Known, RgbImage)>,
    rules: &R,
    report: &mut Report<R>,
) -> Result<()> {
    let work = |(known, result): (Known, RgbImage)| {
        let work = Work {
            key: known.key,
            truth: known.truth,
            prompt: known.prompt,
            result,
            reachable: None,
        };
        (work, known.target)
    };
    let (work, targets): (Vec<Work>, Vec<RgbImage>) = batch.into_iter().map(work).unzip();
    for ((score, work), target) in rules.verdicts(&work)?.into_iter().zip(work).zip(targets) {
        report.add(score, &work, &target);
    }
    Ok(())
}

/// Prints and writes everything.
fn finish<R: Rules>(mut report: Report<R>, rules: &R, args: &Args) -> Result<Outcome> {
    if report.items.is_empty() {
        bail!("there is nothing to score");
    }
    report.items.sort_by(|a, b| a.key().cmp(b.key()));
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
        write_atomically(
            path,
            &serde_json::to_vec_pretty(&report.json(rules, &summary))?,
        )?;
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
