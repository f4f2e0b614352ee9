//! How well a drawn object explains a picture, in front of what truly lies behind it:
//! `gain(d) = sum |r - b|^2 - |r - c(d)|^2` with `c(d) = s(d) + (1 - alpha(d)) b`.
//!
//! `r` is the picture, `b` the true scene without the object, `s(d)` the object's sprite moved by
//! `d` pixels. Over the whole picture the first square is the same for every class and place, so
//! that the largest gain is the least mean square; only pixels under the sprite need to be visited.

use std::sync::Arc;

use image::RgbImage;

use super::Error;
use super::coarse::{Levels, reduced, reduced_sprite};
use flowinone_data::{Icons, Object, Scene, Sprite};

/// Corners further out are all equally out of sight.
const FAR: f32 = 1e6;

/// What a placed object explains of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fit {
    /// By how much the squared error falls when the object is drawn.
    pub(crate) gain: i64,
    /// Squared difference of the drawn object from what lies behind it.
    contrast: i64,
}

impl Fit {
    /// Out of the picture: as if only the background were seen of something hardly there.
    const OUTSIDE: Self = Self {
        gain: -1,
        contrast: 1,
    };

    /// The share of the object's contrast that the picture shows: 1 for the object itself, 0
    /// halfway, -1 where only the background is seen.
    pub(crate) fn share(self) -> f64 {
        match self.contrast {
            0 => 1.0, // an object that looks like the ground is always there
            contrast => self.gain as f64 / contrast as f64,
        }
    }
}

/// A fit, and the shift in pixels at which it was found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placed {
    pub(crate) fit: Fit,
    pub(crate) shift: [i64; 2],
}

/// A drawn object, and where its left upper pixel belongs.
pub(crate) struct Stamp {
    sprite: Arc<Sprite>,
    corner: [i64; 2],
}

/// A picture before the true scene without one of its objects.
struct Backdrop<'a> {
    picture: &'a RgbImage,
    behind: RgbImage,
}

impl Backdrop<'_> {
    fn fit(&self, stamp: &Stamp, shift: [i64; 2]) -> Fit {
        let side = self.picture.width() as usize;
        let sprite = &stamp.sprite;
        let [width, height] = sprite.size.map(|size| size as usize);
        let [left, top] = [0, 1].map(|axis| stamp.corner[axis] + shift[axis]);
        let visible = |corner: i64, size: usize| {
            let from = (-corner).clamp(0, size as i64) as usize;
            let end = (side as i64 - corner).clamp(0, size as i64) as usize;
            from..end.max(from)
        };
        let columns = visible(left, width);
        let rows = visible(top, height);
        if columns.is_empty() || rows.is_empty() {
            return Fit::OUTSIDE;
        }
        let first = (left + columns.start as i64) as usize;
        let (mut gain, mut contrast) = (0, 0);
        for row in rows {
            let start = (top + row as i64) as usize * side + first;
            let line = 3 * start..3 * (start + columns.len());
            let (pixels, _) = self.picture.as_raw()[line.clone()].as_chunks::<3>();
            let (behind, _) = self.behind.as_raw()[line].as_chunks::<3>();
            let over = &sprite.pixels[row * width..][columns.clone()];
            let (mut row_gain, mut row_contrast) = (0i32, 0i32);
            for ((pixel, behind), over) in pixels.iter().zip(behind).zip(over) {
                let rest = 255 - i32::from(over[3]);
                for c in 0..3 {
                    let (r, b) = (i32::from(pixel[c]), i32::from(behind[c]));
                    // The rounding of `Scene::render`.
                    let drawn = ((b * rest + 127) / 255 + i32::from(over[c])).min(255);
                    row_gain += (r - b) * (r - b) - (r - drawn) * (r - drawn);
                    row_contrast += (drawn - b) * (drawn - b);
                }
            }
            gain += i64::from(row_gain);
            contrast += i64::from(row_contrast);
        }
        Fit { gain, contrast }
    }

    /// The best of some shifts, the first of equals.
    fn best(&self, stamp: &Stamp, shifts: impl Iterator<Item = [i64; 2]>) -> Placed {
        let all = shifts.map(|shift| Placed {
            fit: self.fit(stamp, shift),
            shift,
        });
        let best = all.reduce(|best, next| match next.fit.gain > best.fit.gain {
            true => next,
            false => best,
        });
        best.expect("there is at least one shift")
    }
}

