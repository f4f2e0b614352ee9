//! Points, lengths and lines on the canvas, in reference pixels: what can be drawn of them.

use super::frame::REFERENCE_SIDE;
use super::surface::polyline;
use super::{Frame, Point, PromptError};

/// Shortest arrow that can be seen, in reference pixels.
pub(crate) const SHORTEST: f64 = 6.0;
/// Most points in one line.
pub(crate) const MOST_POINTS: usize = 10_000;

/// The points of a drawn line, all on the canvas, not all in one place.
pub(crate) fn on_canvas(
    what: &'static str,
    points: &[Point],
    frame: &Frame,
) -> Result<Vec<[f64; 2]>, PromptError> {
    if points.len() > MOST_POINTS {
        return Err(PromptError::TooMany {
            what: "points in a line",
            count: points.len(),
            most: MOST_POINTS,
        });
    }
    let points: Vec<[f64; 2]> = points
        .iter()
        .map(|point| frame.point(what, *point))
        .collect::<Result<_, _>>()?;
    let length = points
        .windows(2)
        .map(|pair| distance(pair[0], pair[1]))
        .sum();
    sized(what, length, SHORTEST)?;
    Ok(points)
}

/// An error unless the line from one point to the other can be seen.
pub(crate) fn long_enough(
    what: &'static str,
    from: [f64; 2],
    to: [f64; 2],
) -> Result<(), PromptError> {
    sized(what, distance(from, to), SHORTEST).map(drop)
}

/// A length that can be seen, of something called `what`.
pub(crate) fn sized(what: &'static str, size: f64, least: f64) -> Result<f64, PromptError> {
    if !size.is_finite() {
        return Err(PromptError::NotFinite(what));
    }
    if size < least {
        return Err(PromptError::TooSmall { what, size, least });
    }
    if size > 64.0 * REFERENCE_SIDE {
        return Err(PromptError::Range {
            name: what,
            value: size,
            range: "at most 64 times the canvas",
        });
    }
    Ok(size)
}

/// The distance of two points.
pub(crate) fn distance([x0, y0]: [f64; 2], [x1, y1]: [f64; 2]) -> f64 {
    (x1 - x0).hypot(y1 - y0)
}

/// A straight line.
pub(crate) fn line(from: [f64; 2], to: [f64; 2]) -> Result<tiny_skia::Path, PromptError> {
    polyline(&[from, to], false).ok_or(PromptError::NotFinite("line"))
}
