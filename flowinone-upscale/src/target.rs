//! How large a picture shall become: by a factor, or to a size.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Error;

/// Largest factor along a side.
pub const MOST_FACTOR: f64 = 16.0;
/// A single number from here on is a side in pixels.
const FIRST_SIDE: f64 = 32.0;
/// Longest side that may be asked for.
const MOST_SIDE: u32 = flowinone_image::MAX_SIDE;

/// The size that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Target {
    /// What the network makes.
    Native,
    /// So many times as large along each side, 1 to 16.
    Factor(f64),
    /// The largest of the picture's proportions within a width and a height.
    Within(u32, u32),
}

impl Target {
    /// Width and height for a picture of that size and a network of that scale.
    ///
    /// # Errors
    /// A size that is smaller than the picture, or larger than this crate reads and writes.
    pub fn size(self, [width, height]: [u32; 2], scale: usize) -> Result<[u32; 2], Error> {
        let [w, h] = [width, height].map(f64::from);
        let factor = match self {
            Self::Native => scale as f64,
            Self::Factor(factor) => factor,
            Self::Within(most_width, most_height) => {
                (f64::from(most_width) / w).min(f64::from(most_height) / h)
            }
        };
        if factor < 1.0 {
            return Err(Error::Settings(format!(
                "the picture has {width} x {height} pixels, more than fit into {self}: there is nothing to enlarge"
            )));
        }
        let size = [w, h].map(|side| (side * factor).round().max(1.0));
        let [wide, high] = size;
        let most = f64::from(MOST_SIDE);
        if wide > most || high > most {
            return Err(Error::Settings(format!(
                "{width} x {height} pixels would become {wide:.0} x {high:.0}, more than {MOST_SIDE} a side; choose a smaller factor"
            )));
        }
        let megapixels = flowinone_image::MAX_PIXELS / 1_000_000;
        if wide * high > flowinone_image::MAX_PIXELS as f64 {
            return Err(Error::Settings(format!(
                "{width} x {height} pixels would become {wide:.0} x {high:.0}, more than {megapixels} megapixels; choose a smaller factor"
            )));
        }
        Ok(size.map(|side| side as u32))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Native => f.write_str("native"),
            Self::Factor(factor) => write!(f, "{factor}x"),
            Self::Within(width, height) => write!(f, "{width}x{height}"),
        }
    }
}

impl From<Target> for String {
    fn from(target: Target) -> Self {
        target.to_string()
    }
}

impl TryFrom<String> for Target {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl FromStr for Target {
    type Err = Error;

    /// `2`, `2x`, `x2` and `1.5` are factors, `1024x768` and `1024` sizes in pixels.
    fn from_str(text: &str) -> Result<Self, Error> {
        let fail = || {
            Error::Settings(format!(
                "{text:?} is neither a factor of 1 to {MOST_FACTOR} (2, 1.5x) nor a size of 32 to {MOST_SIDE} pixels (1024, 1024x768)"
            ))
        };
        let text = text.trim().to_ascii_lowercase();
        if text == "native" {
            return Ok(Self::Native);
        }
        let side = |text: &str| {
            let side = text.parse::<u32>().ok();
            side.filter(|side| (1..=MOST_SIDE).contains(side))
        };
        if let Some((width, height)) = text.split_once('x')
            && !width.is_empty()
            && !height.is_empty()
        {
            let sides = side(width).zip(side(height));
            return sides.map(|(w, h)| Self::Within(w, h)).ok_or_else(fail);
        }
        let number = text.strip_prefix('x').or(text.strip_suffix('x'));
        let marked = number.is_some();
        let number = number.unwrap_or(&text);
        let factor: f64 = number.parse().map_err(|_| fail())?;
        if factor >= FIRST_SIDE && !marked {
            let side = side(number).ok_or_else(fail)?;
            return Ok(Self::Within(side, side));
        }
        match (1.0..=MOST_FACTOR).contains(&factor) {
            true => Ok(Self::Factor(factor)),
            false => Err(fail()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_and_sizes_are_told_apart() {
        for (text, target) in [
            ("2", Target::Factor(2.0)),
            ("x3", Target::Factor(3.0)),
            ("1.5X", Target::Factor(1.5)),
            ("512", Target::Within(512, 512)),
            ("1024x768", Target::Within(1024, 768)),
            ("native", Target::Native),
        ] {
            let read: Target = text.parse().unwrap();
            assert_eq!(read, target);
            assert_eq!(read.to_string().parse::<Target>().unwrap(), target);
        }
        for text in [
            "", "x", "NaN", "inf", "-2", "0", "0.5", "17", "17x", "1e9", "20000", "0x10", "1024x",
            "ax2", "2xx2",
        ] {
            let refused = text.parse::<Target>();
            assert!(refused.is_err(), "{text}: {refused:?}");
        }
    }

    #[test]
    fn sizes_keep_proportions_and_limits() {
        let size = |target: Target, from| target.size(from, 4).map_err(|e| e.to_string());
        assert_eq!(size(Target::Native, [30, 20]), Ok([120, 80]));
        assert_eq!(size(Target::Factor(1.5), [31, 21]), Ok([47, 32]));
        assert_eq!(size(Target::Within(1024, 768), [64, 64]), Ok([768, 768]));
        assert!(size(Target::Within(100, 100), [200, 1]).is_err());
        let text = size(Target::Native, [16_384, 1]).unwrap_err();
        assert!(
            text.contains("65536 x 4") && text.contains("16384 a side"),
            "{text}"
        );
        let text = size(Target::Factor(2.0), [8000, 8000]).unwrap_err();
        assert!(text.contains("64 megapixels"), "{text}");
    }
}
