//! `flowinone init`: a model directory with random weights.

use std::path::PathBuf;

use anyhow::{Result, bail};
use flowinone_tasks::{Dtype, ModelConfig, read_config};

use crate::commands::convert::say;
use flowinone_tasks::device;

use crate::Outcome;

/// Write a model directory with random weights, for benchmarks and tests.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// flowinone-256 (the published sizes, 7.1 GB in f32), mini, mini-256 or tiny
    #[arg(
        long,
        value_name = "NAME",
        default_value = "flowinone-256",
        conflicts_with = "config"
    )]
    preset: String,
    /// config.json of a model with other widths
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Seed of the weights
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Element type to store: f32, f16 or bf16
    #[arg(long, value_name = "TYPE", default_value_t = Dtype::F32)]
    dtype: Dtype,
    /// Directory to write
    #[arg(long, short, value_name = "DIR")]
    output: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let config = match (&args.config, args.preset.as_str()) {
        (Some(path), _) => read_config(path)?,
        (None, "flowinone-256") => ModelConfig::flowinone_256(),
        (None, "mini") => ModelConfig::mini(),
        (None, "mini-256") => ModelConfig::mini_256(),
        (None, "tiny") => ModelConfig::tiny(),
        (None, other) => {
            bail!("{other:?} is no preset; use flowinone-256, mini, mini-256 or tiny")
        }
    };
    let directory = flowinone_tasks::init(
        &config,
        args.seed,
        args.dtype,
        &args.output,
        &device::blueprint(),
        say,
    )?;
    out!("{}", directory.path().display());
    Ok(Outcome::Done)
}
