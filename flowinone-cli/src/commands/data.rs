//! `flowinone data`: pairs of prompt and target for training and evaluation, and their files.

mod list;
mod make;
pub(crate) mod options;
mod pack;
mod show;

use anyhow::{Context, Result};
use clap::Subcommand;

use crate::Outcome;

/// Make, pack, list and show pairs of prompt and target.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make procedural pairs with their ground truth
    Make(make::Args),
    /// Write a folder with input/ and output/ as shards
    Pack(pack::Args),
    /// Write shards as a folder with input/ and output/
    Unpack(pack::UnpackArgs),
    /// Count samples, tasks, sizes and damage of shards and folders
    List(list::Args),
    /// Draw a contact sheet of pairs, from files or made on the spot
    Show(show::Args),
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    match &args.command {
        Command::Make(args) => make::run(args),
        Command::Pack(args) => pack::run(args),
        Command::Unpack(args) => pack::unpack(args),
        Command::List(args) => list::run(args),
        Command::Show(args) => show::run(args),
    }
}

/// A share, as an option's value.
fn share(text: &str) -> Result<f64, String> {
    let share = text
        .parse()
        .ok()
        .filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| format!("{text:?} is no share from 0 to 1"))
}

/// Pairs are numbered up to what every reader of JSON keeps exactly: 2^53.
pub(crate) const MOST_PAIRS: u64 = 1 << 53;

/// A number of threads, as an option's value.
pub(crate) fn threads(text: &str) -> Result<usize, String> {
    within(text, 1, 1024)
}

/// A pool of that many threads, or of one for each core.
pub(crate) fn pool(threads: Option<usize>) -> Result<rayon::ThreadPool> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0));
    pool.build().context("cannot start threads")
}

/// A number of samples in a shard, as an option's value.
fn shard_size(text: &str) -> Result<usize, String> {
    within(text, 1, 10_000_000)
}

/// A whole number in a range, as an option's value.
pub(crate) fn within(text: &str, least: usize, most: usize) -> Result<usize, String> {
    let number = text.parse().ok().filter(|n| (least..=most).contains(n));
    number.ok_or_else(|| format!("{text:?} is no number from {least} to {most}"))
}
