//! Visual-marker prompts: arrows, circles, crosses, scribbles and highlights that say which object
//! an instruction means.

use serde::{Deserialize, Serialize};
use tiny_skia::{PathBuilder, Rect};

use super::coordinate::split;
use super::geometry::{SHORTEST, line, long_enough, on_canvas, sized};
use super::surface::{Surface, arrow_head, polyline};
use super::track::smooth;
use super::{
    Colour, Coordinate, DrawnPrompt, Frame, Picture, Point, PromptError, Region, TextStyle,
    VisualPrompt, lettering,
};
use crate::Task;
use crate::error::within;

/// Length and half width of the published arrow's head, in reference pixels.
pub(crate) const HEAD: [f64; 2] = [17.5, 12.5];
/// Most marks, arrows or paths in one prompt.
pub(crate) const MOST: usize = 64;
/// Opacity of a highlight.
const VEIL: f32 = 0.4;

/// Something drawn over an object. In JSON an object with one key: `{"circle": {…}}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Mark {
    /// An arrow that points at the object.
    Arrow {
        /// Its tail.
        from: Point,
        /// Its tip.
        to: Point,
    },
    /// A circle around the object.
    Circle {
        /// Its centre.
        centre: Point,
        /// Its radius: pixels, or a fraction of the picture's shorter side.
        radius: Coordinate,
    },
    /// Two crossing lines on the object.
    Cross {
        /// Where they cross.
        centre: Point,
        /// Width and height: pixels, or a fraction of the picture's shorter side.
        size: Coordinate,
    },
    /// A smooth line to and fro over the object.
    Scribble {
        /// The points that it passes.
        points: Vec<Point>,
    },
    /// A translucent rectangle over the object.
    Highlight {
        /// The rectangle.
        region: Region,
    },
}

impl Mark {
    /// An arrow.
    pub fn arrow(from: Point, to: Point) -> Self {
        Self::Arrow { from, to }
    }

    /// A circle.
    pub fn circle(centre: Point, radius: Coordinate) -> Self {
        Self::Circle { centre, radius }
    }

    /// A cross.
    pub fn cross(centre: Point, size: Coordinate) -> Self {
        Self::Cross { centre, size }
    }

    /// Reads `x1,y1,x2,y2`: an arrow's tail and tip.
    ///
    /// # Errors
    /// Says what cannot be read.
    pub fn parse_arrow(text: &str) -> Result<Self, PromptError> {
        Point::pair(text).map(|[from, to]| Self::arrow(from, to))
    }

    /// Reads `x,y,radius`.
    ///
    /// # Errors
    /// Says what cannot be read.
    pub fn parse_circle(text: &str) -> Result<Self, PromptError> {
        let reason = "write centre and radius as x,y,radius";
        split(text, "circle", reason).map(|[x, y, radius]| Self::circle([x, y].into(), radius))
    }

    /// Reads `x,y,size`.
    ///
    /// # Errors
    /// Says what cannot be read.
    pub fn parse_cross(text: &str) -> Result<Self, PromptError> {
        let reason = "write centre and size as x,y,size";
        split(text, "cross", reason).map(|[x, y, size]| Self::cross([x, y].into(), size))
    }

    /// A scribble over the rectangle at `(x, y)` of `width` x `height` pixels of the picture.
    pub fn scribble(x: f64, y: f64, width: f64, height: f64) -> Self {
        const TURNS: u32 = 9;
        let point = |turn: u32| {
            let down = f64::from(turn) / f64::from(TURNS - 1);
            Point::pixels(x + width * f64::from(turn % 2), y + height * down)
        };
        Self::Scribble {
            points: (0..TURNS).map(point).collect(),
        }
    }

    /// A highlight.
    pub fn highlight(region: Region) -> Self {
        Self::Highlight { region }
    }