/// A picture on both levels, before the true scene without one of its objects.
pub(crate) struct Stage<'a> {
    icons: &'a Icons,
    factor: u32,
    side: u32,
    full: Backdrop<'a>,
    coarse: Option<Backdrop<'a>>,
    /// On the coarse level, before nothing but the background.
    bare: Backdrop<'a>,
}

impl<'a> Stage<'a> {
    /// Takes object `number` out of the scene.
    pub(crate) fn new(
        levels: &'a Levels,
        scene: &Scene,
        number: usize,
        icons: &'a Icons,
    ) -> Result<Self, Error> {
        let mut without = scene.clone();
        without.objects.remove(number);
        let (side, factor) = (levels.full.width(), levels.factor);
        let behind = without.render(icons, side)?;
        let coarse = levels.coarse.as_ref().map(|picture| Backdrop {
            behind: reduced(&behind, factor),
            picture,
        });
        let picture = &levels.full;
        Ok(Self {
            icons,
            factor,
            side,
            bare: Backdrop {
                behind: reduced(&scene.ground.render(side), factor),
                picture: levels.coarse.as_ref().unwrap_or(picture),
            },
            full: Backdrop { picture, behind },
            coarse,
        })
    }

    /// The share of the object's contrast that is seen where it was placed: what is nearer to the
    /// bare background is no object either, though another one may be missing there.
    pub(crate) fn seen(&self, stamp: &Stamp, placed: Placed) -> f64 {
        let bare = self.bare.fit(stamp, placed.shift);
        placed.fit.share().min(bare.share())
    }

    fn coarse(&self) -> &Backdrop<'a> {
        self.coarse.as_ref().unwrap_or(&self.full)
    }

    fn at_side(&self, object: &Object, side: u32) -> Result<Stamp, Error> {
        let sprite = self.icons.sprite(object, side)?;
        let corner = std::array::from_fn(|axis| {
            let at = object.center[axis] * side as f32 + sprite.offset[axis];
            at.round().clamp(-FAR, FAR) as i64
        });
        Ok(Stamp { sprite, corner })
    }

    /// The object drawn at the coarse level: quick, but its edges fall differently.
    pub(crate) fn draft(&self, object: &Object) -> Result<Stamp, Error> {
        self.at_side(object, self.side / self.factor)
    }

    /// The object drawn at the picture's own side and reduced like the picture.
    pub(crate) fn exact(&self, object: &Object) -> Result<Stamp, Error> {
        let stamp = self.at_side(object, self.side)?;
        Ok(match self.factor {
            1 => stamp,
            factor => {
                let (sprite, corner) = reduced_sprite(&stamp.sprite, stamp.corner, factor);
                let sprite = Arc::new(sprite);
                Stamp { sprite, corner }
            }
        })
    }

    /// The best place on the coarse level, of a square grid around `center` that reaches `reach`
    /// pixels, `step` apart.
    pub(crate) fn search(&self, stamp: &Stamp, center: [i64; 2], reach: i64, step: i64) -> Placed {
        self.coarse().best(stamp, grid(center, reach / step, step))
    }

    /// The best place at the picture's own side near one on the coarse level.
    pub(crate) fn locate(&self, object: &Object, near: [i64; 2]) -> Result<[i64; 2], Error> {
        let factor = i64::from(self.factor);
        let stamp = self.at_side(object, self.side)?;
        let mut shift = near.map(|way| way * factor);
        let mut step = factor;
        while step > 1 {
            step = (step / 2).max(1);
            shift = self.full.best(&stamp, grid(shift, 1, step)).shift;
        }
        Ok(shift)
    }
}

/// `center` first, then all shifts up to `steps` times `step` from it.
fn grid(center: [i64; 2], steps: i64, step: i64) -> impl Iterator<Item = [i64; 2]> {
    let around = (-steps..=steps).flat_map(move |y| (-steps..=steps).map(move |x| [x, y]));
    let all = std::iter::once([0, 0]).chain(around.filter(|way| *way != [0, 0]));
    all.map(move |way| [0, 1].map(|axis| center[axis] + way[axis] * step))
}
