//! Outlined text: the outline below, the letters above it, in a block that never leaves the canvas.

use tiny_skia::{Path, Transform};

use super::frame::REFERENCE_SIDE;
use super::layout::{Block, Text};
use super::surface::Surface;
use super::text_style::Area;
use super::{PromptError, TextStyle};

/// Writes `text` where its style puts it.
pub(crate) fn write(
    surface: &mut Surface,
    what: &'static str,
    text: &str,
    style: &TextStyle,
) -> Result<(), PromptError> {
    let area = style.area();
    let text = Text::new(what, text, style)?;
    let block = text.fit(area.right - area.left, area.bottom - area.top)?;
    draw(surface, &text, &block, style, area);
    Ok(())
}

/// Draws a block that fits `area`.
pub(crate) fn draw(
    surface: &mut Surface,
    text: &Text,
    block: &Block,
    style: &TextStyle,
    area: Area,
) {
    let free = (area.bottom - area.top - text.height(block)).max(0.0);
    let top = area.top + free * style.place;
    let (path, letters) = text.path(block, [area.left, area.right], top);
    let Some(path) = path else {
        return;
    };
    let path = on_canvas(path, style.outline_width);
    surface.note(letters);
    if style.outline_width > 0.0 {
        surface.stroke(&path, style.outline, 2.0 * style.outline_width);
    }
    surface.fill(&path, style.fill, 1.0);
}

/// Piled accents can rise above their line: such a block is moved back onto the canvas.
fn on_canvas(path: Path, outline: f32) -> Path {
    let bounds = path.bounds();
    let (least, most) = (outline + 1.0, REFERENCE_SIDE as f32 - outline - 1.0);
    let back = |low: f32, high: f32| (least - low).max(0.0) + (most - high).min(0.0);
    let [x, y] = [
        back(bounds.left(), bounds.right()),
        back(bounds.top(), bounds.bottom()),
    ];
    match x == 0.0 && y == 0.0 {
        true => path,
        false => path
            .clone()
            .transform(Transform::from_translate(x, y))
            .unwrap_or(path),
    }
}
