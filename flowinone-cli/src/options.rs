//! The options that every command that makes pictures shares.

use std::path::PathBuf;
use std::str::FromStr;

use anyhow::Result;
use flowinone_image::Profiles;
use flowinone_tasks::batch::Options as BatchOptions;
use flowinone_tasks::device::{self, Choice, NamedDevice};
use flowinone_tasks::{AdapterChoice, Dtype, Session, Settings};

use crate::sampling::Sampling;
use crate::show::with_hint;
use crate::upscaling::UpscaleOptions;

/// Which model, how to sample it, and where it computes.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    model: ModelOptions,
    /// Also write the unfinished picture every N steps, as NAME.step0010.png
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    preview_every: Option<u32>,
    /// Take the numbers of pictures as they are, as the reference does, also where an embedded
    /// colour profile gives them another meaning than sRGB
    #[arg(long)]
    ignore_profiles: bool,
    #[command(flatten)]
    sampling: Sampling,
    #[command(flatten)]
    upscaling: UpscaleOptions,
}

/// Which model, and where it computes.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ModelOptions {
    /// Model directory, or a name that `models` lists; without it the small model that is built in
    #[arg(long, value_name = "DIR|NAME")]
    pub(crate) model: Option<PathBuf>,
    /// Adapter (LoRA) to add to the model's weights: a folder or file, and its weight if it is not
    /// 1; may be given several times
    #[arg(long, value_name = "FILE[:WEIGHT]")]
    pub(crate) lora: Vec<AdapterChoice>,
    /// What to compute with: f32, bf16, int8 (CPU), f16 (GPU), or auto, which is bf16 where that
    /// is faster than f32 (`devices` says what this processor gains) and f32 elsewhere
    #[arg(long, value_name = "TYPE", default_value = "f32")]
    dtype: DtypeChoice,
    /// auto, cpu, or wgpu, vulkan, metal, cuda with an optional number, as wgpu:1
    #[arg(long, value_name = "NAME", default_value = "auto")]
    device: Choice,
}

impl Options {
    /// The model, opened; its weights are not loaded yet.
    pub(crate) fn session(&self) -> Result<Session> {
        self.upscaling.laid_over(self.model.session()?)
    }

    /// How the model is sampled; what the options get wrong is refused here.
    pub(crate) fn settings(&self, session: &Session) -> Result<Settings> {
        self.sampling.of_model(session.config())
    }

    /// Seed of the noise.
    pub(crate) fn seed(&self) -> u64 {
        self.sampling.seed
    }

    /// How a batch is run.
    pub(crate) fn batch(&self, batch_size: u16, overwrite: bool) -> BatchOptions {
        BatchOptions {
            batch_size: batch_size.into(),
            preview_every: self.preview_every.map(|n| n as usize),
            overwrite,
        }
    }

    /// What becomes of colour profiles inside pictures.
    pub(crate) fn profiles(&self) -> Profiles {
        Profiles::ignored(self.ignore_profiles)
    }

    /// Whether unfinished pictures are written next to the finished ones.
    pub(crate) fn previews(&self) -> bool {
        self.preview_every.is_some()
    }
}

impl ModelOptions {
    /// The model, opened; its weights are not loaded yet.
    pub(crate) fn session(&self) -> Result<Session> {
        self.session_on(self.device)
    }

    /// As [`session`](Self::session), on another device.
    pub(crate) fn session_on(&self, device: Choice) -> Result<Session> {
        let device = device::open(device).map_err(with_hint)?;
        let dtype = self.dtype.on(&device);
        let built_in = PathBuf::from(flowinone_mini::NAME);
        let model = self.model.as_ref().unwrap_or(&built_in);
        let session = Session::adapted(model, &self.lora, &device, dtype).map_err(with_hint)?;
        adapters(&session);
        Ok(session)
    }
}

/// Tells what the adapters of a session change, and of which it is not known that they fit.
fn adapters(session: &Session) {
    let base = session.directory().base_digest();
    for (adapter, weight) in session.directory().adapters().iter() {
        tell!("lora {} x {weight}: {adapter}", adapter.path().display());
        if let Some(other) = adapter.base().filter(|other| *other != base) {
            tell!(
                "warning: {} was trained on other weights than those of this model (SHA-256 {other:.8}.. and {base:.8}..)",
                adapter.path().display()
            );
        }
    }
}

/// What to compute with, or the choice of it left to the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DtypeChoice {
    Auto,
    Given(Dtype),
}

impl DtypeChoice {
    /// The type on a device.
    pub(crate) fn on(self, device: &NamedDevice) -> Dtype {
        match self {
            Self::Auto => Dtype::fastest_on(&device.device),
            Self::Given(dtype) => dtype,
        }
    }
}

impl FromStr for DtypeChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            _ => match text.parse() {
                Ok(dtype) => Ok(Self::Given(dtype)),
                Err(error) => Err(format!("{error}, auto")),
            },
        }
    }
}
