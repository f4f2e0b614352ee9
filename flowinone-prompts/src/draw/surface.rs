//! The canvas under the pen: fills and strokes in reference pixels, 512 a side, on any side.

use image::{Rgb, RgbImage};
use tiny_skia::{
    Color, FillRule, LineCap, LineJoin, Paint, Path, PathBuilder, Pixmap, PremultipliedColorU8,
    Stroke, Transform,
};

use super::frame::REFERENCE_SIDE;
use super::{Colour, DrawnPrompt, Letter, PromptError};
use crate::error::within;

/// Smallest and largest side of a canvas, in pixels.
const SIDES: [u32; 2] = [16, 4096];

/// A square canvas.
pub(crate) struct Surface {
    pixels: Pixmap,
    scale: f32,
    letters: Vec<Letter>,
}

impl Surface {
    /// An error unless a canvas of `side` pixels can be drawn.
    pub(crate) fn check(side: u32) -> Result<(), PromptError> {
        let [least, most] = SIDES.map(|side| side as f32);
        within(
            "side of the canvas",
            side as f32,
            least,
            most,
            "16 to 4096 pixels",
        )
        .map(drop)
    }

    /// A canvas over a square picture.
    pub(crate) fn over(picture: &RgbImage) -> Self {
        let side = picture.width();
        let mut pixels = Pixmap::new(side, side).expect("a checked side");
        for (to, Rgb([red, green, blue])) in pixels.pixels_mut().iter_mut().zip(picture.pixels()) {
            *to = PremultipliedColorU8::from_rgba(*red, *green, *blue, 255).expect("opaque");
        }
        Self {
            pixels,
            scale: side as f32 / REFERENCE_SIDE as f32,
            letters: vec![],
        }
    }

    /// What was drawn.
    pub(crate) fn finish(self) -> DrawnPrompt {
        let side = self.pixels.width();
        let rgb = self.pixels.pixels().iter();
        let rgb = rgb.flat_map(|p| [p.red(), p.green(), p.blue()]).collect();
        DrawnPrompt {
            picture: RgbImage::from_raw(side, side, rgb).expect("three bytes for each pixel"),
            letters: self.letters,
        }
    }

    /// Takes down letters that were drawn, which stand at reference pixels.
    pub(crate) fn note(&mut self, letters: impl IntoIterator<Item = Letter>) {
        let side = REFERENCE_SIDE as f32;
        let in_fractions = letters.into_iter().map(|Letter { letter, at }| Letter {
            letter,
            at: at.map(|v| v / side),
        });
        self.letters.extend(in_fractions);
    }

    /// Fills a path, wholly or as a veil.
    pub(crate) fn fill(&mut self, path: &Path, colour: Colour, opacity: f32) {
        let transform = Transform::from_scale(self.scale, self.scale);
        let paint = paint(colour, opacity);
        self.pixels
            .fill_path(path, &paint, FillRule::Winding, transform, None);
    }

    /// Draws a path with a round pen.
    pub(crate) fn stroke(&mut self, path: &Path, colour: Colour, width: f32) {
        let stroke = Stroke {
            width,
            line_cap: LineCap::Round,
            line_join: LineJoin::Round,
            ..Stroke::default()
        };
        let transform = Transform::from_scale(self.scale, self.scale);
        self.pixels
            .stroke_path(path, &paint(colour, 1.0), &stroke, transform, None);
    }

    /// The outline of a rectangle, sharp on whole pixels and never thinner than one.
    pub(crate) fn frame(&mut self, edges: [f64; 4], colour: Colour, width: f32) {
        let scale = f64::from(self.scale);
        let line = (f64::from(width) * scale).round().max(1.0);
        let out = (line - 1.0) / 2.0;
        let [left, top, right, bottom] = edges.map(|edge| edge * scale);
        let [left, top] = [left - out, top - out].map(f64::round);
        let [right, bottom] = [right + out, bottom + out].map(f64::round);
        let side = i64::from(self.pixels.width());
        let Colour([red, green, blue]) = colour;
        let colour = PremultipliedColorU8::from_rgba(red, green, blue, 255).expect("opaque");
        for [x0, y0, x1, y1] in [
            [left, top, right, top + line],
            [left, bottom - line, right, bottom],
            [left, top, left + line, bottom],
            [right - line, top, right, bottom],
        ] {
            let [x0, y0, x1, y1] = [x0, y0, x1, y1].map(|v| (v as i64).clamp(0, side) as usize);
            for row in y0..y1 {
                let start = row * side as usize;
                self.pixels.pixels_mut()[start + x0..start + x1.max(x0)].fill(colour);
            }
        }
    }

    /// Blends black ink with a white halo, one pair of coverages (ink, halo) for each pixel.
    pub(crate) fn ink(&mut self, coverage: impl Iterator<Item = [u8; 2]>) {
        for (pixel, [ink, halo]) in self.pixels.pixels_mut().iter_mut().zip(coverage) {
            let mix = |value: u8| {
                let lit = u32::from(value) * u32::from(255 - halo) + 255 * u32::from(halo);
                ((lit * u32::from(255 - ink) + 255 * 255 / 2) / (255 * 255)) as u8
            };
            *pixel = PremultipliedColorU8::from_rgba(
                mix(pixel.red()),
                mix(pixel.green()),
                mix(pixel.blue()),
                255,
            )
            .expect("opaque");
        }
    }
}

/// A path through points, or a dot if there is only one; `None` without points.
pub(crate) fn polyline(points: &[[f64; 2]], closed: bool) -> Option<Path> {
    let mut path = PathBuilder::new();
    let (first, rest) = points.split_first()?;
    path.move_to(first[0] as f32, first[1] as f32);
    for [x, y] in rest {
        path.line_to(*x as f32, *y as f32);
    }
    if rest.is_empty() {
        path.line_to(first[0] as f32 + 0.01, first[1] as f32);
    }
    if closed && rest.len() > 1 {
        path.close();
    }
    path.finish()
}

/// The triangle of an arrow's head: `(path, where the shaft ends)`.
pub(crate) fn arrow_head(
    from: [f64; 2],
    tip: [f64; 2],
    length: f64,
    half_width: f64,
) -> Option<(Path, [f64; 2])> {
    let [dx, dy] = [tip[0] - from[0], tip[1] - from[1]];
    let distance = dx.hypot(dy);
    let [dx, dy] = [dx / distance, dy / distance];
    // A short arrow gets a smaller head.
    let shrink = (0.6 * distance / length).min(1.0);
    let (length, half_width) = (length * shrink, half_width * shrink);
    let base = [tip[0] - dx * length, tip[1] - dy * length];
    let corner = |side: f64| {
        [
            base[0] - dy * half_width * side,
            base[1] + dx * half_width * side,
        ]
    };
    let path = polyline(&[tip, corner(1.0), corner(-1.0)], true)?;
    Some((
        path,
        [base[0] + dx * length / 4.0, base[1] + dy * length / 4.0],
    ))
}

fn paint(Colour([red, green, blue]): Colour, opacity: f32) -> Paint<'static> {
    let mut paint = Paint::default();
    let mut colour = Color::from_rgba8(red, green, blue, 255);
    colour.set_alpha(opacity);
    paint.set_color(colour);
    paint.anti_alias = true;
    paint
}
