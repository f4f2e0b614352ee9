//! `flowinone data show`: a contact sheet of pairs, prompt above target.

#![allow(
    clippy::doc_markdown,
    reason = "these comments are help texts, shown as they are"
)]

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use flowinone_data::{ContactSheet, Example, Walk};
use flowinone_prompts::Task;

use super::group::{Group, truth};
use super::options::PairOptions;
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
    #[arg(long, value_name = "N", default_value_t = 8)]
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

/// The pairs of one group, each with its caption.
struct Shown {
    group: Group,
    pairs: Vec<(String, Example)>,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    if args.output.extension().is_none_or(|e| e != "png") {
        bail!("output {} must end in .png", args.output.display());
    }
    if args.each == 0 {
        bail!("--each 0 shows nothing");
    }
    let groups = match &args.path {
        Some(path) => from_files(path, args)?,
        None => made(args)?,
    };
    let mut sheet = ContactSheet::new(["prompt", "target"], args.cell)
        .across(args.across)
        .stacked();
    for Shown { group, pairs } in &groups {
        sheet.heading(group.name());
        for (caption, example) in pairs {
            let caption = if args.no_captions { "" } else { caption };
            sheet.push(caption, [&example.input, &example.output]);
        }
    }
    sheet.save(&args.output)?;
    println!("{}: {} pairs", args.output.display(), sheet.len());
    Ok(Outcome::Done)
}

/// The first pairs of each task, made now.
fn made(args: &Args) -> Result<Vec<Shown>> {
    let sampler = args.pairs.sampler()?;
    let tasks = &sampler.config().tasks;
    let mut groups = vec![];
    for (turn, task) in tasks.iter().enumerate() {
        let mut pairs = vec![];
        for round in 0..args.each {
            let pair = sampler.pair((round * tasks.len() + turn) as u64)?;
            let caption = pair.truth.caption.clone();
            let example = Example::of_pair("procedural", String::new(), pair);
            pairs.push((caption, example));
        }
        let group = Group::Task(*task);
        groups.push(Shown { group, pairs });
    }
    Ok(groups)
}

/// The first samples of each group that was asked for, in the order of the files.
fn from_files(path: &Path, args: &Args) -> Result<Vec<Shown>> {
    let wanted = |group: &Group| match group {
        _ if args.pairs.tasks().is_empty() => true,
        Group::Task(task) => args.pairs.tasks().contains(task),
        Group::Type(_) | Group::Unknown => false,
    };
    let all = match args.pairs.tasks().len() {
        0 => Task::ALL.len(),
        asked => asked,
    };
    let mut walk = Walk::open(path, 1.0)?;
    let mut groups: Vec<Shown> = vec![];
    while let Some(sample) = walk.next_sample()? {
        let truth = truth(&sample);
        let group = Group::of(&sample, truth.as_ref());
        if !wanted(&group) {
            continue;
        }
        let at = groups.iter().position(|shown| shown.group == group);
        if at.is_some_and(|at| groups[at].pairs.len() == args.each) {
            continue;
        }
        let Some(example) = walk.decode(&sample)? else {
            continue;
        };
        let pair = (truth.map_or(sample.key, |truth| truth.caption), example);
        match at {
            Some(at) => groups[at].pairs.push(pair),
            None => groups.push(Shown {
                group,
                pairs: vec![pair],
            }),
        }
        let full = groups.iter().filter(|shown| shown.pairs.len() == args.each);
        if full.count() == all {
            break;
        }
    }
    for name in &walk.damage().names {
        eprintln!("left out: {name}");
    }
    if groups.is_empty() {
        bail!("{} holds no pair of these tasks", path.display());
    }
    groups.sort_by(|a, b| (a.group.rank(), a.group.name()).cmp(&(b.group.rank(), b.group.name())));
    Ok(groups)
}
