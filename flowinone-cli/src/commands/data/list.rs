//! `flowinone data list`: what shards and folders hold, and what of it is damaged.

use std::path::PathBuf;

use anyhow::Result;
use flowinone_data::Listing;

use crate::{Outcome, output};

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

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let mut listings = vec![];
    for path in &args.paths {
        let listing = Listing::of(path.clone())?;
        if !args.json {
            output::print_text(&listing.text());
        }
        listings.push(listing);
    }
    if args.json {
        out!("{}", serde_json::to_string_pretty(&listings)?);
    }
    let mut outcome = Outcome::Done;
    for listing in &listings {
        let shards = listing.shards.unwrap_or(0) as u64;
        let Listing { damage, path, .. } = listing;
        let name = path.display().to_string();
        if listing.samples == 0 {
            tell!("error: {name}: none of its samples can be used");
            outcome = Outcome::Incomplete;
        } else if let Err(error) = damage.check(&name, damage.seen, shards, args.tolerance) {
            tell!("error: {error}");
            outcome = Outcome::Incomplete;
        }
    }
    Ok(outcome)
}
