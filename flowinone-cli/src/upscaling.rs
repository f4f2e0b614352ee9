//! `--upscale`: the options of every command that makes pictures, by which these become larger.

use std::path::{Path, PathBuf};

use anyhow::Result;
use flowinone_tasks::{Session, Upscaling};
use flowinone_upscale::{Settings, Target};

use crate::show::with_hint;

/// The model that is taken where none is named.
pub(crate) const USUAL_MODEL: &str = "animevideov3";
/// The same for pictures of the built-in model.
const MODEL_OF_BUILT_IN: &str = "mini-x4";

/// How finished pictures are made larger.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Upscaling")]
pub(crate) struct UpscaleOptions {
    /// Make finished pictures larger: by a FACTOR (2, 1.5x), or to a SIDE in pixels (512,
    /// 1024x768); without a value as the upscaling model does, 4 times for the built-in one.
    /// Pictures of the built-in model are made so unless --no-upscale says otherwise. Unfinished
    /// pictures stay small
    #[arg(long, value_name = "FACTOR|SIDE", num_args = 0..=1, default_missing_value = "native")]
    upscale: Option<Target>,
    /// Leave the pictures of the built-in model as small as it makes them, 64 x 64 pixels
    #[arg(long, conflicts_with = "upscale")]
    no_upscale: bool,
    /// The upscaling model: animevideov3 or mini-x4, which are built in, the latter for pictures of
    /// the built-in model, or a .pth or .safetensors file
    #[arg(long, value_name = "NAME|FILE", requires = "upscale")]
    upscale_model: Option<PathBuf>,
    /// Keep the colours of the small picture (its low frequencies), which the network shifts
    #[arg(long, value_name = "on|off", default_value = "on", value_parser = on_or_off, action = clap::ArgAction::Set)]
    upscale_keep_colours: bool,
}

impl UpscaleOptions {
    /// The session with what makes its pictures larger, if that is asked for.
    pub(crate) fn laid_over(&self, session: Session) -> Result<Session> {
        let built_in = session.directory().path() == Path::new(flowinone_mini::NAME);
        let target = match self.upscale {
            Some(target) => target,
            None if built_in && !self.no_upscale => Target::Native,
            None => return Ok(session),
        };
        let settings = Settings {
            target,
            keep_colours: self.upscale_keep_colours,
            ..Settings::default()
        };
        let usual = if built_in {
            MODEL_OF_BUILT_IN
        } else {
            USUAL_MODEL
        };
        let model = self.upscale_model.clone().unwrap_or_else(|| usual.into());
        let upscaling = Upscaling::open(model, settings, session.device(), session.dtype());
        let session = session.upscaled(upscaling.map_err(with_hint)?);
        session.map_err(with_hint)
    }
}

/// `on` or `off`.
pub(crate) fn on_or_off(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("use on or off".into()),
    }
}
