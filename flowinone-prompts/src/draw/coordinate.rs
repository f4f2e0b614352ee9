//! Places in a picture, in pixels of the given picture or as fractions of it.
//!
//! One rule tells them apart: `25%` and numbers below 1 such as `0.25` are fractions; `25px` and
//! numbers from 1 on such as `120` are pixels. `1.0` could be meant either way and is refused:
//! write `1` or `1px` for the pixel, `100%` for the far edge.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::PromptError;

/// One coordinate or length: pixels of the given picture, or a fraction of its width or height.
///
/// As text and in JSON: `120`, `"120px"`, `0.25`, `"25%"`; `1.0` is refused as ambiguous.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Coordinate {
    /// Pixels of the picture as given, from its left or upper edge.
    Pixels(f64),
    /// A share of the width or height: 0 is the left or upper edge, 1 the other.
    Fraction(f64),
}

impl Coordinate {
    /// In pixels of a picture that is `extent` pixels wide (or high).
    pub fn pixels(self, extent: f64) -> f64 {
        match self {
            Self::Pixels(pixels) => pixels,
            Self::Fraction(fraction) => fraction * extent,
        }
    }

    fn from_number(value: f64) -> Self {
        match value.abs() < 1.0 {
            true => Self::Fraction(value),
            false => Self::Pixels(value),
        }
    }
}

const AMBIGUOUS: &str = "it could be one pixel or the whole; write 1px or 100%";

impl FromStr for Coordinate {
    type Err = PromptError;

    fn from_str(text: &str) -> Result<Self, PromptError> {
        let error = |reason: &str| PromptError::unreadable("coordinate", text, reason);
        let trimmed = text.trim();
        let number = trimmed
            .trim_end_matches('%')
            .trim_end_matches("px")
            .trim_end();
        let value: f64 = number
            .parse()
            .map_err(|_| error("write a number such as 120, 120px, 0.25 or 25%"))?;
        if !value.is_finite() {
            return Err(error("it is not a finite number"));
        }
        match trimmed[number.len()..].trim() {
            "%" => Ok(Self::Fraction(value / 100.0)),
            "px" => Ok(Self::Pixels(value)),
            "" if value.abs() == 1.0 && number.contains('.') => Err(error(AMBIGUOUS)),
            "" => Ok(Self::from_number(value)),
            _ => Err(error("write a number such as 120, 120px, 0.25 or 25%")),
        }
    }
}

impl fmt::Display for Coordinate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Pixels(value) => write!(f, "{value}px"),
            Self::Fraction(value) if value.abs() < 1.0 => write!(f, "{value:?}"),
            Self::Fraction(value) => write!(f, "{}%", value * 100.0),
        }
    }
}

impl Serialize for Coordinate {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match *self {
            // Whole pixels as whole numbers, so that 1 stays a pixel.
            Self::Pixels(value) if value.fract() == 0.0 && (1.0..1e15).contains(&value.abs()) => {
                to.serialize_i64(value as i64)
            }
            Self::Pixels(value) if value.abs() > 1.0 => to.serialize_f64(value),
            Self::Fraction(value) if value.abs() < 1.0 => to.serialize_f64(value),
            _ => to.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for Coordinate {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Coordinate;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a coordinate such as 120, \"120px\", 0.25 or \"25%\"")
            }
            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Coordinate, E> {
                Ok(Coordinate::from_number(value as f64))
            }
            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Coordinate, E> {
                Ok(Coordinate::from_number(value as f64))
            }
            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Coordinate, E> {
                match value.abs() == 1.0 {
                    true => Err(E::custom(format!("{value:.1}: {AMBIGUOUS}"))),
                    false => Ok(Coordinate::from_number(value)),
                }
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Coordinate, E> {
                text.parse().map_err(E::custom)
            }
        }
        from.deserialize_any(Reader)
    }
}

/// A place in the given picture. As text `x,y`, in JSON `[x, y]`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(from = "[Coordinate; 2]", into = "[Coordinate; 2]")]
pub struct Point {
    /// From the left edge.
    pub x: Coordinate,
    /// From the upper edge.
    pub y: Coordinate,
}

impl Point {
    /// A place in pixels of the given picture.
    pub fn pixels(x: f64, y: f64) -> Self {
        [Coordinate::Pixels(x), Coordinate::Pixels(y)].into()
    }

    /// A place in fractions of the given picture's width and height.
    pub fn fraction(x: f64, y: f64) -> Self {
        [Coordinate::Fraction(x), Coordinate::Fraction(y)].into()
    }

    /// Reads `x1,y1,x2,y2`: the two ends of an arrow.
    ///
    /// # Errors
    /// Says what cannot be read.
    pub fn pair(text: &str) -> Result<[Self; 2], PromptError> {
        let [x1, y1, x2, y2] = split(text, "arrow", "write its four numbers as x1,y1,x2,y2")?;
        Ok([[x1, y1].into(), [x2, y2].into()])
    }
}

