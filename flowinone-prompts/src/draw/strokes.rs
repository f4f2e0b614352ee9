//! Drawn lines of a doodle, and the pens that draw them.

use serde::{Deserialize, Serialize};
use tiny_skia::{Path, Rect};

use super::frame::REFERENCE_SIDE;
use super::geometry::MOST_POINTS;
use super::marker::line_width;
use super::surface::{Surface, polyline};
use super::track::smooth;
use super::{Colour, Frame, Point, PromptError};
use crate::error::within;

/// Most lines in one drawing.
const MOST_STROKES: usize = 2_000;
/// How many canvases away from the canvas a line may go.
const FAR: f64 = 8.0;

/// One line of a doodle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stroke {
    /// Where it goes; it may leave the canvas. One point is a dot.
    pub points: Vec<Point>,
    /// Whether it returns to its beginning.
    #[serde(default)]
    pub closed: bool,
    /// Whether it bends smoothly at its points.
    #[serde(default)]
    pub smooth: bool,
    /// Its own colour. If `None`, that of the doodle's pen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour: Option<Colour>,
    /// Its own width, in pixels of a canvas of 512.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<f32>,
}

impl Stroke {
    /// Straight lines from point to point, drawn by the doodle's pen.
    pub fn new(points: impl IntoIterator<Item = Point>) -> Self {
        Self {
            points: points.into_iter().collect(),
            closed: false,
            smooth: false,
            colour: None,
            width: None,
        }
    }

    /// The same as a smooth curve.
    pub fn smooth(self) -> Self {
        Self {
            smooth: true,
            ..self
        }
    }

    /// The same, returning to its beginning.
    pub fn closed(self) -> Self {
        Self {
            closed: true,
            ..self
        }
    }

    fn line(&self, frame: &Frame) -> Result<Line, PromptError> {
        if self.points.is_empty() {
            return Err(PromptError::Nothing("stroke of a doodle", "point"));
        }
        if self.points.len() > MOST_POINTS {
            return Err(PromptError::TooMany {
                what: "points in a stroke",
                count: self.points.len(),
                most: MOST_POINTS,
            });
        }
        if let Some(width) = self.width {
            line_width(width)?;
        }
        let points: Vec<[f64; 2]> = self
            .points
            .iter()
            .map(|point| frame.place("stroke", *point))
            .collect::<Result<_, _>>()?;
        let points = match self.smooth {
            true => smooth(&points, self.closed),
            false => points,
        };
        let path = polyline(&points, self.closed).ok_or(PromptError::NotFinite("stroke"))?;
        Ok(Line {
            path,
            colour: self.colour,
            width: self.width,
        })
    }
}

/// What draws the lines of a doodle that have no colour of their own.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Pen {
    /// Four black hairlines with white between them, visible on any background, as published.
    Ribbon {
        /// Width of the whole, in pixels of a canvas of 512.
        width: f32,
    },
    /// One line.
    Line {
        /// Its colour.
        colour: Colour,
        /// Its width, in pixels of a canvas of 512.
        width: f32,
    },
}

impl Default for Pen {
    fn default() -> Self {
        Self::Ribbon { width: 10.0 }
    }
}

impl Pen {
    pub(crate) fn validate(self) -> Result<(), PromptError> {
        match self {
            Self::Ribbon { width } => within(
                "width of the ribbon",
                width,
                3.0,
                40.0,
                "3 to 40 px (of 512)",
            )
            .map(drop),
            Self::Line { width, .. } => line_width(width).map(drop),
        }
    }

    fn draw(self, surface: &mut Surface, line: &Line) {
        match (self, line.colour) {
            (Self::Ribbon { width }, None) => {
                let width = line.width.map_or(width, |own| own.max(3.0));
                let layers = [Colour::BLACK, Colour::WHITE, Colour::BLACK, Colour::WHITE];
                for (colour, share) in layers.into_iter().zip([1.0, 0.8, 0.4, 0.2]) {
                    surface.stroke(&line.path, colour, share * width);
                }
            }
            (Self::Ribbon { .. }, Some(colour)) => {
                surface.stroke(&line.path, colour, line.width.unwrap_or(4.0));
            }
            (Self::Line { colour, width }, own) => {
                let (colour, width) = (own.unwrap_or(colour), line.width.unwrap_or(width));
                surface.stroke(&line.path, colour, width);
            }
        }
    }
}

/// A line on the canvas, in reference pixels.
pub(crate) struct Line {
    pub(crate) path: Path,
    pub(crate) colour: Option<Colour>,
    pub(crate) width: Option<f32>,
}

/// The lines of strokes.
pub(crate) fn lines(strokes: &[Stroke], frame: &Frame) -> Result<Vec<Line>, PromptError> {
    check_count(strokes.len())?;
    strokes.iter().map(|stroke| stroke.line(frame)).collect()
}

/// An error if there are none or too many.
pub(crate) fn check_count(count: usize) -> Result<(), PromptError> {
    match count {
        0 => Err(PromptError::Nothing("doodle", "stroke")),
        1..=MOST_STROKES => Ok(()),
        _ => Err(PromptError::TooMany {
            what: "strokes",
            count,
            most: MOST_STROKES,
        }),
    }
}

/// Draws lines, of which at least one must be seen and none may go too far away.
pub(crate) fn draw(surface: &mut Surface, lines: &[Line], pen: Pen) -> Result<(), PromptError> {
    let side = REFERENCE_SIDE as f32;
    let far = FAR as f32 * side;
    let canvas = Rect::from_ltrb(0.0, 0.0, side, side).expect("a square");
    let mut seen = false;
    for line in lines {
        let bounds = line.path.bounds();
        let edges = [bounds.left(), bounds.top(), bounds.right(), bounds.bottom()];
        if edges.iter().any(|edge| edge.abs() > far) {
            return Err(PromptError::Drawing(format!(
                "a stroke reaches more than {FAR} canvases beyond the picture"
            )));
        }
        seen |= bounds.left() < canvas.right()
            && bounds.right() > canvas.left()
            && bounds.top() < canvas.bottom()
            && bounds.bottom() > canvas.top();
    }
    if !seen {
        return Err(PromptError::Drawing(
            "all strokes lie outside the square that the canvas shows of the picture".into(),
        ));
    }
    for line in lines {
        pen.draw(surface, line);
    }
    Ok(())
}
