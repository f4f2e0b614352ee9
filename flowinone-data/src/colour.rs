//! Ten colours that everyone can name, for backgrounds and for tinted objects.

use flowinone_image::{lab, lab_distance};
use serde::{Deserialize, Serialize};

use super::draw::Draw;

/// A colour by its everyday name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "a colour's name says it all")]
pub enum ColourName {
    White,
    Gray,
    Brown,
    Red,
    Orange,
    Yellow,
    Green,
    Blue,
    Purple,
    Pink,
}

impl ColourName {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::White,
        Self::Gray,
        Self::Brown,
        Self::Red,
        Self::Orange,
        Self::Yellow,
        Self::Green,
        Self::Blue,
        Self::Purple,
        Self::Pink,
    ];

    /// Those strong enough to tint an object with.
    pub const STRONG: [Self; 6] = [
        Self::Red,
        Self::Yellow,
        Self::Green,
        Self::Blue,
        Self::Purple,
        Self::Pink,
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::White => "white",
            Self::Gray => "gray",
            Self::Brown => "brown",
            Self::Red => "red",
            Self::Orange => "orange",
            Self::Yellow => "yellow",
            Self::Green => "green",
            Self::Blue => "blue",
            Self::Purple => "purple",
            Self::Pink => "pink",
        }
    }

    /// The colour itself, 8-bit sRGB, without jitter.
    pub fn rgb(self) -> [u8; 3] {
        match self {
            Self::White => [245, 245, 242],
            Self::Gray => [160, 164, 168],
            Self::Brown => [142, 102, 72],
            Self::Red => [216, 74, 66],
            Self::Orange => [240, 150, 60],
            Self::Yellow => [236, 216, 96],
            Self::Green => [104, 180, 98],
            Self::Blue => [84, 134, 224],
            Self::Purple => [150, 108, 206],
            Self::Pink => [244, 160, 200],
        }
    }
}

/// One shade of a named colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Colour {
    /// What people call it.
    pub name: ColourName,
    /// The shade, 8-bit sRGB.
    pub rgb: [u8; 3],
}

impl From<ColourName> for Colour {
    fn from(name: ColourName) -> Self {
        Self {
            name,
            rgb: name.rgb(),
        }
    }
}

impl Colour {
    /// A shade of `name` within `spread` of it in each channel.
    pub(crate) fn near(name: ColourName, spread: u8, draw: &mut Draw) -> Self {
        let spread = f32::from(spread);
        let rgb = name
            .rgb()
            .map(|v| (f32::from(v) + draw.between(-spread, spread)).round() as u8);
        Self { name, rgb }
    }

    /// Any shade that people would still call `name`: of all names, its plainest shade is the
    /// nearest by far.
    pub(crate) fn shade(name: ColourName, draw: &mut Draw) -> Self {
        if draw.chance(0.4) {
            return Self::near(name, 8, draw);
        }
        for _ in 0..40 {
            let end = *draw.pick(&[[255; 3], [0; 3]]);
            let toward = blend(name.rgb(), end, draw.between(0.0, 0.4));
            let rgb = toward.map(|v| {
                let moved = f32::from(v) + draw.between(-24.0, 24.0);
                moved.round().clamp(0.0, 255.0) as u8
            });
            let own = distance(rgb, name.rgb());
            let others = ColourName::ALL.iter().filter(|other| **other != name);
            if others
                .into_iter()
                .all(|other| distance(rgb, other.rgb()) > 1.25 * own)
            {
                return Self { name, rgb };
            }
        }
        name.into()
    }
}

/// How different two 8-bit sRGB colours look.
fn distance(a: [u8; 3], b: [u8; 3]) -> f32 {
    let [a, b] = [a, b].map(|rgb| lab(rgb.map(f32::from)));
    lab_distance(a, b)
}

/// `share` of the way from one colour to another.
pub(crate) fn blend(from: [u8; 3], to: [u8; 3], share: f32) -> [u8; 3] {
    std::array::from_fn(|c| {
        let (a, b) = (f32::from(from[c]), f32::from(to[c]));
        (a + (b - a) * share).round() as u8
    })
}

/// The same drawing in shades of one colour: black stays dark, white stays light.
/// `pixel` is premultiplied RGBA.
pub(crate) fn tinted(pixel: [u8; 4], tint: [u8; 3]) -> [u8; 4] {
    let [red, green, blue, alpha] = pixel.map(f32::from);
    if alpha == 0.0 {
        return pixel;
    }
    let light = (0.299 * red + 0.587 * green + 0.114 * blue) / alpha;
    let shade = match light < 0.5 {
        true => blend(tint.map(|v| v / 4), tint, light * 2.0),
        false => blend(tint, [255; 3], (light - 0.5) * 1.1),
    };
    let [r, g, b] = shade.map(|v| (f32::from(v) * alpha / 255.0).round() as u8);
    [r, g, b, pixel[3]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tinting_keeps_light_and_dark_apart_and_takes_the_hue() {
        let blue = ColourName::Blue.rgb();
        let [dark, middle, light] = [20u8, 128, 250].map(|v| tinted([v, v, v, 255], blue));
        assert!(dark[2] < middle[2] && middle[0] < light[0]);
        for shade in [dark, middle, light] {
            assert!(shade[2] >= shade[0] && shade[3] == 255, "{shade:?}");
        }
        assert_eq!(tinted([0; 4], blue), [0; 4]);
    }

    #[test]
    fn every_shade_is_nearest_to_its_own_name_and_most_are_not_the_plainest() {
        let mut draw = Draw::new(4, 0, 0);
        let mut far = 0;
        for _ in 0..50 {
            for name in ColourName::ALL {
                let shade = Colour::shade(name, &mut draw).rgb;
                let nearest = ColourName::ALL
                    .into_iter()
                    .min_by(|a, b| distance(shade, a.rgb()).total_cmp(&distance(shade, b.rgb())));
                assert_eq!(nearest, Some(name), "{shade:?}");
                far += usize::from(distance(shade, name.rgb()) > 6.0);
            }
        }
        assert!(far > 150, "only {far} of 500 differ visibly");
    }

    #[test]
    fn a_name_is_its_serialised_form() {
        for name in ColourName::ALL {
            assert_eq!(serde_json::to_value(name).unwrap(), name.word());
        }
    }
}
