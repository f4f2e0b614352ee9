//! `flowinone verify`: is a model directory what it says it is?

use std::path::PathBuf;

use anyhow::Result;
use flowinone_tasks::ModelDirectory;

use crate::Outcome;

/// Check every file of a model directory against its manifest.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Model directory, or a name that `models` lists
    directory: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let directory = ModelDirectory::named(&args.directory)?;
    directory.verify()?;
    out!(
        "{}: {} is complete and undamaged",
        args.directory.display(),
        directory.config().name
    );
    Ok(Outcome::Done)
}
