//! `flowinone pull`: the published model, a model directory or a benchmark, from the Hub or any web
//! server, into a directory that appears whole.

#![allow(
    rustdoc::bare_urls,
    reason = "these comments are help texts, shown as they are"
)]
#![allow(
    clippy::doc_markdown,
    reason = "these comments are help texts, shown as they are"
)]

mod dataset;
mod directory;
mod fetching;
mod licences;
mod published;
mod watch;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use flowinone_hub::{Catalog, Environment, Hub, Patience};
use flowinone_tasks::{Dtype, models_folder};

use crate::Outcome;

/// Fetch the published model, another model directory, or a benchmark, from the Hub.
///
/// What is fetched is checked by its SHA-256, goes on where it broke off when the same command is
/// run again, and is put in its place when it is complete. `--model NAME` finds a model then.
///
/// Heard as by the Hub's own tools: HF_ENDPOINT, HF_TOKEN and its file, HF_HUB_OFFLINE, HF_HOME,
/// HF_HUB_CACHE (whose files are used where they are), HTTPS_PROXY and NO_PROXY.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// flowinone-256, vpbench, OWNER/NAME of a model directory on the Hub, or its address
    #[arg(default_value = "flowinone-256")]
    name: String,
    /// Directory to write [default: NAME in the models folder; for a benchmark, here]
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Element type to convert to: f32, f16 or bf16 [default: f32]
    #[arg(long, value_name = "TYPE")]
    dtype: Option<Dtype>,
    /// Branch, tag or commit of a repository [default: main]
    #[arg(long, value_name = "REVISION")]
    revision: Option<String>,
    /// Accept the licences that restrict use, which are named otherwise
    #[arg(long, visible_alias = "accept-license")]
    accept_licence: bool,
    /// Only tell files and bytes
    #[arg(long)]
    dry_run: bool,
    /// A list of models and benchmarks in place of the program's own
    #[arg(long, value_name = "FILE")]
    catalog: Option<PathBuf>,
    /// Failures in a row after which the download ends
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=100))]
    tries: u32,
    /// Longest silence of a server
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let catalog = match &args.catalog {
        Some(path) => Catalog::open(path)?,
        None => Catalog::built_in(),
    };
    let patience = Patience {
        tries: args.tries,
        silence: Duration::from_secs(args.timeout),
        ..Patience::default()
    };
    let hub = Hub::new(Environment::read()?, patience);
    let name = args.name.as_str();
    if let Some(model) = catalog.models.get(name) {
        published::pull(args, &hub, &catalog, model)
    } else if let Some(dataset) = catalog.datasets.get(name) {
        dataset::pull(args, &hub, &catalog, dataset)
    } else if name.contains('/') {
        directory::pull(args, &hub)
    } else {
        bail!(
            "{name:?} is neither one of {}, nor OWNER/NAME of a model directory on the Hub, nor an address",
            catalog.names()
        )
    }
}

impl Args {
    /// Where a model of that name is to stand.
    fn model_at(&self, name: &str) -> Result<PathBuf> {
        if let Some(output) = &self.output {
            return Ok(output.clone());
        }
        let folder = models_folder()
            .context("there is no models folder; name it by FLOWINONE_MODELS, or give --output")?;
        Ok(folder.join(name))
    }

    /// Refuses an option that says nothing here.
    fn without(&self, given: bool, option: &str, why: &str) -> Result<()> {
        match given {
            true => bail!("{option} has no meaning for {}: {why}", self.name),
            false => Ok(()),
        }
    }
}

/// Whether something is where the target is to stand; an empty directory is nothing.
fn is_there(target: &Path) -> bool {
    match std::fs::read_dir(target) {
        Ok(mut entries) => entries.next().is_some(),
        Err(_) => target.symlink_metadata().is_ok(),
    }
}
