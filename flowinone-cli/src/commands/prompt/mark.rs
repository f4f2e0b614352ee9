//! `flowinone mark`: what a mark points at is changed as an instruction says.

use std::path::PathBuf;

use anyhow::Result;
use flowinone_prompts::{Colour, Mark, Region, TextStyle, Track, VisualMarker};

use super::lettering::Lettering;
use super::{Making, PLACES};
use crate::Outcome;

/// Change what arrows, circles, crosses, scribbles or highlights mark in a picture.
#[derive(clap::Args)]
#[command(after_help = PLACES)]
pub(crate) struct Args {
    /// The picture
    #[arg(value_name = "IMAGE")]
    picture: PathBuf,
    /// What to do with the marked object
    #[arg(long, value_name = "TEXT")]
    instruction: String,
    #[command(flatten)]
    marks: Marks,
    /// Colour of the marks, the published #ff6c48 unless given
    #[arg(long, value_name = "#RRGGBB")]
    colour: Option<Colour>,
    /// Width of the lines, in pixels of a canvas of 512 [default: 3]
    #[arg(long, value_name = "PIXELS")]
    width: Option<f32>,
    #[command(flatten)]
    making: Making,
    #[command(flatten)]
    lettering: Lettering,
}

/// At least one mark; each can be given several times. Lines are drawn above highlights.
#[derive(clap::Args)]
#[group(required = true, multiple = true)]
struct Marks {
    /// A translucent rectangle over the object: left, upper edge, width, height
    #[arg(long, value_name = "X,Y,W,H", allow_hyphen_values = true)]
    highlight: Vec<Region>,
    /// A smooth line over the object
    #[arg(long, value_name = "X,Y X,Y …", allow_hyphen_values = true)]
    scribble: Vec<Track>,
    /// Two crossing lines: centre and size
    #[arg(long, value_name = "X,Y,SIZE", allow_hyphen_values = true, value_parser = Mark::parse_cross)]
    cross: Vec<Mark>,
    /// A circle around the object: centre and radius
    #[arg(long, value_name = "X,Y,RADIUS", allow_hyphen_values = true, value_parser = Mark::parse_circle)]
    circle: Vec<Mark>,
    /// An arrow to the object: tail and tip
    #[arg(long, value_name = "X1,Y1,X2,Y2", allow_hyphen_values = true, value_parser = Mark::parse_arrow)]
    arrow: Vec<Mark>,
}

impl Marks {
    fn all(&self) -> Vec<Mark> {
        let highlights = self.highlight.iter().map(|region| Mark::highlight(*region));
        let scribbles = self.scribble.iter().map(|line| Mark::Scribble {
            points: line.points.clone(),
        });
        let lines = [&self.cross, &self.circle, &self.arrow];
        highlights
            .chain(scribbles)
            .chain(lines.into_iter().flatten().cloned())
            .collect()
    }
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let plain = VisualMarker::new(args.picture.as_path(), args.instruction.as_str());
    args.making.run(VisualMarker {
        marks: args.marks.all(),
        colour: args.colour.unwrap_or(plain.colour),
        width: args.width.unwrap_or(plain.width),
        style: args.lettering.over(TextStyle::marker_instruction()),
        ..plain
    })
}
