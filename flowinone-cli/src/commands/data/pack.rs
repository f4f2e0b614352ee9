//! `flowinone data pack` and `unpack`: a folder to shards and back, every file's bytes as they are.

use std::collections::HashSet;
use std::path::PathBuf;

use anyhow::{Result, anyhow, bail};
use flowinone_data::{
    Error, FolderWriter, Layout, NewFolder, Sample, ShardWriter, Walk, shard_key,
};

use crate::{Outcome, interrupt};

/// Write a folder with input/ and output/ as shards.
///
/// Pictures are checked and packed as they are, in the order of their names, with truth/NAME.json
/// and type/NAME.txt where there are such.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Folder with input/ and output/
    folder: PathBuf,
    /// Folder of shards to write; it must be empty or new
    #[arg(long, short, value_name = "DIR")]
    output: PathBuf,
    /// Samples in each shard
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = super::shard_size)]
    shard_size: usize,
    /// Write this instead of dots in names, where readers of shards would end them
    #[arg(long, value_name = "TEXT")]
    dots_as: Option<String>,
    /// Share of samples that may be damaged and are left out
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = super::share)]
    tolerance: f64,
}

/// Write shards as a folder with input/ and output/.
#[derive(clap::Args)]
pub(crate) struct UnpackArgs {
    /// A .tar shard, or a folder of them
    shards: PathBuf,
    /// Folder to write; it must be empty or new
    #[arg(long, short, value_name = "DIR")]
    output: PathBuf,
    /// Share of samples, and of shards, that may be damaged and are left out
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = super::share)]
    tolerance: f64,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let mut walk = Walk::open(&args.folder, args.tolerance)?;
    if walk.layout() != Layout::Folder {
        bail!("{} holds shards already", args.folder.display());
    }
    interrupt::listen();
    let folder = NewFolder::create(&args.output)?;
    let mut writer = ShardWriter::create(folder.path(), args.shard_size)?;
    let mut keys = HashSet::new();
    let copied = copied(&mut walk, |mut sample| {
        sample.key =
            shard_key(&sample.key, args.dots_as.as_deref()).map_err(|error| match error {
                Error::Dots(_) => {
                    anyhow!("{error}, or write another character for dots, as with --dots-as -")
                }
                error => error.into(),
            })?;
        if !keys.insert(sample.key.clone()) {
            bail!(
                "two samples would have the key {:?}; choose other text for --dots-as",
                sample.key
            );
        }
        Ok(writer.write(&sample)?)
    })?;
    let Some(count) = copied else {
        return Ok(Outcome::Interrupted);
    };
    let shards = writer.finish()?.len();
    let path = folder.finish()?;
    out!("{}: {count} samples in {shards} shards", path.display());
    Ok(Outcome::Done)
}

pub(crate) fn unpack(args: &UnpackArgs) -> Result<Outcome> {
    let mut walk = Walk::open(&args.shards, args.tolerance)?;
    if walk.layout() == Layout::Folder {
        bail!("{} is such a folder already", args.shards.display());
    }
    interrupt::listen();
    let folder = NewFolder::create(&args.output)?;
    let writer = FolderWriter::create(folder.path())?;
    let copied = copied(&mut walk, |sample| Ok(writer.write(&sample)?))?;
    let Some(count) = copied else {
        return Ok(Outcome::Interrupted);
    };
    let path = folder.finish()?;
    out!("{}: {count} samples", path.display());
    Ok(Outcome::Done)
}

/// Hands every sound sample on and says what was left out; their number, `None` if someone asked to
/// stop.
fn copied(walk: &mut Walk, mut write: impl FnMut(Sample) -> Result<()>) -> Result<Option<u64>> {
    let mut count = 0;
    while let Some(sample) = walk.next_sample()? {
        if interrupt::asked() {
            tell!("stopped; nothing was written");
            return Ok(None);
        }
        if walk.decode(&sample)?.is_some() {
            write(sample)?;
            count += 1;
        }
    }
    for name in &walk.damage().names {
        tell!("left out: {name}");
    }
    if count == 0 {
        bail!("every sample is damaged; nothing was written");
    }
    Ok(Some(count))
}