    fn draw(
        &self,
        surface: &mut Surface,
        frame: &Frame,
        colour: Colour,
        width: f32,
    ) -> Result<(), PromptError> {
        match self {
            Self::Arrow { from, to } => {
                let from = frame.point("arrow's tail", *from)?;
                let to = frame.point("arrow's tip", *to)?;
                long_enough("arrow", from, to)?;
                let grown = f64::from(width / VisualMarker::WIDTH).max(0.5);
                let [length, half] = HEAD.map(|size| size * grown);
                if let Some((head, shaft)) = arrow_head(from, to, length, half) {
                    surface.stroke(&line(from, shaft)?, colour, width);
                    surface.fill(&head, colour, 1.0);
                }
            }
            Self::Circle { centre, radius } => {
                let [x, y] = frame.point("circle's centre", *centre)?;
                let radius = sized("circle's radius", frame.length(*radius), 3.0)?;
                let mut path = PathBuilder::new();
                path.push_circle(x as f32, y as f32, radius as f32);
                if let Some(path) = path.finish() {
                    surface.stroke(&path, colour, width);
                }
            }
            Self::Cross { centre, size } => {
                let [x, y] = frame.point("cross", *centre)?;
                let half = sized("cross", frame.length(*size), SHORTEST)? / 2.0;
                surface.stroke(
                    &line([x - half, y - half], [x + half, y + half])?,
                    colour,
                    width,
                );
                surface.stroke(
                    &line([x - half, y + half], [x + half, y - half])?,
                    colour,
                    width,
                );
            }
            Self::Scribble { points } => {
                let points = on_canvas("scribble", points, frame)?;
                let points = smooth(&points, false);
                if let Some(path) = polyline(&points, false) {
                    surface.stroke(&path, colour, 1.6 * width);
                }
            }
            Self::Highlight { region } => {
                let [left, top, right, bottom] = frame.region("highlight", *region)?;
                let edges = [left, top, right, bottom].map(|edge| edge as f32);
                let rect = Rect::from_ltrb(edges[0], edges[1], edges[2], edges[3]);
                if let Some(path) = rect.map(PathBuilder::from_rect) {
                    surface.fill(&path, colour, VEIL);
                }
            }
        }
        Ok(())
    }
}

/// What an arrow, circle or cross points at is changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VisualMarker {
    /// The picture.
    pub picture: Picture,
    /// What is drawn over it, in this order.
    pub marks: Vec<Mark>,
    /// What to do with the marked object.
    pub instruction: String,
    /// Colour of the marks.
    #[serde(default = "VisualMarker::colour_of_samples")]
    pub colour: Colour,
    /// Width of the lines, in pixels of a canvas of 512; arrow heads grow with it.
    #[serde(default = "VisualMarker::width_of_samples")]
    pub width: f32,
    /// How the instruction is written.
    #[serde(default = "TextStyle::marker_instruction")]
    pub style: TextStyle,
}

impl VisualMarker {
    /// Width of the published arrow, in reference pixels.
    const WIDTH: f32 = 3.0;

    /// An instruction, to which [`mark`](Self::mark) adds marks.
    pub fn new(picture: impl Into<Picture>, instruction: impl Into<String>) -> Self {
        Self {
            picture: picture.into(),
            marks: vec![],
            instruction: instruction.into(),
            colour: Colour::MARKER,
            width: Self::WIDTH,
            style: TextStyle::marker_instruction(),
        }
    }

    /// The same with another mark.
    pub fn mark(mut self, mark: Mark) -> Self {
        self.marks.push(mark);
        self
    }

    /// The same with the instruction in another style.
    pub fn style(self, style: TextStyle) -> Self {
        Self { style, ..self }
    }

    fn colour_of_samples() -> Colour {
        Colour::MARKER
    }

    fn width_of_samples() -> f32 {
        Self::WIDTH
    }
}

impl VisualPrompt for VisualMarker {
    fn task(&self) -> Task {
        Task::VisualMarker
    }

    fn draw(&self, side: u32) -> Result<DrawnPrompt, PromptError> {
        let (mut surface, frame) = self.picture.surface(side)?;
        counted("visual-marker", "mark", self.marks.len())?;
        line_width(self.width)?;
        for mark in &self.marks {
            mark.draw(&mut surface, &frame, self.colour, self.width)?;
        }
        lettering::write(&mut surface, "instruction", &self.instruction, &self.style)?;
        Ok(surface.finish())
    }
}

/// An error unless there is at least one of what makes the prompt, and not too many.
pub(crate) fn counted(
    prompt: &'static str,
    what: &'static str,
    count: usize,
) -> Result<(), PromptError> {
    match count {
        0 => Err(PromptError::Nothing(prompt, what)),
        1..=MOST => Ok(()),
        _ => Err(PromptError::TooMany {
            what: "marks",
            count,
            most: MOST,
        }),
    }
}

pub(crate) fn line_width(width: f32) -> Result<f32, PromptError> {
    within(
        "width of the lines",
        width,
        0.5,
        40.0,
        "0.5 to 40 px (of 512)",
    )
}
