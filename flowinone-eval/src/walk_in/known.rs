//! The known things, drawn at any place and size: what a thing in the picture is compared with.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::areas::{SIDE, means, spans};
use super::mask::{Mask, none};
use flowinone_data::{self as data, Icons, Object, Sprite};

/// Side of an icon's square in the drawing that all sizes are made from, in pixels.
const DRAWN: u32 = 128;
/// Rotations are rounded to these many degrees, so that drawings are used again; half of them moves
/// the end of a thing as wide as the picture by less than an area.
const TURN: f32 = 3.0;
/// Drawings that are kept for the next use, about 20 KB each.
const KEPT: usize = 4000;

/// One known thing in its style, rotation and tint.
pub(super) struct Known {
    /// What it is.
    pub(super) class: String,
    /// Width and height of what is seen of it, in sides of the icon's square.
    pub(super) extent: [f32; 2],
    /// Middle of what is seen of it, from the middle of the square.
    offset: [f32; 2],
    /// The drawing, and coarser ones, each with half the side of the one before.
    levels: Vec<Level>,
}

/// Premultiplied RGBA, row by row.
struct Level {
    pixels: Vec<[u8; 4]>,
    width: usize,
}

/// A thing drawn on the grid of areas: premultiplied RGBA, 0 to 255.
pub(super) struct Stamp {
    /// Column and row of its left upper area; may lie outside of the picture.
    pub(super) corner: [i32; 2],
    pub(super) width: usize,
    pub(super) pixels: Vec<[f32; 4]>,
}

impl Known {
    fn new(icons: &Icons, object: &Object) -> Result<Self, data::Error> {
        let sprite = icons.sprite(object, DRAWN)?;
        let Sprite { size, offset, .. } = &*sprite;
        let share = |pixels: f32| pixels / DRAWN as f32;
        let mut levels = vec![Level {
            pixels: sprite.pixels.clone(),
            width: size[0] as usize,
        }];
        while let Some(last) = levels
            .last()
            .filter(|last| last.width.min(last.height()) > 8)
        {
            levels.push(last.halved());
        }
        Ok(Self {
            class: object.class.clone(),
            extent: size.map(|size| share(size as f32)),
            offset: [0, 1].map(|axis| share(offset[axis] + size[axis] as f32 / 2.0)),
            levels,
        })
    }

    /// Where the middle of what is seen of `object` lies, in fractions of the side.
    pub(super) fn middle(&self, object: &Object) -> [f32; 2] {
        [0, 1].map(|axis| object.center[axis] + object.size * self.offset[axis])
    }

    /// The thing with the middle of what is seen of it at `middle` and an icon's square of `size`,
    /// both in cells of a grid.
    pub(super) fn drawn(&self, middle: [f32; 2], size: f32) -> Stamp {
        // The coarsest level that still has two pixels a cell.
        let scale = f64::from(DRAWN) / f64::from(size);
        let level = ((scale / 2.0).log2().max(0.0) as usize).min(self.levels.len() - 1);
        let scale = scale / f64::from(1u32 << level);
        let level = &self.levels[level];
        let first = |axis: usize| middle[axis] - self.extent[axis] * size / 2.0;
        let corner = [0, 1].map(|axis| first(axis).floor() as i32);
        let axis = |axis: usize, length: usize| {
            let from = f64::from(corner[axis] as f32 - first(axis)) * scale;
            let end = first(axis) + self.extent[axis] * size;
            let cells = (end.ceil() as i32 - corner[axis]).max(1) as usize;
            spans(from, scale, cells, length)
        };
        let (across, down) = (axis(0, level.width), axis(1, level.height()));
        Stamp {
            corner,
            width: across.len(),
            pixels: means(&level.pixels, level.width, &across, &down),
        }
    }
}

impl Level {
    fn height(&self) -> usize {
        self.pixels.len() / self.width
    }

