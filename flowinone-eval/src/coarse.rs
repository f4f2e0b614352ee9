//! A coarser level: means over blocks of `factor x factor` pixels, of pictures and of sprites.
//!
//! Comparing there forgives blur, and is quick; an object drawn at its own side and then reduced
//! falls into the same blocks as the picture that shows it.

use image::{Rgb, RgbImage};

use flowinone_data::Sprite;

/// Largest side of the coarse level, in pixels.
const SIDE: u32 = 64;

/// A picture, and its coarser self if it is larger than the coarse level.
pub(crate) struct Levels {
    pub(crate) full: RgbImage,
    pub(crate) coarse: Option<RgbImage>,
    /// Pixels of the picture to one of the coarse level.
    pub(crate) factor: u32,
}

impl Levels {
    pub(crate) fn of(full: RgbImage) -> Self {
        let factor = full.width().div_ceil(SIDE).max(1);
        Self {
            coarse: (factor > 1).then(|| reduced(&full, factor)),
            full,
            factor,
        }
    }
}

/// Means over blocks; what is left over at the right and below is dropped.
pub(crate) fn reduced(picture: &RgbImage, factor: u32) -> RgbImage {
    if factor == 1 {
        return picture.clone();
    }
    let [width, height] = [picture.width(), picture.height()].map(|side| side / factor);
    let area = factor * factor;
    RgbImage::from_fn(width, height, |column, row| {
        let mut sums = [area / 2; 3];
        for y in row * factor..(row + 1) * factor {
            for x in column * factor..(column + 1) * factor {
                let Rgb(pixel) = picture.get_pixel(x, y);
                (0..3).for_each(|c| sums[c] += u32::from(pixel[c]));
            }
        }
        Rgb(sums.map(|sum| (sum / area) as u8))
    })
}

/// Means of a sprite over the blocks of a picture in which its left upper pixel lies at `corner`,
/// and its corner among the blocks.
pub(crate) fn reduced_sprite(sprite: &Sprite, corner: [i64; 2], factor: u32) -> (Sprite, [i64; 2]) {
    let wide = i64::from(factor);
    let first = corner.map(|at| at.div_euclid(wide));
    let size: [u32; 2] = std::array::from_fn(|axis| {
        let end = corner[axis] + i64::from(sprite.size[axis]);
        ((end + wide - 1).div_euclid(wide) - first[axis]) as u32
    });
    let area = factor * factor;
    let mut sums = vec![[area / 2; 4]; (size[0] * size[1]) as usize];
    for (row, line) in sprite.pixels.chunks(sprite.size[0] as usize).enumerate() {
        let block = (corner[1] + row as i64).div_euclid(wide) - first[1];
        for (column, pixel) in line.iter().enumerate() {
            let across = (corner[0] + column as i64).div_euclid(wide) - first[0];
            let sum = &mut sums[block as usize * size[0] as usize + across as usize];
            (0..4).for_each(|c| sum[c] += u32::from(pixel[c]));
        }
    }
    let pixels = sums.iter().map(|sum| sum.map(|sum| (sum / area) as u8));
    let sprite = Sprite {
        pixels: pixels.collect(),
        size,
        offset: [0.0; 2],
    };
    (sprite, first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_become_their_means() {
        let picture = RgbImage::from_fn(5, 4, |x, y| Rgb([(10 * x) as u8, (20 * y) as u8, 7]));
        let small = reduced(&picture, 2);
        assert_eq!(small.dimensions(), (2, 2));
        assert_eq!(small.get_pixel(1, 1).0, [25, 50, 7]);
        assert_eq!(Levels::of(RgbImage::new(64, 64)).factor, 1);
        let levels = Levels::of(RgbImage::new(256, 256));
        assert_eq!((levels.factor, levels.coarse.unwrap().width()), (4, 64));
    }

    #[test]
    fn a_sprite_falls_into_the_blocks_of_its_picture() {
        let sprite = Sprite {
            pixels: vec![[200, 100, 0, 255]; 6],
            size: [3, 2],
            offset: [0.0; 2],
        };
        // Columns 3 to 5, rows -1 and 0: half of block 1 and all of block 2, in two rows of blocks.
        let (small, corner) = reduced_sprite(&sprite, [3, -1], 2);
        assert_eq!((small.size, corner), ([2, 2], [1, -1]));
        assert_eq!(small.pixels[0], [50, 25, 0, 64]);
        assert_eq!(small.pixels[1], [100, 50, 0, 128]);
    }
}
