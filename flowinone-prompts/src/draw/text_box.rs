//! Text-with-box prompts: a red rectangle, and above it what shall appear inside.

use serde::{Deserialize, Serialize};

use super::frame::REFERENCE_SIDE;
use super::layout::Text;
use super::lettering::draw;
use super::text_style::Area;
use super::{Colour, DrawnPrompt, Picture, PromptError, Region, TextStyle, VisualPrompt};
use crate::Task;

/// Width of the line, in reference pixels.
const LINE: f32 = 3.0;
/// How far the foot of the label stays above the box, in reference pixels.
const GAP: f32 = 2.0;

/// A described thing appears inside a drawn box.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextBox {
    /// The picture.
    pub picture: Picture,
    /// Where the thing shall appear.
    #[serde(rename = "box")]
    pub region: Region,
    /// What shall appear.
    pub text: String,
    /// How it is written.
    #[serde(default = "TextStyle::label")]
    pub style: TextStyle,
}

impl TextBox {
    /// A box with its text in the default style.
    pub fn new(picture: impl Into<Picture>, region: Region, text: impl Into<String>) -> Self {
        Self {
            picture: picture.into(),
            region,
            text: text.into(),
            style: TextStyle::label(),
        }
    }

    /// The same in another style.
    pub fn style(self, style: TextStyle) -> Self {
        Self { style, ..self }
    }
}

impl VisualPrompt for TextBox {
    fn task(&self) -> Task {
        Task::TextBox
    }

    fn draw(&self, side: u32) -> Result<DrawnPrompt, PromptError> {
        let (mut surface, frame) = self.picture.surface(side)?;
        let edges = frame.region("box", self.region)?;
        let text = Text::new("text of the box", &self.text, &self.style)?;
        let places = places(edges.map(|edge| edge as f32), &self.style);
        // Above the box if the text fits there as well as anywhere else.
        let fitted = places
            .iter()
            .map(|(area, style)| {
                let block = text.fit(area.right - area.left, area.bottom - area.top)?;
                Ok((block, *area, *style))
            })
            .reduce(|best, next| match (&best, &next) {
                (Ok((a, ..)), Ok((b, ..))) if b.size > a.size => next,
                (Err(_), Ok(_)) => next,
                (
                    Err(PromptError::TooLong { fits: a, .. }),
                    Err(PromptError::TooLong { fits: b, .. }),
                ) if b > a => next,
                _ => best,
            });
        let (block, area, style) = fitted.expect("five places")?;
        draw(&mut surface, &text, &block, &style, area);
        surface.frame(edges, Colour::BOX, LINE);
        Ok(surface.finish())
    }
}

/// Above, below, inside, left and right of the box; above and below it as wide as the canvas allows
/// around the box's middle.
fn places([left, top, right, bottom]: [f32; 4], style: &TextStyle) -> [(Area, TextStyle); 5] {
    let side = REFERENCE_SIDE as f32;
    let (least, most) = (style.margin, side - style.margin);
    // A label longer than its box is centred on it as far as the canvas allows.
    let middle = (left + right) / 2.0;
    let half = (middle - least)
        .min(most - middle)
        .max((right - left) / 2.0);
    let wide = match half * 2.0 > 0.6 * side {
        true => (middle - half).max(least)..(middle + half).min(most),
        false if middle < side / 2.0 => least..(least + 0.6 * side),
        false => (most - 0.6 * side)..most,
    };
    let at = |left: f32, right: f32, top: f32, bottom: f32, place: f32| {
        let bottom = bottom.min(top + side * style.tallest);
        (
            Area {
                left,
                right,
                top,
                bottom,
            },
            TextStyle { place, ..*style },
        )
    };
    let inner = LINE + style.outline_width + 2.0;
    [
        at(wide.start, wide.end, least, top - GAP, 1.0),
        at(wide.start, wide.end, bottom + inner, side - style.foot, 0.0),
        at(
            left + inner,
            right - inner,
            top + inner,
            bottom - inner,
            0.0,
        ),
        at(least, left - inner, top.max(least), side - style.foot, 0.0),
        at(right + inner, most, top.max(least), side - style.foot, 0.0),
    ]
}
