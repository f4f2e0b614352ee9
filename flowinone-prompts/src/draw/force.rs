//! Force prompts: turquoise arrows that push an object from its centre, or everything at once.
//!
//! At a time before everything rests, each arrow is shortened to the fraction of the total
//! displacement that its object has covered by then.

use serde::{Deserialize, Serialize};
use tiny_skia::{Path, PathBuilder};

use super::frame::REFERENCE_SIDE;
use super::geometry::{SHORTEST, distance, line, long_enough};
use super::marker::{HEAD, counted, line_width};
use super::slide::part_of_way;
use super::surface::{Surface, arrow_head};
use super::{
    Colour, DrawnPrompt, Frame, Picture, Point, PromptError, TextStyle, VisualPrompt, lettering,
};
use crate::Task;
use crate::error::within;

/// Width of the white outline, in reference pixels.
const OUTLINE: f32 = 1.0;
/// Length of a global arrow of strength 1, in reference pixels.
const REACH: f64 = 360.0;

/// A push. In JSON `{"at": {"from": [x, y], "to": [x, y]}}` or
/// `{"global": {"angle": 30, "strength": 0.5}}`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum ForceArrow {
    /// A push at a point, as strong as the arrow is long.
    At {
        /// The centre of the pushed object.
        from: Point,
        /// The tip.
        to: Point,
    },
    /// A push on everything, such as wind: an arrow across the middle, without a dot.
    Global {
        /// Direction in degrees, 0 to the right, 90 up.
        angle: f64,
        /// Strength from 0.05 to 1, which is the length of the arrow.
        strength: f64,
    },
}

impl ForceArrow {
    /// Reads `x1,y1,x2,y2`: a push at a point.
    ///
    /// # Errors
    /// Says what cannot be read.
    pub fn parse_push(text: &str) -> Result<Self, PromptError> {
        Point::pair(text).map(|[from, to]| Self::At { from, to })
    }

    /// Reads `angle,strength`: a push on everything.
    ///
    /// # Errors
    /// Says what cannot be read.
    pub fn parse_global(text: &str) -> Result<Self, PromptError> {
        let number = |part: &str| part.trim().parse::<f64>().ok();
        let [angle, strength] = text
            .split_once(',')
            .and_then(|(angle, strength)| Some([number(angle)?, number(strength)?]))
            .ok_or_else(|| {
                PromptError::unreadable("global push", text, "write it as angle,strength: 30,0.5")
            })?;
        Ok(Self::Global { angle, strength })
    }

    /// Tail and tip on the canvas, in reference pixels.
    ///
    /// # Errors
    /// Numbers that are not finite, ends outside the canvas, an arrow too short to be seen.
    pub fn ends(&self, frame: &Frame) -> Result<[[f64; 2]; 2], PromptError> {
        let ends = match *self {
            Self::At { from, to } => [
                frame.point("force arrow's tail", from)?,
                frame.point("force arrow's tip", to)?,
            ],
            Self::Global { angle, strength } => {
                within(
                    "strength of the force",
                    strength as f32,
                    0.05,
                    1.0,
                    "0.05 to 1",
                )?;
                if !angle.is_finite() {
                    return Err(PromptError::NotFinite("angle of the force"));
                }
                let (sin, cos) = angle.to_radians().sin_cos();
                let reach = REACH / 2.0 * strength;
                let at = |side: f64| {
                    let middle = REFERENCE_SIDE / 2.0;
                    [middle + side * cos * reach, middle - side * sin * reach]
                };
                [at(-1.0), at(1.0)]
            }
        };
        long_enough("force arrow", ends[0], ends[1])?;
        Ok(ends)
    }

    /// The arrow with the part of its length that asks for the part of its way; one too short to be
    /// seen is lengthened.
    fn shortened(&self, [from, to]: [[f64; 2]; 2], part: f64) -> [[f64; 2]; 2] {
        let part = part.max(SHORTEST / distance(from, to));
        let still = match self {
            Self::At { .. } => from,
            Self::Global { .. } => [0, 1].map(|axis| (from[axis] + to[axis]) / 2.0),
        };
        [from, to].map(|end| [0, 1].map(|axis| still[axis] + part * (end[axis] - still[axis])))
    }

    fn draw(
        &self,
        surface: &mut Surface,
        [from, to]: [[f64; 2]; 2],
        colour: Colour,
        width: f32,
    ) -> Result<(), PromptError> {
        let grown = f64::from(width / Force::WIDTH).max(0.5);
        let [length, half] = HEAD.map(|size| size * grown);
        let Some((head, base)) = arrow_head(from, to, length, half) else {
            return Ok(());
        };
        let shaft = line(from, base)?;
        let dot = match self {
            Self::At { .. } => dot(from, 0.65 * width),
            Self::Global { .. } => None,
        };
        // White below, then the colour, so that no outline crosses the arrow.
        surface.stroke(&shaft, Colour::WHITE, width + 2.0 * OUTLINE);
        for shape in dot.iter().chain([&head]) {
            surface.stroke(shape, Colour::WHITE, 2.0 * OUTLINE);
        }
        surface.stroke(&shaft, colour, width);
        for shape in dot.iter().chain([&head]) {
            surface.fill(shape, colour, 1.0);
        }
        Ok(())
    }
}

fn dot([x, y]: [f64; 2], radius: f32) -> Option<Path> {
    let mut path = PathBuilder::new();
    path.push_circle(x as f32, y as f32, radius);
    path.finish()
}

