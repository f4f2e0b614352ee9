//! A drawn icon: the pixels of it that can be seen, and where they lie.

use resvg::tiny_skia::Pixmap;

use super::colour::tinted;

/// A drawn icon, trimmed to its visible pixels.
#[derive(Debug)]
pub struct Sprite {
    /// Premultiplied RGBA, row by row.
    pub pixels: Vec<[u8; 4]>,
    /// Size of the trimmed picture.
    pub size: [u32; 2],
    /// Place of its left upper pixel, relative to the icon's centre.
    pub offset: [f32; 2],
}

/// The visible part of a canvas whose centre lies at `half`, tinted.
pub(crate) fn trimmed(canvas: &Pixmap, half: f32, tint: Option<[u8; 3]>) -> Option<Sprite> {
    let side = canvas.width() as usize;
    let (pixels, _) = canvas.data().as_chunks::<4>();
    let visible = |x: usize, y: usize| pixels[y * side + x][3] > 0;
    let top = (0..side).find(|&y| (0..side).any(|x| visible(x, y)))?;
    let bottom = (top..side).rfind(|&y| (0..side).any(|x| visible(x, y)))?;
    let left = (0..side).find(|&x| (top..=bottom).any(|y| visible(x, y)))?;
    let right = (left..side).rfind(|&x| (top..=bottom).any(|y| visible(x, y)))?;
    let mut kept = Vec::with_capacity((right - left + 1) * (bottom - top + 1));
    for y in top..=bottom {
        let row = &pixels[y * side + left..=y * side + right];
        match tint {
            Some(tint) => kept.extend(row.iter().map(|&pixel| tinted(pixel, tint))),
            None => kept.extend_from_slice(row),
        }
    }
    Some(Sprite {
        pixels: kept,
        size: [(right - left + 1) as u32, (bottom - top + 1) as u32],
        offset: [left as f32 - half, top as f32 - half],
    })
}
