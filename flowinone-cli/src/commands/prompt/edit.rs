//! `flowinone edit`: an instruction, written into a picture, is carried out.

use std::path::PathBuf;

use anyhow::Result;
use flowinone_prompts::{TextInImage, TextStyle};

use super::Making;
use super::lettering::Lettering;
use crate::Outcome;

/// Carry out an instruction on a picture.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The picture to edit
    #[arg(value_name = "IMAGE")]
    picture: PathBuf,
    /// What to do with it
    #[arg(long, value_name = "TEXT")]
    instruction: String,
    #[command(flatten)]
    making: Making,
    #[command(flatten)]
    lettering: Lettering,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let style = args.lettering.over(TextStyle::instruction());
    let prompt = TextInImage::new(args.picture.as_path(), args.instruction.as_str());
    args.making.run(prompt.style(style))
}
