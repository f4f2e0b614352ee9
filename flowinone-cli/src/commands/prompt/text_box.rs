//! `flowinone box`: what a text says appears inside a box.

use std::path::PathBuf;

use anyhow::Result;
use flowinone_prompts::{Region, TextBox, TextStyle};

use super::lettering::Label;
use super::{Making, PLACES};
use crate::Outcome;

/// Put a described thing into a box in a picture.
#[derive(clap::Args)]
#[command(after_help = PLACES)]
pub(crate) struct Args {
    /// The picture
    #[arg(value_name = "IMAGE")]
    picture: PathBuf,
    /// Where the thing shall appear: left, upper edge, width, height
    #[arg(long = "box", value_name = "X,Y,W,H", allow_hyphen_values = true)]
    region: Region,
    /// What shall appear
    #[arg(long, value_name = "TEXT")]
    text: String,
    #[command(flatten)]
    making: Making,
    #[command(flatten)]
    lettering: Label,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let style = args.lettering.over(TextStyle::label());
    let prompt = TextBox::new(args.picture.as_path(), args.region, args.text.as_str());
    args.making.run(prompt.style(style))
}
