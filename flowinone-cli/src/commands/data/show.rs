//! `flowinone data show`: a contact sheet of pairs, prompt above target.

#![allow(
    clippy::doc_markdown,
    reason = "these comments are help texts, shown as they are"
)]

use std::path::PathBuf;

use anyhow::{Result, bail};
use flowinone_data::{ContactSheet, Grouped, Walk};
use flowinone_files::{has_extension, keep_apart, writable};

use super::options::PairOptions;
use super::within;
use crate::Outcome;

/// Draw a contact sheet of pairs, from files or made on the spot.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// .tar shard, folder of them, or folder with input/ and output/ [default: procedural pairs]
    #[arg(value_name = "PATH", conflicts_with_all = ["icons", "styles", "seed", "side", "classes", "split", "holdout", "variety"])]
    path: Option<PathBuf>,
    /// PNG file to write
    #[arg(long, short, value_name = "FILE.png")]
    output: PathBuf,
    /// Pairs of each task
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = |text: &str| within(text, 1, 10_000))]
    each: usize,
    /// Pairs side by side, 1 to 32
    #[arg(long, value_name = "N", default_value_t = 8)]
    across: usize,
    /// Side of a picture on the sheet in pixels, 16 to 1024
    #[arg(long, value_name = "PIXELS", default_value_t = 128)]
    cell: u32,
    /// Leave the captions away
    #[arg(long)]
    no_captions: bool,
    #[command(flatten)]
    pairs: PairOptions,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    if !has_extension(&args.output, &["png"]) {
        bail!("output {} must end in .png", args.output.display());
    }
    if let Some(path) = &args.path {
        let read = flowinone_data::files_of(path)?;
        keep_apart(read.iter().map(PathBuf::as_path), [args.output.as_path()])?;
    }
    writable(&args.output)?;
    let groups = match &args.path {
        Some(path) => {
            let mut walk = Walk::open(path, 1.0)?;
            let groups = Grouped::of_files(&mut walk, args.pairs.tasks(), args.each)?;
            for name in &walk.damage().names {
                tell!("left out: {name}");
            }
            if groups.is_empty() {
                bail!("{} holds no pair of these tasks", path.display());
            }
            groups
        }
        None => Grouped::made(&args.pairs.sampler()?, args.each)?,
    };
    let mut sheet = ContactSheet::new(["prompt", "target"], args.cell)
        .across(args.across)
        .stacked();
    for Grouped { group, pairs } in &groups {
        sheet.heading(group.name());
        for (caption, example) in pairs {
            let caption = if args.no_captions { "" } else { caption };
            sheet.push(caption, [&example.input, &example.output]);
        }
    }
    sheet.save(&args.output)?;
    out!("{}: {} pairs", args.output.display(), sheet.len());
    Ok(Outcome::Done)
}
