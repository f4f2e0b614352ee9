//! `flowinone doodle`: a sketch becomes the real thing.

use std::path::PathBuf;

use anyhow::{Result, bail};
use flowinone_files::has_extension;
use flowinone_prompts::{Background, Colour, Doodle, Drawing, Pen, Picture};

use super::Making;
use super::lettering::Lettering;
use crate::Outcome;

/// Turn a sketch over a picture, or on an empty canvas, into the real thing.
///
/// A drawing lies over the whole picture and has its proportions, or is square and lies over the
/// square in the picture's middle. Several drawings are drawn one above the other.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The picture; without it an empty canvas
    #[arg(value_name = "IMAGE")]
    picture: Option<PathBuf>,
    #[command(flatten)]
    drawings: Drawings,
    /// The sentence below [default: the published one]
    #[arg(long, value_name = "TEXT", conflicts_with = "no_instruction")]
    instruction: Option<String>,
    /// No sentence below
    #[arg(long)]
    no_instruction: bool,
    /// Draw black strokes in this colour [default: a ribbon of black and white hairlines]
    #[arg(long, value_name = "#RRGGBB")]
    pen_colour: Option<Colour>,
    /// Width of the pen, in pixels of a canvas of 512 [default: 10 for the ribbon, 4 for a colour]
    #[arg(long, value_name = "PIXELS")]
    pen_width: Option<f32>,
    /// Colour of the empty canvas, or two from top to foot: #rrggbb or #rrggbb,#rrggbb
    /// [default: white]
    #[arg(long, value_name = "COLOUR", conflicts_with = "picture")]
    ground: Option<Background>,
    #[command(flatten)]
    making: Making,
    #[command(flatten)]
    lettering: Lettering,
}

/// At least one drawing; each can be given several times.
#[derive(clap::Args)]
#[group(required = true, multiple = true)]
struct Drawings {
    /// Strokes: an SVG file of lines, or a JSON list of {"points": [[x, y], …], "smooth": true}
    #[arg(long, value_name = "FILE.svg|FILE.json")]
    strokes: Vec<PathBuf>,
    /// A picture of dark lines on light or transparent ground
    #[arg(long, value_name = "FILE.png")]
    drawing: Vec<PathBuf>,
}

impl Drawings {
    fn open(&self) -> Result<Vec<Drawing>> {
        let mut all = vec![];
        for file in &self.strokes {
            if !has_extension(file, &["svg", "json"]) {
                bail!(
                    "--strokes {} must be an .svg or .json file; --drawing takes pictures",
                    file.display()
                );
            }
            all.push(Drawing::open(file)?);
        }
        let picture = |file: &PathBuf| Drawing::Picture(file.as_path().into());
        all.extend(self.drawing.iter().map(picture));
        Ok(all)
    }
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let picture = match &args.picture {
        Some(file) => Picture::from(file.as_path()),
        None => args
            .ground
            .unwrap_or(Background::Plain(Colour::WHITE))
            .into(),
    };
    let plain = Doodle::new(picture);
    let pen = match (args.pen_colour, args.pen_width) {
        (None, None) => plain.pen,
        (None, Some(width)) => Pen::Ribbon { width },
        (Some(colour), width) => Pen::Line {
            colour,
            width: width.unwrap_or(4.0),
        },
    };
    args.making.run(Doodle {
        drawings: args.drawings.open()?,
        instruction: match args.no_instruction {
            true => None,
            false => args.instruction.clone().or(plain.instruction),
        },
        pen,
        style: args.lettering.over(plain.style),
        picture: plain.picture,
    })
}
