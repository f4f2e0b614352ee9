//! From the given picture to the canvas: `canvas = picture * scale - offset`, the same centre crop
//! that the structure path of the network takes.

use super::{Point, PromptError, Region};

/// Side, in pixels, of the canvas that all sizes and widths are stated for.
pub(crate) const REFERENCE_SIDE: f64 = 512.0;

/// How far beyond the edge a mark may lie, in reference pixels: half a pixel of rounding.
const SLACK: f64 = 0.5;

/// The square in the middle of a picture, scaled to the canvas.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Frame {
    width: f64,
    height: f64,
    scale: f64,
    offset: [f64; 2],
}

impl Frame {
    /// The frame of a picture of `width` x `height` pixels; places on it are reported in reference
    /// pixels, 512 a side, whatever the canvas.
    pub fn new(width: u32, height: u32) -> Self {
        Self::of([width, height].map(|extent| f64::from(extent.max(1))))
    }

    /// As [`new`](Self::new), for a drawing whose size need not be whole; both are positive.
    pub(crate) fn of([width, height]: [f64; 2]) -> Self {
        let scale = REFERENCE_SIDE / width.min(height);
        Self {
            width,
            height,
            scale,
            offset: [width, height].map(|extent| (extent * scale - REFERENCE_SIDE) / 2.0),
        }
    }

    /// Where a point of the picture lies on the canvas, in reference pixels, on it or not.
    ///
    /// # Errors
    /// A coordinate that is not finite.
    pub fn place(&self, what: &'static str, point: Point) -> Result<[f64; 2], PromptError> {
        let [x, y] = [point.x.pixels(self.width), point.y.pixels(self.height)];
        if !(x.is_finite() && y.is_finite()) {
            return Err(PromptError::NotFinite(what));
        }
        Ok([
            x * self.scale - self.offset[0],
            y * self.scale - self.offset[1],
        ])
    }

    /// As [`place`](Self::place), for a point that must lie on the canvas.
    ///
    /// # Errors
    /// A coordinate that is not finite, or outside the square in the picture's middle.
    pub fn point(&self, what: &'static str, point: Point) -> Result<[f64; 2], PromptError> {
        let place = self.place(what, point)?;
        let inside = |value: f64| (-SLACK..=REFERENCE_SIDE + SLACK).contains(&value);
        if place.into_iter().all(inside) {
            return Ok(place.map(|value| value.clamp(0.0, REFERENCE_SIDE)));
        }
        let [x, y] = [point.x.pixels(self.width), point.y.pixels(self.height)];
        Err(PromptError::Outside {
            what,
            x,
            y,
            place: self.describe(),
        })
    }

    /// Left, upper, right and lower edge of a region on the canvas, in reference pixels.
    ///
    /// # Errors
    /// A region that is not finite, has no area worth drawing, or does not lie on the canvas.
    pub fn region(&self, what: &'static str, region: Region) -> Result<[f64; 4], PromptError> {
        let [x, width] = [region.x, region.width].map(|c| c.pixels(self.width));
        let [y, height] = [region.y, region.height].map(|c| c.pixels(self.height));
        let [left, top] = self.place(what, Point::pixels(x, y))?;
        let [right, bottom] = self.place(what, Point::pixels(x + width, y + height))?;
        let (least, size) = (8.0, (right - left).min(bottom - top));
        if size < least {
            return Err(PromptError::TooSmall { what, size, least });
        }
        let [left, top] = self.point(what, Point::pixels(x, y))?;
        let [right, bottom] = self.point(what, Point::pixels(x + width, y + height))?;
        Ok([left, top, right, bottom])
    }

    /// Width divided by height.
    pub(crate) fn proportions(&self) -> f64 {
        self.width / self.height
    }

    /// Reference pixels of a length that is given in pixels, or as a fraction of the shorter side.
    pub fn length(&self, length: super::Coordinate) -> f64 {
        length.pixels(self.width.min(self.height)) * self.scale
    }

    fn describe(&self) -> String {
        let (width, height, side) = (self.width, self.height, self.width.min(self.height));
        let [left, top] = [(width - side) / 2.0, (height - side) / 2.0];
        match width == height {
            true => format!("the picture of {width} x {height} pixels"),
            false => format!(
                "the square that the canvas shows of the {width} x {height} picture: x from {left} to {}, y from {top} to {}",
                left + side,
                top + side
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_follow_the_centre_crop() {
        let frame = Frame::new(800, 600);
        let [x, y] = frame.point("mark", Point::pixels(400.0, 300.0)).unwrap();
        assert!((x - 256.0).abs() < 1e-9 && (y - 256.0).abs() < 1e-9);
        let [x, _] = frame.point("mark", Point::fraction(0.125, 0.5)).unwrap();
        assert!(x.abs() < 1e-9);
        let error = frame.point("mark", Point::pixels(50.0, 300.0)).unwrap_err();
        assert!(error.to_string().contains("x from 100 to 700"), "{error}");
    }

    #[test]
    fn boxes_need_area_and_a_place() {
        let frame = Frame::new(512, 512);
        let region = |x, y, w, h| frame.region("box", Region::pixels(x, y, w, h));
        assert_eq!(
            region(10.0, 20.0, 100.0, 50.0).unwrap(),
            [10.0, 20.0, 110.0, 70.0]
        );
        for bad in [
            region(10.0, 20.0, 0.0, 50.0),
            region(10.0, 20.0, -30.0, 50.0),
            region(500.0, 20.0, 100.0, 50.0),
            region(-9.0, 20.0, 100.0, 50.0),
            region(f64::NAN, 20.0, 100.0, 50.0),
            region(1.0, 20.0, f64::INFINITY, 50.0),
            region(-f64::INFINITY, 20.0, f64::INFINITY, 50.0),
        ] {
            assert!(bad.is_err());
        }
    }
}
