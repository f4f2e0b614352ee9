//! A scene: named icons on a background, complete as data, drawn at any size with exact boxes.

use image::{Rgb, RgbImage};
use serde::{Deserialize, Serialize};

use super::{Error, Icons, Object, PixelBox, SceneBackground, Sprite};

/// Longest side of a drawn scene, in pixels.
const MAX_SIDE: u32 = 4096;

/// Everything that is to be seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scene {
    /// What lies behind.
    pub ground: SceneBackground,
    /// The things, those behind first.
    pub objects: Vec<Object>,
}

impl Object {
    /// Left upper pixel of its sprite on a canvas of `side` pixels.
    fn corner(&self, sprite: &Sprite, side: u32) -> [i64; 2] {
        std::array::from_fn(|axis| {
            (self.center[axis] * side as f32 + sprite.offset[axis]).round() as i64
        })
    }

    /// The pixels that it touches on a canvas of `side` pixels, `None` if it lies outside.
    ///
    /// # Errors
    /// An icon that was not loaded or cannot be drawn.
    pub fn bounds(&self, icons: &Icons, side: u32) -> Result<Option<PixelBox>, Error> {
        let sprite = icons.sprite(self, side)?;
        let corner = self.corner(&sprite, side);
        let (mut from, mut size) = ([0; 2], [0; 2]);
        for axis in 0..2 {
            let first = corner[axis].clamp(0, i64::from(side));
            let end = (corner[axis] + i64::from(sprite.size[axis])).clamp(0, i64::from(side));
            from[axis] = first as u32;
            size[axis] = (end - first) as u32;
        }
        Ok((size[0] > 0 && size[1] > 0).then_some(PixelBox {
            x: from[0],
            y: from[1],
            width: size[0],
            height: size[1],
        }))
    }
}

impl Scene {
    /// The picture of the scene, square.
    ///
    /// # Errors
    /// An icon that was not loaded, or a number that makes no sense.
    pub fn render(&self, icons: &Icons, side: u32) -> Result<RgbImage, Error> {
        if !(1..=MAX_SIDE).contains(&side) {
            let reason = format!("{side} pixels a side, expected 1 to {MAX_SIDE}");
            return Err(Error::Scene(reason));
        }
        let mut picture = self.ground.render(side);
        for object in &self.objects {
            if !object.center.iter().all(|v| v.is_finite()) {
                let reason = format!("{:?} lies at {:?}", object.class, object.center);
                return Err(Error::Scene(reason));
            }
            let sprite = icons.sprite(object, side)?;
            put(&mut picture, &sprite, object.corner(&sprite, side));
        }
        Ok(picture)
    }
}

/// Lays a premultiplied sprite over the picture: `s + (1 - alpha) * p`.
fn put(picture: &mut RgbImage, sprite: &Sprite, [left, top]: [i64; 2]) {
    let [width, height] = sprite.size.map(i64::from);
    let side = i64::from(picture.width());
    let columns = (-left).clamp(0, width)..(side - left).clamp(0, width);
    for row in (-top).clamp(0, height)..(side - top).clamp(0, height) {
        for column in columns.clone() {
            let [red, green, blue, alpha] = sprite.pixels[(row * width + column) as usize];
            if alpha == 0 {
                continue;
            }
            let Rgb(under) = picture.get_pixel_mut((left + column) as u32, (top + row) as u32);
            let rest = u32::from(255 - alpha);
            for (under, over) in under.iter_mut().zip([red, green, blue]) {
                let seen = (u32::from(*under) * rest + 127) / 255 + u32::from(over);
                *under = seen.min(255) as u8;
            }
        }
    }
}