impl From<[Coordinate; 2]> for Point {
    fn from([x, y]: [Coordinate; 2]) -> Self {
        Self { x, y }
    }
}

impl From<Point> for [Coordinate; 2] {
    fn from(point: Point) -> Self {
        [point.x, point.y]
    }
}

impl FromStr for Point {
    type Err = PromptError;

    fn from_str(text: &str) -> Result<Self, PromptError> {
        Ok(split::<2>(text, "point", "write it as x,y")?.into())
    }
}

/// An upright rectangle in the given picture. As text `x,y,w,h`, in JSON `[x, y, w, h]`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(from = "[Coordinate; 4]", into = "[Coordinate; 4]")]
pub struct Region {
    /// Left edge.
    pub x: Coordinate,
    /// Upper edge.
    pub y: Coordinate,
    /// Width.
    pub width: Coordinate,
    /// Height.
    pub height: Coordinate,
}

impl Region {
    /// A rectangle in pixels of the given picture.
    pub fn pixels(x: f64, y: f64, width: f64, height: f64) -> Self {
        [x, y, width, height].map(Coordinate::Pixels).into()
    }

    /// A rectangle in fractions of the given picture's width and height.
    pub fn fraction(x: f64, y: f64, width: f64, height: f64) -> Self {
        [x, y, width, height].map(Coordinate::Fraction).into()
    }
}

impl From<[Coordinate; 4]> for Region {
    fn from([x, y, width, height]: [Coordinate; 4]) -> Self {
        Self {
            x,
            y,
            width,
            height,
        }
    }
}

impl From<Region> for [Coordinate; 4] {
    fn from(region: Region) -> Self {
        [region.x, region.y, region.width, region.height]
    }
}

impl FromStr for Region {
    type Err = PromptError;

    fn from_str(text: &str) -> Result<Self, PromptError> {
        Ok(split::<4>(text, "box", "write its four numbers as x,y,w,h")?.into())
    }
}

/// Reads `N` coordinates with commas between them.
pub(crate) fn split<const N: usize>(
    text: &str,
    kind: &'static str,
    reason: &str,
) -> Result<[Coordinate; N], PromptError> {
    let parts: Vec<&str> = text.split(',').take(N + 1).collect();
    let parts: [&str; N] = parts
        .try_into()
        .map_err(|_| PromptError::unreadable(kind, text, reason))?;
    let mut coordinates = [Coordinate::Pixels(0.0); N];
    for (coordinate, part) in coordinates.iter_mut().zip(parts) {
        *coordinate = part.parse()?;
    }
    Ok(coordinates)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Coordinate::{Fraction, Pixels};

    #[test]
    fn one_rule_tells_pixels_from_fractions() {
        for (text, expected) in [
            ("120", Pixels(120.0)),
            ("1", Pixels(1.0)),
            (" 0.5px", Pixels(0.5)),
            ("0.25", Fraction(0.25)),
            (".5", Fraction(0.5)),
            ("25%", Fraction(0.25)),
            ("100 %", Fraction(1.0)),
            ("-3", Pixels(-3.0)),
            ("1.5", Pixels(1.5)),
        ] {
            assert_eq!(text.parse::<Coordinate>().unwrap(), expected, "{text}");
        }
        for text in [
            "1.0", "", "NaN", "inf", "1e999", "12%%", "3pxpx", "%", "a", "5 m",
        ] {
            assert!(text.parse::<Coordinate>().is_err(), "{text}");
        }
    }

    #[test]
    fn json_keeps_what_is_meant() {
        for value in [
            Pixels(1.0),
            Pixels(0.5),
            Pixels(120.25),
            Pixels(-7.0),
            Pixels(0.0),
            Fraction(0.3),
            Fraction(1.0),
            Fraction(-0.25),
            Fraction(2.0),
        ] {
            let json = serde_json::to_string(&value).unwrap();
            let read: Coordinate = serde_json::from_str(&json).unwrap();
            assert_eq!(read, value, "{json}");
            assert_eq!(value.to_string().parse::<Coordinate>().unwrap(), value);
        }
        let error = serde_json::from_str::<Point>("[1.0, 0.5]").unwrap_err();
        assert!(error.to_string().contains("100%"), "{error}");
    }

    #[test]
    fn points_and_boxes_need_all_their_numbers() {
        assert_eq!("3,50%".parse::<Point>().unwrap().y, Fraction(0.5));
        assert!("3,4,5".parse::<Point>().is_err());
        assert!("3,4,5".parse::<Region>().is_err());
        assert!(Point::pair("1,2,3,4,5").is_err());
        assert!(Point::pair("1,2,3,4").is_ok());
    }
}
