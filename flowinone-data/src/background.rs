//! What lies behind the objects: a plain colour, a gradient, or a simple pattern in two tones.

use image::{Rgb, RgbImage};
use serde::{Deserialize, Serialize};

use super::colour::{Colour, ColourName, blend};
use super::draw::{Draw, scramble};

/// The background of a scene; people would name it by one colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case",
    deny_unknown_fields
)]
pub enum SceneBackground {
    /// One colour.
    Plain {
        /// The colour.
        colour: Colour,
    },
    /// From the colour to another shade of it.
    Gradient {
        /// The colour at the start.
        colour: Colour,
        /// The shade at the end, 8-bit sRGB.
        to: [u8; 3],
        /// From left to right; otherwise from top to bottom.
        across: bool,
    },
    /// A pattern in the colour and another shade of it.
    Texture {
        /// The colour.
        colour: Colour,
        /// The other shade, 8-bit sRGB.
        second: [u8; 3],
        /// The pattern.
        pattern: Pattern,
        /// Cells of the pattern along the canvas.
        cells: u32,
    },
}

/// A simple pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pattern {
    /// Horizontal bands.
    Bands,
    /// A chessboard.
    Checks,
    /// Round dots.
    Dots,
    /// Cells in random shades between the two.
    Grain,
}

impl SceneBackground {
    /// The colour that people would name.
    pub fn colour(&self) -> Colour {
        match *self {
            Self::Plain { colour }
            | Self::Gradient { colour, .. }
            | Self::Texture { colour, .. } => colour,
        }
    }

    /// A background of colour `name`: plain for half of all draws, else a gradient or a texture.
    pub(crate) fn draw(name: ColourName, draw: &mut Draw) -> Self {
        Self::of(Colour::near(name, 8, draw), draw)
    }

    /// A ground of `colour`: plain for half of all draws, else a gradient or a texture.
    pub(crate) fn of(colour: Colour, draw: &mut Draw) -> Self {
        match draw.below(10) {
            0..=4 => Self::Plain { colour },
            5..=7 => {
                let end = *draw.pick(&[[255; 3], [30; 3]]);
                Self::Gradient {
                    colour,
                    to: blend(colour.rgb, end, draw.between(0.15, 0.4)),
                    across: draw.chance(0.3),
                }
            }
            _ => {
                let end = *draw.pick(&[[255; 3], [30; 3]]);
                Self::Texture {
                    colour,
                    second: blend(colour.rgb, end, draw.between(0.06, 0.14)),
                    pattern: *draw.pick(&[
                        Pattern::Bands,
                        Pattern::Checks,
                        Pattern::Dots,
                        Pattern::Grain,
                    ]),
                    cells: 6 + draw.below(8) as u32,
                }
            }
        }
    }

    /// A plain background of colour `name`.
    pub(crate) fn plain(name: ColourName, draw: &mut Draw) -> Self {
        let colour = Colour::near(name, 8, draw);
        Self::Plain { colour }
    }

    /// The background alone on a square canvas.
    pub fn render(&self, side: u32) -> RgbImage {
        match *self {
            Self::Plain { colour } => RgbImage::from_pixel(side, side, Rgb(colour.rgb)),
            Self::Gradient { colour, to, across } => {
                let share = |at: u32| (at as f32 + 0.5) / side as f32;
                let line: Vec<_> = (0..side)
                    .map(|at| blend(colour.rgb, to, share(at)))
                    .collect();
                RgbImage::from_fn(side, side, |x, y| {
                    Rgb(line[if across { x } else { y } as usize])
                })
            }
            Self::Texture {
                colour,
                second,
                pattern,
                cells,
            } => {
                let cell = side as f32 / cells.max(1) as f32;
                RgbImage::from_fn(side, side, |x, y| {
                    let (u, v) = ((x as f32 + 0.5) / cell, (y as f32 + 0.5) / cell);
                    Rgb(blend(colour.rgb, second, pattern.share(u, v)))
                })
            }
        }
    }
}

impl Pattern {
    /// How much of the second shade shows at `(u, v)`, counted in cells.
    fn share(self, u: f32, v: f32) -> f32 {
        let odd = |n: i32| (n.rem_euclid(2)) as f32;
        match self {
            Self::Bands => odd(v as i32),
            Self::Checks => odd(u as i32 + v as i32),
            Self::Dots => {
                let (du, dv) = (u.fract() - 0.5, v.fract() - 0.5);
                f32::from(u8::from(du * du + dv * dv < 0.08))
            }
            Self::Grain => {
                let cell = scramble((u * 2.0) as u64, (v * 2.0) as u64);
                (cell >> 40) as f32 / (1 << 24) as f32
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ground_stays_near_the_colour_it_is_named_by() {
        for index in 0..200 {
            let mut draw = Draw::new(1, 0, index);
            let name = *draw.pick(&ColourName::ALL);
            let ground = SceneBackground::draw(name, &mut draw);
            let picture = ground.render(32);
            let of = |c: usize| picture.pixels().map(|p| f32::from(p.0[c])).sum::<f32>() / 1024.0;
            for c in 0..3 {
                let distance = (of(c) - f32::from(name.rgb()[c])).abs();
                assert!(
                    distance < 60.0,
                    "{ground:?}: channel {c} is off by {distance}"
                );
            }
        }
    }

    #[test]
    fn a_gradient_runs_from_its_colour_to_the_other() {
        let ground = SceneBackground::Gradient {
            colour: ColourName::Blue.into(),
            to: [255; 3],
            across: false,
        };
        let picture = ground.render(64);
        let red = |y| picture.get_pixel(5, y).0[0];
        assert!(red(0) < 90 && red(63) > 250 && (0..63).all(|y| red(y) <= red(y + 1)));
    }
}