/// An arrow pushes an object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Force {
    /// The picture.
    pub picture: Picture,
    /// The pushes.
    pub arrows: Vec<ForceArrow>,
    /// The moment that the prompt asks for, as a share of the time until everything rests, above 0
    /// and up to 1: one frame of a motion. If `None`, the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<f64>,
    /// The sentence below; none is written if it is empty.
    #[serde(default = "Force::sentence")]
    pub instruction: String,
    /// Colour of the arrows.
    #[serde(default = "Force::colour_of_samples")]
    pub colour: Colour,
    /// Width of the shafts, in pixels of a canvas of 512; heads grow with it.
    #[serde(default = "Force::width_of_samples")]
    pub width: f32,
    /// How the sentence is written.
    #[serde(default)]
    pub style: TextStyle,
}

impl Force {
    /// The published sentence.
    pub const INSTRUCTION: &str = "Apply forces to the object according to the arrows until stop, and generate the final image.";
    /// Width of the published arrow, in reference pixels.
    const WIDTH: f32 = 5.0;

    /// The published sentence, to which [`arrow`](Self::arrow) adds arrows.
    pub fn new(picture: impl Into<Picture>) -> Self {
        Self {
            picture: picture.into(),
            arrows: vec![],
            until: None,
            instruction: Self::INSTRUCTION.into(),
            colour: Colour::FORCE,
            width: Self::WIDTH,
            style: TextStyle::instruction(),
        }
    }

    /// The same with another arrow.
    pub fn arrow(mut self, arrow: ForceArrow) -> Self {
        self.arrows.push(arrow);
        self
    }

    /// The same with another push at a point.
    pub fn push(self, from: Point, to: Point) -> Self {
        self.arrow(ForceArrow::At { from, to })
    }

    /// The same for the moment at a share of the time until everything rests.
    pub fn until(self, share: f64) -> Self {
        Self {
            until: Some(share),
            ..self
        }
    }

    /// The same with another sentence.
    pub fn instruction(self, instruction: impl Into<String>) -> Self {
        Self {
            instruction: instruction.into(),
            ..self
        }
    }

    /// Tail and tip of each arrow as it is drawn.
    fn drawn(&self, frame: &Frame) -> Result<Vec<[[f64; 2]; 2]>, PromptError> {
        let ends = self.arrows.iter().map(|arrow| arrow.ends(frame));
        let ends: Vec<_> = ends.collect::<Result<_, _>>()?;
        let Some(share) = self.until else {
            return Ok(ends);
        };
        within(
            "share of the time",
            share as f32,
            f32::MIN_POSITIVE,
            1.0,
            "above 0 and up to 1",
        )?;
        let longest = ends
            .iter()
            .map(|&[from, to]| distance(from, to))
            .fold(0.0, f64::max);
        let at = |(arrow, ends): (&ForceArrow, [[f64; 2]; 2])| {
            let [from, to] = ends;
            arrow.shortened(ends, part_of_way(share, distance(from, to) / longest))
        };
        Ok(self.arrows.iter().zip(ends).map(at).collect())
    }

    fn sentence() -> String {
        Self::INSTRUCTION.into()
    }

    fn colour_of_samples() -> Colour {
        Colour::FORCE
    }

    fn width_of_samples() -> f32 {
        Self::WIDTH
    }
}

impl VisualPrompt for Force {
    fn task(&self) -> Task {
        Task::Force
    }

    fn draw(&self, side: u32) -> Result<DrawnPrompt, PromptError> {
        let (mut surface, frame) = self.picture.surface(side)?;
        counted("force", "arrow", self.arrows.len())?;
        line_width(self.width)?;
        for (arrow, ends) in self.arrows.iter().zip(self.drawn(&frame)?) {
            arrow.draw(&mut surface, ends, self.colour, self.width)?;
        }
        if !self.instruction.is_empty() {
            lettering::write(&mut surface, "instruction", &self.instruction, &self.style)?;
        }
        Ok(surface.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(force: &Force) -> Vec<f64> {
        let drawn = force.drawn(&Frame::new(512, 512)).unwrap();
        drawn
            .into_iter()
            .map(|[from, to]| distance(from, to))
            .collect()
    }

    #[test]
    fn earlier_moments_ask_for_less_of_the_way() {
        let from = Point::pixels(100.0, 100.0);
        let force = Force::new("a.png")
            .push(from, Point::pixels(300.0, 100.0))
            .push(from, Point::pixels(100.0, 150.0));
        assert_eq!(lengths(&force), [200.0, 50.0]);
        // Half of the time: three quarters of the way; a quarter of the length rests by then.
        assert_eq!(lengths(&force.clone().until(0.5)), [150.0, 50.0]);
        assert_eq!(lengths(&force.clone().until(1.0)), [200.0, 50.0]);
        let first = lengths(&force.clone().until(0.01));
        assert!(
            first.iter().all(|&length| (length - SHORTEST).abs() < 1e-9),
            "still seen: {first:?}"
        );
        for share in [0.0, -1.0, 1.1, f64::NAN] {
            let error = force.clone().until(share).drawn(&Frame::new(9, 9));
            assert!(error.is_err(), "{share}");
        }
    }

    #[test]
    fn a_global_push_shortens_towards_its_middle() {
        let global = ForceArrow::Global {
            angle: 0.0,
            strength: 1.0,
        };
        let force = Force::new("a.png").arrow(global).until(0.5);
        let drawn = force.drawn(&Frame::new(512, 512)).unwrap();
        assert_eq!(drawn, [[[121.0, 256.0], [391.0, 256.0]]]);
    }
}
