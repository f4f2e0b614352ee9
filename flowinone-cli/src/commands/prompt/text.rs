//! `flowinone text`: a caption becomes a picture of it.

use anyhow::Result;
use flowinone_prompts::TextToImage;

use super::Making;
use super::lettering::CanvasOptions;
use crate::Outcome;

/// A caption becomes a picture of it.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The caption
    #[arg(value_name = "TEXT")]
    text: String,
    #[command(flatten)]
    making: Making,
    #[command(flatten)]
    canvas: CanvasOptions,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let prompt = TextToImage::new(args.text.as_str()).canvas(args.canvas.canvas());
    args.making.run(prompt)
}
