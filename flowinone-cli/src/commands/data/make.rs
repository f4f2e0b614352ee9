//! `flowinone data make`: procedural pairs as shards or as a folder.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use flowinone_data::{NewFolder, PairSampler, PairWriter, Sample};
use flowinone_tasks::batch::Shard;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::options::PairOptions;
use super::{MOST_PAIRS, pool, shard_size, threads};
use crate::shard::ShardOptions;
use crate::{Outcome, interrupt};

/// Make procedural pairs with their ground truth.
///
/// The folder appears when everything is written; a run that fails or is stopped leaves nothing.
/// The same options give the same bytes, on any number of threads.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Folder to write; it must be empty or new
    #[arg(long, short, value_name = "DIR")]
    output: PathBuf,
    /// Pairs to make
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=MOST_PAIRS))]
    count: u64,
    /// Number of the first pair, to make more of the same elsewhere
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=MOST_PAIRS))]
    first: u64,
    /// Threads [default: one for each core]
    #[arg(long, value_name = "N", value_parser = threads)]
    threads: Option<usize>,
    #[command(flatten)]
    shard: ShardOptions,
    #[command(flatten)]
    pairs: PairOptions,
    /// shards (WebDataset), or folder (input/, output/, truth/)
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "shards",
        help_heading = "Files"
    )]
    format: Format,
    /// Pairs in each shard
    #[arg(long, value_name = "N", default_value_t = 1000, help_heading = "Files", value_parser = shard_size)]
    shard_size: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Shards,
    Folder,
}

impl Args {
    /// Samples in each shard, if there are shards.
    fn shards(&self) -> Option<usize> {
        matches!(self.format, Format::Shards).then_some(self.shard_size)
    }

    /// The pairs of a shard of the run, and the number of its first file: whole files, so that the
    /// files of all shards are those of one run.
    fn share(&self, shard: Shard, end: u64) -> (std::ops::Range<u64>, usize) {
        let size = self.shards().unwrap_or(1) as u64;
        let files = u128::from(self.count.div_ceil(size));
        let of = |index: u64| (files * u128::from(index) / u128::from(shard.count())) as u64;
        let file = of(shard.index());
        let pair = |file: u64| {
            self.first
                .saturating_add(file.saturating_mul(size))
                .min(end)
        };
        (pair(file)..pair(of(shard.index() + 1)), file as usize)
    }
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let sampler = args.pairs.sampler()?;
    let end = args.first.checked_add(args.count);
    let end = end.context("--first and --count together are too large")?;
    let (range, first_file) = match args.shard.chosen()? {
        Some(shard) => args.share(shard, end),
        None => (args.first..end, 0),
    };
    let count = range.end - range.start;
    interrupt::listen();
    let folder = NewFolder::create(&args.output)?;
    let mut writer = PairWriter::create(folder.path(), args.shards())?.numbered_from(first_file);
    let pool = pool(args.threads)?;
    let bar = bar(count);
    let begin = Instant::now();
    let made = pool.install(|| write(&sampler, range, &mut writer, &bar));
    bar.finish_and_clear();
    if !made? {
        tell!("stopped; nothing was written");
        return Ok(Outcome::Interrupted);
    }
    let what = writer.finish()?;
    let path = folder.finish()?;
    let seconds = begin.elapsed().as_secs_f64();
    out!(
        "{}: {} pairs in {what}, {seconds:.1} s, {:.0} pairs a second on {} threads",
        path.display(),
        count,
        count as f64 / seconds,
        pool.current_num_threads()
    );
    Ok(Outcome::Done)
}

/// Pairs between two looks at whether someone asked to stop.
const ROUND: u64 = 128;

/// Writes the pairs of a range in their order; `false` if someone asked to stop.
fn write(
    sampler: &PairSampler,
    range: std::ops::Range<u64>,
    writer: &mut PairWriter,
    bar: &ProgressBar,
) -> Result<bool> {
    for start in range.clone().step_by(ROUND as usize) {
        let encode =
            |pair: flowinone_data::Pair| Sample::encode(format!("{:09}", pair.truth.index), &pair);
        sampler.make(
            start..range.end.min(start.saturating_add(ROUND)),
            encode,
            |sample| {
                bar.inc(1);
                writer.write(&sample)
            },
        )?;
        if interrupt::asked() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A bar that is seen only on a terminal.
pub(super) fn bar(count: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(count), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} {per_sec} {eta} left");
    bar.set_style(style.expect("the template is well-formed"));
    bar
}
