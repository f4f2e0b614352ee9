//! Lines through points, straight or smooth: a Catmull-Rom curve
//! `p(u) = 1/2 [2 p1 + (p2 - p0) u + (2 p0 - 5 p1 + 4 p2 - p3) u^2 + (3 p1 - p0 - 3 p2 + p3) u^3]`.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::geometry::{MOST_POINTS, SHORTEST, distance, on_canvas};
use super::{Frame, Point, PromptError};
use crate::error::within;

/// Straight pieces that a smooth line has between two points.
const PIECES: u32 = 16;

/// The way of one object. As text `x,y x,y …`, which is smooth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Track {
    /// Where it goes, from the object to its end.
    pub points: Vec<Point>,
    /// Whether it bends smoothly at the points.
    #[serde(default = "Track::bends")]
    pub smooth: bool,
    /// The share of its length after which it ends, above 0 and up to 1: one frame of a motion.
    /// Without, it goes to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<f64>,
}

impl Track {
    /// A smooth curve through points.
    pub fn smooth(points: impl IntoIterator<Item = Point>) -> Self {
        Self {
            points: points.into_iter().collect(),
            smooth: true,
            until: None,
        }
    }

    /// Straight lines from point to point.
    pub fn straight(points: impl IntoIterator<Item = Point>) -> Self {
        Self {
            points: points.into_iter().collect(),
            smooth: false,
            until: None,
        }
    }

    /// The same up to a share of its length.
    pub fn until(self, share: f64) -> Self {
        Self {
            until: Some(share),
            ..self
        }
    }

    /// The line on the canvas as points that straight pieces connect, in reference pixels. A share
    /// too short to be seen is lengthened.
    ///
    /// # Errors
    /// Points that are not finite or outside the canvas, more than 10,000 of them, a line too
    /// short to be seen, or a share outside 0 to 1.
    pub fn line(&self, frame: &Frame) -> Result<Vec<[f64; 2]>, PromptError> {
        let points = on_canvas("path", &self.points, frame)?;
        let line = match self.smooth {
            true => smooth(&points, false),
            false => points,
        };
        let Some(share) = self.until else {
            return Ok(line);
        };
        within(
            "share of the path",
            share as f32,
            f32::MIN_POSITIVE,
            1.0,
            "above 0 and up to 1",
        )?;
        let length: f64 = line.windows(2).map(|pair| distance(pair[0], pair[1])).sum();
        Ok(cut(&line, (share * length).max(SHORTEST)))
    }

    fn bends() -> bool {
        true
    }
}

impl FromStr for Track {
    type Err = PromptError;

    fn from_str(text: &str) -> Result<Self, PromptError> {
        let words = text.split_whitespace().take(MOST_POINTS + 1);
        let points: Vec<Point> = words.map(str::parse).collect::<Result<_, _>>()?;
        match points.len() {
            0 | 1 => Err(PromptError::unreadable(
                "path",
                text,
                "write at least two points as x,y x,y",
            )),
            _ => Ok(Self::smooth(points)),
        }
    }
}

/// The Catmull-Rom curve through points, as straight pieces.
pub(crate) fn smooth(points: &[[f64; 2]], closed: bool) -> Vec<[f64; 2]> {
    let count = points.len();
    if count < 3 {
        return points.to_vec();
    }
    let at = |i: isize| match closed {
        true => points[i.rem_euclid(count as isize) as usize],
        false => points[i.clamp(0, count as isize - 1) as usize],
    };
    let spans = if closed { count } else { count - 1 };
    let mut line = vec![points[0]];
    for span in 0..spans as isize {
        let [a, b, c, d] = [-1, 0, 1, 2].map(|step| at(span + step));
        line.extend((1..=PIECES).map(|piece| {
            let u = f64::from(piece) / f64::from(PIECES);
            [0, 1].map(|k| {
                let slope = (c[k] - a[k]) * u;
                let bend = (2.0 * a[k] - 5.0 * b[k] + 4.0 * c[k] - d[k]) * u * u;
                let twist = (3.0 * b[k] - a[k] - 3.0 * c[k] + d[k]) * u * u * u;
                (2.0 * b[k] + slope + bend + twist) / 2.0
            })
        }));
    }
    line
}

/// The beginning of a line, of a given length.
fn cut(line: &[[f64; 2]], length: f64) -> Vec<[f64; 2]> {
    let mut left = length;
    let mut beginning: Vec<[f64; 2]> = line.first().copied().into_iter().collect();
    for pair in line.windows(2) {
        let [from, to] = [pair[0], pair[1]];
        let piece = distance(from, to);
        if piece >= left {
            let share = left / piece;
            beginning.push([0, 1].map(|axis| from[axis] + share * (to[axis] - from[axis])));
            break;
        }
        beginning.push(to);
        left -= piece;
    }
    beginning
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smooth_lines_pass_their_points() {
        let points = [[0.0, 0.0], [10.0, 30.0], [50.0, 20.0], [90.0, 90.0]];
        for closed in [false, true] {
            let line = smooth(&points, closed);
            for (i, point) in points.iter().enumerate() {
                let met = line[i * PIECES as usize];
                assert!((met[0] - point[0]).hypot(met[1] - point[1]) < 1e-9);
            }
        }
        // Points on a line at equal distances give that line.
        let line = smooth(&[[0.0, 0.0], [1.0, 2.0], [2.0, 4.0], [3.0, 6.0]], false);
        assert!(line.iter().all(|[x, y]| (y - 2.0 * x).abs() < 1e-9));
    }

    #[test]
    fn a_share_of_a_path_is_that_share_of_its_length() {
        let frame = Frame::new(512, 512);
        let path: Track = "100,100 250,180 400,120 300,400".parse().unwrap();
        let length = |track: &Track| -> f64 {
            let line = track.line(&frame).unwrap();
            line.windows(2).map(|pair| distance(pair[0], pair[1])).sum()
        };
        let whole = length(&path);
        for share in [0.1, 0.5, 0.75] {
            let part = length(&path.clone().until(share));
            assert!(
                (part - share * whole).abs() < 1e-6,
                "{share}: {part} of {whole}"
            );
        }
        let line = path.clone().until(1.0).line(&frame).unwrap();
        assert!(distance(*line.last().unwrap(), [300.0, 400.0]) < 1e-6);
        assert!(
            (length(&path.clone().until(1e-6)) - SHORTEST).abs() < 1e-9,
            "it is still seen"
        );
        for share in [0.0, -0.5, 1.5, f64::NAN] {
            let error = path.clone().until(share).line(&frame).unwrap_err();
            assert!(error.to_string().contains("share of the path"), "{error}");
        }
    }
}
