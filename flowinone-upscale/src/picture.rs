//! Transparency: colours under it are filled in from around, so that no network smears what nobody
//! was meant to see into what is seen.

use std::collections::VecDeque;

use image::{GrayImage, RgbImage};

/// The picture with the mean of coloured neighbours where nothing is seen of it, from the edges of
/// what is seen inwards.
pub(crate) fn filled_in(colours: &RgbImage, alpha: &GrayImage) -> RgbImage {
    let (width, height) = colours.dimensions();
    let mut filled = colours.clone();
    let mut known: Vec<bool> = alpha.as_raw().iter().map(|alpha| *alpha > 0).collect();
    let mut waiting: Vec<bool> = known.clone();
    let mut queue = VecDeque::new();
    let around = |x: u32, y: u32| {
        let rows = y.saturating_sub(1)..=(y + 1).min(height - 1);
        rows.flat_map(move |y| {
            let columns = x.saturating_sub(1)..=(x + 1).min(width - 1);
            columns.map(move |x| (x, y))
        })
    };
    let at = |x: u32, y: u32| (y * width + x) as usize;
    for y in 0..height {
        for x in 0..width {
            if !known[at(x, y)] && around(x, y).any(|(x, y)| known[at(x, y)]) {
                queue.push_back((x, y));
                waiting[at(x, y)] = true;
            }
        }
    }
    while let Some((x, y)) = queue.pop_front() {
        let (mut sum, mut count) = ([0u32; 3], 0);
        for (x, y) in around(x, y).filter(|(x, y)| known[at(*x, *y)]) {
            let pixel = filled.get_pixel(x, y).0;
            for (sum, value) in sum.iter_mut().zip(pixel) {
                *sum += u32::from(value);
            }
            count += 1;
        }
        let mean = sum.map(|sum| ((sum + count / 2) / count.max(1)) as u8);
        filled.get_pixel_mut(x, y).0 = mean;
        known[at(x, y)] = true;
        for (x, y) in around(x, y) {
            if !std::mem::replace(&mut waiting[at(x, y)], true) {
                queue.push_back((x, y));
            }
        }
    }
    filled
}

/// Makes what is nothing, or all, around a pixel of the small transparency the same in the large
/// one: networks leave a breath of what is nearly nothing.
pub(crate) fn settle(small: &GrayImage, large: &mut GrayImage) {
    let (width, height) = small.dimensions();
    let factor = large.width() / width;
    for (x, y, pixel) in small.enumerate_pixels() {
        let rows = y.saturating_sub(1)..=(y + 1).min(height - 1);
        let same = |value: u8| {
            rows.clone().all(|y| {
                let mut columns = x.saturating_sub(1)..=(x + 1).min(width - 1);
                columns.all(|x| small.get_pixel(x, y).0 == [value])
            })
        };
        let value = pixel.0[0];
        if matches!(value, 0 | 255) && same(value) {
            for row in y * factor..(y + 1) * factor {
                for column in x * factor..(x + 1) * factor {
                    large.get_pixel_mut(column, row).0 = [value];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{Luma, Rgb};

    #[test]
    fn colours_under_transparency_come_from_what_is_seen() {
        let seen = |x: u32, y: u32| x == 4 && y == 3;
        let colours = RgbImage::from_fn(9, 7, |x, y| match seen(x, y) {
            true => Rgb([200, 30, 60]),
            false => Rgb([0, 255, 0]), // what nobody sees
        });
        let alpha = GrayImage::from_fn(9, 7, |x, y| Luma([if seen(x, y) { 255 } else { 0 }]));
        let filled = filled_in(&colours, &alpha);
        assert!(filled.pixels().all(|pixel| pixel.0 == [200, 30, 60]));
        let nothing = GrayImage::new(9, 7);
        assert_eq!(filled_in(&colours, &nothing), colours);
    }
}
