//! The options that every command that makes pictures shares.

use std::path::PathBuf;

use anyhow::Result;
use flowinone_tasks::{Convention, Precision};

use crate::device::{self, Choice};
use crate::model;
use crate::runner::Run;
use crate::sampling::Sampling;

/// Which model, how to sample it, and where it computes.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Model directory (see `convert`); without it the small model that is built in
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// Element type of the weights: f32, f16 or bf16
    #[arg(long, value_name = "TYPE", default_value_t = Precision::F32)]
    dtype: Precision,
    /// auto, cpu, or wgpu, vulkan, metal, cuda with an optional number, as wgpu:1
    #[arg(long, value_name = "NAME", default_value = "auto")]
    device: Choice,
    /// Also write the unfinished picture every N steps, as NAME.step0010.png
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    preview_every: Option<u32>,
    #[command(flatten)]
    sampling: Sampling,
}

impl Options {
    /// How prompts for the model are drawn, and what it knows.
    pub(crate) fn convention(&self) -> Result<Convention> {
        Ok(model::open(self.model.as_deref())?.config.prompts)
    }

    /// A run with these options; what they get wrong is refused here, before anything is computed.
    pub(crate) fn run(&self, batch_size: u16, overwrite: bool) -> Result<Run> {
        let device = device::open(self.device)?;
        let model = model::open(self.model.as_deref())?;
        let settings = self.sampling.of_model(&model.config)?;
        Ok(Run {
            model,
            device,
            precision: self.dtype,
            settings,
            seed: self.sampling.seed,
            batch_size: batch_size.into(),
            preview_every: self.preview_every.map(|n| n as usize),
            overwrite,
        })
    }
}
