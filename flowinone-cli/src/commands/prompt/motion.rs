//! `--frames`: a push or a path as numbered pictures, and as an animation.

use std::path::Path;

use anyhow::{Result, bail};
use flowinone_image::{Animation, FrameRate};
use flowinone_prompts::{Prompt, in_motion};
use flowinone_tasks::batch::numbered;

use super::Sequence;

/// A sequence instead of a single picture.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Motion")]
pub(crate) struct Motion {
    /// Make N pictures, frame by frame further along, with the same noise. --output is then a
    /// directory for 0001.png and on, or NAME.png for NAME.0001.png and on; NAME.webp, NAME.gif and
    /// NAME.apng make these and the animation (with --prompt-only the animation alone)
    #[arg(long, value_name = "N")]
    frames: Option<u32>,
    /// Frames a second of the animation [default: 12]
    #[arg(long, value_name = "RATE", requires = "frames")]
    frame_rate: Option<FrameRate>,
    /// Frames computed together; the result does not depend on it
    #[arg(long, value_name = "N", default_value_t = 1, requires = "frames", value_parser = clap::value_parser!(u16).range(1..=1024))]
    batch_size: u16,
    /// Replace frames that were made with other settings
    #[arg(long, requires = "frames")]
    overwrite: bool,
}

impl Motion {
    /// The frames of a prompt, if a motion is asked for.
    pub(super) fn sequence(&self, prompt: &Prompt, output: &Path) -> Result<Option<Sequence>> {
        let Some(frames) = self.frames else {
            return Ok(None);
        };
        let prompts = in_motion(prompt, frames)?;
        let animation = match Animation::of(output) {
            Some(_) if !output.is_dir() => {
                Some((output.to_path_buf(), self.frame_rate.unwrap_or_default()))
            }
            _ if self.frame_rate.is_some() => {
                bail!("--frame-rate is for an --output that ends in .webp, .gif or .apng")
            }
            _ => None,
        };
        let files = numbered(output, prompts.len())?;
        let folder = files[0].parent().map(Path::to_path_buf);
        Ok(Some(Sequence {
            prompts,
            files,
            animation,
            batch_size: self.batch_size,
            folder: Some(folder.unwrap_or_default()),
            overwrite: self.overwrite,
        }))
    }
}
