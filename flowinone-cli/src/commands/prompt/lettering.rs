//! How the words of a prompt look, laid over the style that the published prompts of its task have.

use flowinone_prompts::{Align, Background, Canvas, Colour, TextStyle, Typeface};

/// The look of words whose place is given.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Lettering")]
pub(crate) struct Label {
    /// serif, serif-bold or comic
    #[arg(long, value_name = "NAME")]
    face: Option<Typeface>,
    /// Size of the letters, in pixels of a canvas of 512; too long text is set smaller
    #[arg(long, value_name = "PIXELS")]
    text_size: Option<f32>,
    /// Colour of the letters
    #[arg(long, value_name = "#RRGGBB")]
    text_colour: Option<Colour>,
    /// Colour around the letters
    #[arg(long, value_name = "#RRGGBB")]
    text_outline: Option<Colour>,
    /// left, centre or right
    #[arg(long, value_name = "NAME")]
    align: Option<Align>,
}

impl Label {
    /// A style with what was asked for.
    pub(super) fn over(&self, style: TextStyle) -> TextStyle {
        TextStyle {
            face: self.face.unwrap_or(style.face),
            size: self.text_size.unwrap_or(style.size),
            fill: self.text_colour.unwrap_or(style.fill),
            outline: self.text_outline.unwrap_or(style.outline),
            align: self.align.unwrap_or(style.align),
            ..style
        }
    }
}

/// The look of words, and how high they stand.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Lettering")]
pub(crate) struct Lettering {
    #[command(flatten)]
    label: Label,
    /// Where the words stand in the height they have: 0 at its top, 1 at its foot
    #[arg(long, value_name = "SHARE")]
    text_place: Option<f32>,
}

impl Lettering {
    /// A style with what was asked for.
    pub(super) fn over(&self, style: TextStyle) -> TextStyle {
        TextStyle {
            place: self.text_place.unwrap_or(style.place),
            ..self.label.over(style)
        }
    }
}

/// The empty canvas that words stand on.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Canvas")]
pub(crate) struct CanvasOptions {
    /// Its colour, or two from top to foot: #rrggbb or #rrggbb,#rrggbb
    /// [default: the published pink]
    #[arg(long, value_name = "COLOUR", conflicts_with = "canvas_seed")]
    ground: Option<Background>,
    /// Choose background and lettering at random, the same for the same number
    #[arg(long, value_name = "N")]
    canvas_seed: Option<u64>,
    #[command(flatten)]
    lettering: Lettering,
}

impl CanvasOptions {
    /// The canvas asked for.
    pub(super) fn canvas(&self) -> Canvas {
        let canvas = self
            .canvas_seed
            .map_or_else(Canvas::default, Canvas::seeded);
        Canvas {
            ground: self.ground.unwrap_or(canvas.ground),
            style: self.lettering.over(canvas.style),
        }
    }
}
