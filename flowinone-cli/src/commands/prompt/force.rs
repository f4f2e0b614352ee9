//! `flowinone force`: arrows push objects, or everything.

use std::path::PathBuf;

use anyhow::Result;
use flowinone_prompts::{Colour, Force, ForceArrow};

use super::lettering::Lettering;
use super::motion::Motion;
use super::{Making, PLACES};
use crate::Outcome;

/// Push objects in a picture by arrows.
#[derive(clap::Args)]
#[command(after_help = PLACES)]
pub(crate) struct Args {
    /// The picture
    #[arg(value_name = "IMAGE")]
    picture: PathBuf,
    #[command(flatten)]
    arrows: Arrows,
    /// The sentence below [default: the published one]
    #[arg(long, value_name = "TEXT")]
    instruction: Option<String>,
    /// Colour of the arrows, the published #46e7e0 unless given
    #[arg(long, value_name = "#RRGGBB")]
    colour: Option<Colour>,
    /// Width of the shafts, in pixels of a canvas of 512 [default: 5]
    #[arg(long, value_name = "PIXELS")]
    width: Option<f32>,
    #[command(flatten)]
    making: Making,
    #[command(flatten)]
    lettering: Lettering,
    #[command(flatten)]
    motion: Motion,
}

/// At least one arrow; each can be given several times.
#[derive(clap::Args)]
#[group(required = true, multiple = true)]
struct Arrows {
    /// A push at an object, as strong as the arrow is long: the object's centre, and the tip
    #[arg(long, value_name = "X1,Y1,X2,Y2", allow_hyphen_values = true, value_parser = ForceArrow::parse_push)]
    arrow: Vec<ForceArrow>,
    /// A push on everything, such as wind: degrees (0 to the right, 90 up) and strength (0.05 to 1)
    #[arg(long, value_name = "ANGLE,STRENGTH", allow_hyphen_values = true, value_parser = ForceArrow::parse_global)]
    global: Vec<ForceArrow>,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let plain = Force::new(args.picture.as_path());
    let arrows = args.arrows.arrow.iter().chain(&args.arrows.global);
    let prompt = Force {
        arrows: arrows.copied().collect(),
        instruction: args.instruction.clone().unwrap_or(plain.instruction),
        colour: args.colour.unwrap_or(plain.colour),
        width: args.width.unwrap_or(plain.width),
        style: args.lettering.over(plain.style),
        picture: plain.picture,
        until: plain.until,
    };
    args.making.run_moving(prompt, &args.motion)
}
