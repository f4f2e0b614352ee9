//! The options that every command that makes pictures shares.

use std::path::PathBuf;
use std::str::FromStr;

use anyhow::Result;
use flowinone_prompts::Convention;
use flowinone_tasks::Arithmetic;

use crate::device::{self, Choice, Found};
use crate::model;
use crate::runner::Run;
use crate::sampling::Sampling;

/// Which model, how to sample it, and where it computes.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Model directory (see `convert`); without it the small model that is built in
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// What to compute with: f32, bf16, int8 (CPU), f16 (GPU), or auto, which is bf16 where the
    /// processor has it and f32 elsewhere
    #[arg(long, value_name = "TYPE", default_value = "f32")]
    dtype: Dtype,
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
        let arithmetic = self.dtype.on(&device)?;
        let model = model::open(self.model.as_deref())?;
        let settings = self.sampling.of_model(&model.config)?;
        Ok(Run {
            model,
            device,
            arithmetic,
            settings,
            seed: self.sampling.seed,
            batch_size: batch_size.into(),
            preview_every: self.preview_every.map(|n| n as usize),
            overwrite,
        })
    }
}

/// What to compute with, or the choice of it left to the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dtype {
    Auto,
    Given(Arithmetic),
}

impl Dtype {
    /// The arithmetic on a device, checked.
    pub(crate) fn on(self, device: &Found) -> Result<Arithmetic> {
        match self {
            Self::Auto => Ok(Arithmetic::fastest_on(&device.device)),
            Self::Given(arithmetic) => {
                arithmetic.check(&device.device)?;
                Ok(arithmetic)
            }
        }
    }
}

impl FromStr for Dtype {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            _ => match text.parse() {
                Ok(arithmetic) => Ok(Self::Given(arithmetic)),
                Err(error) => Err(format!("{error}, auto")),
            },
        }
    }
}
