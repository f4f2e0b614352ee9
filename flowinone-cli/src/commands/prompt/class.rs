//! `flowinone class`: the name of a class becomes a picture of it.

use anyhow::Result;
use flowinone_prompts::ClassToImage;

use super::Making;
use super::lettering::CanvasOptions;
use crate::Outcome;

/// The name of a class becomes a picture of it.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Name of the class, in plain words
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    making: Making,
    #[command(flatten)]
    canvas: CanvasOptions,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let prompt = ClassToImage::new(args.name.as_str()).canvas(args.canvas.canvas());
    args.making.run(prompt)
}
