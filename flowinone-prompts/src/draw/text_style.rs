//! How text looks, and where it stands.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::frame::REFERENCE_SIDE;
use super::{Colour, PromptError, Typeface};
use crate::error::within;

/// How the lines of a text are aligned in their area.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Align {
    /// Flush left.
    Left,
    /// Centred.
    #[default]
    Centre,
    /// Flush right.
    Right,
}

impl FromStr for Align {
    type Err = PromptError;

    fn from_str(text: &str) -> Result<Self, PromptError> {
        match text {
            "left" => Ok(Self::Left),
            "centre" => Ok(Self::Centre),
            "right" => Ok(Self::Right),
            _ => Err(PromptError::unreadable(
                "alignment",
                text,
                "use left, centre or right",
            )),
        }
    }
}

/// How text looks and where it stands; lengths in pixels of a canvas of 512.
///
/// The default is that of an instruction. Fields that a JSON object leaves out are taken from it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TextStyle {
    /// The face.
    pub face: Typeface,
    /// Size in pixels an em; text that does not fit is set smaller, down to
    /// [`SMALLEST_TEXT`](super::SMALLEST_TEXT).
    pub size: f32,
    /// Colour of the letters.
    pub fill: Colour,
    /// Colour around the letters.
    pub outline: Colour,
    /// Width of the outline, 0 for none.
    pub outline_width: f32,
    /// Space added between letters.
    pub spacing: f32,
    /// From one baseline to the next, in em.
    pub line_height: f32,
    /// Alignment of the lines.
    pub align: Align,
    /// Kept free on the left, the right and above.
    pub margin: f32,
    /// Kept free below.
    pub foot: f32,
    /// Where the block stands in the height it has: 0 at its top, 1 at its foot.
    pub place: f32,
    /// Share of the canvas' height that the text may cover.
    pub tallest: f32,
}

impl TextStyle {
    /// An instruction low in a picture, as in the published force prompts.
    pub fn instruction() -> Self {
        Self {
            face: Typeface::Serif,
            size: 26.4,
            fill: Colour::BLACK,
            outline: Colour::WHITE,
            outline_width: 2.0,
            spacing: 0.0,
            line_height: 1.06,
            align: Align::Centre,
            margin: 24.0,
            foot: 13.0,
            place: 1.0,
            tallest: 0.5,
        }
    }

    /// The smaller instruction of the published doodle and trajectory prompts.
    pub fn small_instruction() -> Self {
        Self {
            size: 23.1,
            line_height: 1.1,
            ..Self::instruction()
        }
    }

    /// The larger instruction of the published marker prompts.
    pub fn marker_instruction() -> Self {
        Self {
            size: 29.3,
            line_height: 1.03,
            margin: 46.0,
            foot: 46.0,
            ..Self::instruction()
        }
    }

    /// The label of a box: white with a black outline.
    pub fn label() -> Self {
        Self {
            size: 28.0,
            fill: Colour::WHITE,
            outline: Colour::BLACK,
            margin: 8.0,
            foot: 8.0,
            tallest: 1.0,
            ..Self::instruction()
        }
    }

    /// A caption on an empty canvas.
    pub fn caption() -> Self {
        Self {
            face: Typeface::SerifBold,
            size: 48.5,
            fill: Colour([28, 8, 19]),
            spacing: 2.6,
            line_height: 1.33,
            margin: 44.0,
            foot: 46.0,
            place: 0.5,
            tallest: 1.0,
            ..Self::instruction()
        }
    }

    pub(crate) fn validate(&self) -> Result<(), PromptError> {
        let Self { size, margin, .. } = *self;
        within("text size", size, 6.0, 200.0, "6 to 200 px (of 512)")?;
        within(
            "outline width",
            self.outline_width,
            0.0,
            16.0,
            "0 to 16 px (of 512)",
        )?;
        within(
            "letter spacing",
            self.spacing,
            -4.0,
            40.0,
            "-4 to 40 px (of 512)",
        )?;
        within("line height", self.line_height, 0.8, 4.0, "0.8 to 4 em")?;
        let least = 4.0 + self.outline_width;
        within(
            "text margin",
            margin,
            least,
            200.0,
            "4 px more than the outline, up to 200 (of 512)",
        )?;
        within(
            "text foot",
            self.foot,
            least,
            200.0,
            "4 px more than the outline, up to 200 (of 512)",
        )?;
        within("text place", self.place, 0.0, 1.0, "0 to 1")?;
        within("tallest text", self.tallest, 0.01, 1.0, "0.01 to 1")?;
        Ok(())
    }

    /// The part of the canvas that this style gives to text.
    pub(super) fn area(&self) -> Area {
        let side = REFERENCE_SIDE as f32;
        let height = (side - self.margin - self.foot).min(side * self.tallest);
        let free = side - self.margin - self.foot - height;
        let top = self.margin + free * self.place;
        Area {
            left: self.margin,
            right: side - self.margin,
            top,
            bottom: top + height,
        }
    }
}

impl Default for TextStyle {
    fn default() -> Self {
        Self::instruction()
    }
}

/// Where a block of text may stand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Area {
    pub(crate) left: f32,
    pub(crate) right: f32,
    pub(crate) top: f32,
    pub(crate) bottom: f32,
}
