//! A label: text of one size, limited to a number of lines; text that is too long ends in "…".

use image::{Rgb, RgbImage};
use tiny_skia::{Color, FillRule, Paint, Path, Pixmap, Transform};

use flowinone_prompts::layout::Text;
use flowinone_prompts::{Align, PromptError, TextStyle, Typeface};

/// Stands for characters that the face lacks.
const UNKNOWN: char = '?';

/// Where and how a text is set; lengths in pixels.
pub(super) struct Setting {
    pub(super) face: Typeface,
    pub(super) size: f32,
    pub(super) align: Align,
    pub(super) width: u32,
    /// Most lines.
    pub(super) lines: u16,
}

/// A text that was set, from the left upper corner of its area on.
pub(super) struct Label {
    path: Path,
    width: u32,
    /// Height of its lines.
    pub(super) height: u32,
}

impl Label {
    /// Sets a text; `None` if nothing of it can be seen.
    pub(super) fn new(text: &str, setting: &Setting) -> Option<Self> {
        let style = TextStyle {
            face: setting.face,
            size: setting.size,
            outline_width: 0.0,
            line_height: 1.15,
            align: setting.align,
            ..TextStyle::default()
        };
        let [above, below] = setting.face.extents();
        let pitches = f32::from(setting.lines.max(1) - 1) * style.line_height;
        // Half a pixel, so that rounding costs no line.
        let most = (above + below + pitches) * setting.size + 0.5;
        let width = setting.width as f32;
        let mut shown = text.to_string();
        let mut kept = usize::MAX;
        loop {
            let fault = match Text::new("label", &shown, &style) {
                Ok(set) => match set.fit(width, most) {
                    Ok(block) => {
                        return Some(Self {
                            path: set.path(&block, [0.0, width], 0.0).0?,
                            width: setting.width,
                            height: set.height(&block).ceil() as u32,
                        });
                    }
                    Err(fault) => fault,
                },
                Err(fault) => fault,
            };
            shown = match fault {
                PromptError::MissingGlyphs { glyphs, .. } => {
                    let known = |c| if glyphs.contains(&c) { UNKNOWN } else { c };
                    shown.chars().map(known).collect()
                }
                PromptError::TooLong { fits, .. } if kept > 0 => {
                    kept = fits.min(kept.saturating_sub(1)).saturating_sub(1);
                    let begin: String = shown.trim().chars().take(kept).collect();
                    format!("{}…", begin.trim_end_matches([' ', '…', ',', '.']))
                }
                _ => return None,
            };
        }
    }

    /// The part of its area that has ink, from the left edge on.
    pub(super) fn ink_width(&self) -> u32 {
        self.path.bounds().right().ceil().max(0.0) as u32
    }

    /// Draws the text with the left upper corner of its area at `(x, y)`.
    pub(super) fn draw(&self, onto: &mut RgbImage, [x, y]: [u32; 2], Rgb(ink): Rgb<u8>) {
        let Some(mut area) = Pixmap::new(self.width, self.height) else {
            return;
        };
        let mut paint = Paint::default();
        paint.set_color(Color::BLACK);
        paint.anti_alias = true;
        area.fill_path(
            &self.path,
            &paint,
            FillRule::Winding,
            Transform::identity(),
            None,
        );
        for (at, covered) in area.pixels().iter().enumerate() {
            let at = at as u32;
            let (x, y) = (x + at % self.width, y + at / self.width);
            if covered.alpha() > 0 && x < onto.width() && y < onto.height() {
                let Rgb(below) = onto.get_pixel_mut(x, y);
                let alpha = u32::from(covered.alpha());
                for (value, ink) in below.iter_mut().zip(ink) {
                    let mixed = u32::from(*value) * (255 - alpha) + u32::from(ink) * alpha;
                    *value = ((mixed + 127) / 255) as u8;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(width: u32, lines: u16) -> Setting {
        Setting {
            face: Typeface::Serif,
            size: 13.0,
            align: Align::Left,
            width,
            lines,
        }
    }

    #[test]
    fn a_long_text_keeps_its_lines_and_its_width() {
        let one = Label::new("one", &setting(120, 3)).unwrap().height;
        for text in ["word ".repeat(400), "w".repeat(9000), "é".repeat(300)] {
            let label = Label::new(&text, &setting(120, 3)).unwrap();
            assert!(
                (2 * one..=3 * one).contains(&label.height),
                "{}",
                label.height
            );
            assert!(label.ink_width() <= 120);
        }
    }

    #[test]
    fn what_the_face_lacks_is_shown_as_such_and_nothing_is_nothing() {
        let one = setting(200, 1);
        let [a, b] = ["a 猫 b", "a ? b"].map(|text| Label::new(text, &one).unwrap().ink_width());
        assert_eq!(a, b);
        assert!(Label::new("  ", &one).is_none());
    }
}
