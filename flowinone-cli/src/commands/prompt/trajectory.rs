//! `flowinone trajectory`: objects move along drawn paths.

use std::path::PathBuf;

use anyhow::Result;
use flowinone_prompts::{Colour, Track, Trajectory};

use super::lettering::Lettering;
use super::motion::Motion;
use super::{Making, PLACES};
use crate::Outcome;

/// Move objects in a picture along paths.
#[derive(clap::Args)]
#[command(after_help = PLACES)]
pub(crate) struct Args {
    /// The picture
    #[arg(value_name = "IMAGE")]
    picture: PathBuf,
    /// The way of an object from where it is to its end, a smooth curve; one for each object
    #[arg(
        long,
        value_name = "X,Y X,Y …",
        required = true,
        allow_hyphen_values = true
    )]
    path: Vec<Track>,
    /// Straight lines from point to point instead of smooth curves
    #[arg(long)]
    straight: bool,
    /// The sentence below [default: the published one]
    #[arg(long, value_name = "TEXT")]
    instruction: Option<String>,
    /// Colour of the lines, the published #1aa64d unless given
    #[arg(long, value_name = "#RRGGBB")]
    colour: Option<Colour>,
    /// Width of the lines, in pixels of a canvas of 512 [default: 4]
    #[arg(long, value_name = "PIXELS")]
    width: Option<f32>,
    #[command(flatten)]
    making: Making,
    #[command(flatten)]
    lettering: Lettering,
    #[command(flatten)]
    motion: Motion,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let plain = Trajectory::new(args.picture.as_path());
    let bent = |path: &Track| Track {
        smooth: !args.straight,
        ..path.clone()
    };
    let prompt = Trajectory {
        paths: args.path.iter().map(bent).collect(),
        instruction: args.instruction.clone().unwrap_or(plain.instruction),
        colour: args.colour.unwrap_or(plain.colour),
        width: args.width.unwrap_or(plain.width),
        style: args.lettering.over(plain.style),
        picture: plain.picture,
    };
    args.making.run_moving(prompt, &args.motion)
}
