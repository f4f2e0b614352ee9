//! `flowinone convert`: published checkpoints to a model directory.

#![allow(
    clippy::doc_markdown,
    reason = "these comments are help texts, shown as they are"
)]

use std::path::PathBuf;

use anyhow::Result;
use flowinone_tasks::{Dtype, ModelConfig, Report, Sources, read_config};

use flowinone_tasks::device;

use crate::Outcome;
use crate::show::with_hint;

/// Write a model directory from published checkpoints.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The FlowInOne checkpoint (flowinone_256px.pth)
    #[arg(long, value_name = "FILE")]
    flow: PathBuf,
    /// The Stable Diffusion autoencoder (autoencoder_kl.pth, or a diffusers file or folder)
    #[arg(long, value_name = "FILE|DIR")]
    vae: PathBuf,
    /// The Janus-Pro-1B checkpoint: file, index of shards, or folder
    #[arg(long, value_name = "FILE|DIR")]
    janus: PathBuf,
    /// Directory to write
    #[arg(long, short, value_name = "DIR")]
    output: PathBuf,
    /// Element type to store: f32, f16 or bf16
    #[arg(long, value_name = "TYPE", default_value_t = Dtype::F32)]
    dtype: Dtype,
    /// config.json of a model with other widths [default: the published 256x256 model]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Ignore tensors that are neither needed nor known to be unneeded
    #[arg(long)]
    allow_unknown: bool,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let config = match &args.config {
        Some(path) => read_config(path)?,
        None => ModelConfig::flowinone_256(),
    };
    let sources = Sources {
        flow: args.flow.clone(),
        vae: args.vae.clone(),
        encoder: args.janus.clone(),
    };
    let directory = flowinone_tasks::convert(
        &sources,
        &config,
        args.dtype,
        args.allow_unknown,
        &args.output,
        &device::blueprint(),
        say,
    )
    .map_err(with_hint)?;
    out!("{}", directory.path().display());
    Ok(Outcome::Done)
}

/// One line for a finished component.
pub(crate) fn say(report: &Report) {
    let unused = match report.unused.as_slice() {
        [] => String::new(),
        names => format!("; {} tensors not needed ({}, ...)", names.len(), names[0]),
    };
    tell!(
        "{}: {} tensors, {} values{unused}",
        report.component,
        report.tensors,
        report.values
    );
}