    /// Means of 2 x 2 pixels; at odd ends, what lies beyond counts as nothing.
    fn halved(&self) -> Self {
        let axis = |length: usize| spans(0.0, 2.0, length.div_ceil(2), length);
        let (across, down) = (axis(self.width), axis(self.height()));
        let pixels = means(&self.pixels, self.width, &across, &down);
        Self {
            pixels: pixels.iter().map(|p| p.map(|v| v.round() as u8)).collect(),
            width: across.len(),
        }
    }
}

impl Stamp {
    /// The areas of the picture of which it covers at least `share`.
    pub(super) fn mask(&self, share: f32) -> Mask {
        let mut mask = none();
        for (number, pixel) in self.pixels.iter().enumerate() {
            let x = self.corner[0] + (number % self.width) as i32;
            let y = self.corner[1] + (number / self.width) as i32;
            let inside = |v: i32| (0..SIDE as i32).contains(&v);
            if inside(x) && inside(y) && pixel[3] >= share * 255.0 {
                mask[y as usize * SIDE + x as usize] = true;
            }
        }
        mask
    }
}

/// The drawings of an icon set, made when they are first asked for.
pub(super) struct Cabinet {
    icons: Arc<Icons>,
    drawings: Mutex<HashMap<Key, Arc<Known>>>,
}

/// Style, class, rotation in steps, and tint.
type Key = (String, String, i32, Option<[u8; 3]>);

impl Cabinet {
    pub(super) fn new(icons: Arc<Icons>) -> Self {
        Self {
            icons,
            drawings: Mutex::default(),
        }
    }

    pub(super) fn icons(&self) -> &Icons {
        &self.icons
    }

    /// `class`, drawn like `object`.
    pub(super) fn known(&self, object: &Object, class: &str) -> Result<Arc<Known>, data::Error> {
        let turn = (object.rotation / TURN).round();
        let tint = object.tint.map(|tint| tint.rgb);
        let key = (object.style.clone(), class.to_string(), turn as i32, tint);
        let lock = || self.drawings.lock().expect("no thread panics in it");
        if let Some(known) = lock().get(&key) {
            return Ok(known.clone());
        }
        let alike = Object {
            class: class.into(),
            size: 1.0,
            rotation: turn * TURN,
            ..object.clone()
        };
        let known = Arc::new(Known::new(&self.icons, &alike)?);
        let mut drawings = lock();
        if drawings.len() >= KEPT {
            drawings.clear();
        }
        drawings.insert(key, known.clone());
        Ok(known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::walk_in::areas::areas;
    use flowinone_data::{ColourName, Scene, SceneBackground};

    #[test]
    fn a_stamp_covers_what_the_scene_shows() {
        let icons = Arc::new(Icons::builtin());
        let cabinet = Cabinet::new(icons.clone());
        let ground = [255.0 - 10.0; 3];
        for (class, size) in [("apple", 0.3), ("key", 0.55), ("fish", 0.2)] {
            let object = Object {
                class: class.into(),
                style: "flat".into(),
                center: [0.43, 0.61],
                size,
                rotation: 0.0,
                tint: None,
            };
            let scene = Scene {
                ground: SceneBackground::Plain {
                    colour: flowinone_data::Colour {
                        name: ColourName::White,
                        rgb: [245; 3],
                    },
                },
                objects: vec![object.clone()],
            };
            let seen = areas(&scene.render(&icons, 512).unwrap());
            let known = cabinet.known(&object, class).unwrap();
            let middle = known.middle(&object).map(|v| v * SIDE as f32);
            let stamp = known.drawn(middle, size * SIDE as f32);
            let (mut error, mut contrast) = (0.0, 0.0);
            for (number, pixel) in stamp.pixels.iter().enumerate() {
                let x = stamp.corner[0] as usize + number % stamp.width;
                let y = stamp.corner[1] as usize + number / stamp.width;
                for c in 0..3 {
                    let drawn = pixel[c] + (1.0 - pixel[3] / 255.0) * ground[c];
                    error += (drawn - seen[y * SIDE + x][c]).powi(2);
                    contrast += (ground[c] - seen[y * SIDE + x][c]).powi(2);
                }
            }
            // Coarser levels and the rounding of places to pixels: a percent.
            assert!(error < 0.02 * contrast, "{class}: {error} of {contrast}");
        }
    }
}
