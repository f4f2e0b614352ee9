//! `flowinone data list`: what shards and folders hold, and what of it is damaged.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Result;
use flowinone_data::{Damage, Layout, Walk};
use serde::Serialize;

use super::group::{Group, truth};
use crate::Outcome;

/// Count samples, tasks, sizes and damage of shards and folders.
///
/// Every picture is decoded. Fails if more than the tolerated share is damaged.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// .tar shards, folders of them, or folders with input/ and output/
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Share of samples, and of shards, that may be damaged
    #[arg(long, value_name = "SHARE", default_value_t = 0.01, value_parser = super::share)]
    tolerance: f64,
}

/// What one path holds.
#[derive(Serialize)]
struct Listing {
    path: PathBuf,
    /// Number of shards; absent for a folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    shards: Option<usize>,
    /// Sound samples.
    samples: u64,
    /// Bytes of their pictures.
    bytes: u64,
    /// Sound samples by task, or by type where there is no truth.
    tasks: BTreeMap<String, u64>,
    /// Sound samples by width and height of input and output.
    sizes: BTreeMap<String, u64>,
    /// Sound samples with ground truth.
    truths: u64,
    damage: Damage,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let mut listings = vec![];
    for path in &args.paths {
        let listing = Listing::of(path.clone())?;
        if !args.json {
            print!("{}", listing.text());
        }
        listings.push(listing);
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&listings)?);
    }
    let mut outcome = Outcome::Done;
    for listing in &listings {
        let allowed = |of: u64| (args.tolerance * of as f64).ceil() as u64;
        let shards = listing.shards.unwrap_or(0) as u64;
        let (damage, path) = (&listing.damage, listing.path.display());
        for (bad, of, what) in [
            (damage.samples, damage.seen, "samples"),
            (damage.shards, shards, "shards"),
        ] {
            if bad > allowed(of) {
                eprintln!(
                    "error: {path}: {bad} of {of} {what} are damaged, more than the share {} allowed",
                    args.tolerance
                );
                outcome = Outcome::Incomplete;
            }
        }
    }
    Ok(outcome)
}

impl Listing {
    fn of(path: PathBuf) -> Result<Self> {
        // Everything is to be seen; what is too much is said at the end.
        let mut walk = Walk::open(&path, 1.0)?;
        let mut listing = Self {
            path,
            shards: match walk.layout() {
                Layout::Shards(count) => Some(count),
                Layout::Folder => None,
            },
            samples: 0,
            bytes: 0,
            tasks: BTreeMap::new(),
            sizes: BTreeMap::new(),
            truths: 0,
            damage: Damage::default(),
        };
        while let Some(sample) = walk.next_sample()? {
            let Some(example) = walk.decode(&sample)? else {
                continue;
            };
            listing.samples += 1;
            listing.bytes += (sample.input.bytes.len() + sample.output.bytes.len()) as u64;
            let truth = truth(&sample);
            listing.truths += u64::from(truth.is_some());
            let [input, output] = [&example.input, &example.output]
                .map(|picture| format!("{}x{}", picture.width(), picture.height()));
            let size = match input == output {
                true => input,
                false => format!("{input} to {output}"),
            };
            *listing.sizes.entry(size).or_default() += 1;
            let group = Group::of(&sample, truth.as_ref());
            *listing.tasks.entry(group.name().into()).or_default() += 1;
        }
        listing.damage = walk.damage().clone();
        Ok(listing)
    }

    fn text(&self) -> String {
        let place = match self.shards {
            Some(count) => format!("{count} shards"),
            None => "a folder".into(),
        };
        let counts = |counts: &BTreeMap<String, u64>| {
            let each = counts.iter().map(|(name, count)| format!("{count} {name}"));
            each.collect::<Vec<_>>().join(", ")
        };
        let mut text = format!(
            "{}: {} samples in {place}, {:.1} MB, {} with ground truth\n",
            self.path.display(),
            self.samples,
            self.bytes as f64 / 1e6,
            self.truths
        );
        if self.samples > 0 {
            text += &format!("  tasks: {}\n", counts(&self.tasks));
            text += &format!("  sizes: {}\n", counts(&self.sizes));
        }
        let Damage {
            samples,
            shards,
            names,
            ..
        } = &self.damage;
        if samples + shards > 0 {
            text += &format!("  damaged: {samples} samples, {shards} shards\n");
            for name in names {
                text += &format!("    {name}\n");
            }
        }
        text
    }
}
