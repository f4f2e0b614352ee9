//! A picture in a cell: as large as it can be, without distortion.

use image::RgbImage;
use image::imageops::{self, FilterType};

/// The picture with its longer side at `cell`; small ones are enlarged by whole pixels where that
/// is exact. `None` if it has no pixels.
pub(super) fn fitted(picture: &RgbImage, cell: u32) -> Option<RgbImage> {
    let longest = picture.width().max(picture.height());
    if picture.width().min(picture.height()) == 0 {
        return None;
    }
    if longest == cell {
        return Some(picture.clone());
    }
    let scaled = |side: u32| (u64::from(side) * u64::from(cell) / u64::from(longest)).max(1) as u32;
    let filter = match cell.is_multiple_of(longest) {
        true => FilterType::Nearest,
        false => FilterType::Triangle,
    };
    let [width, height] = [picture.width(), picture.height()].map(scaled);
    Some(imageops::resize(picture, width, height, filter))
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    #[test]
    fn the_longer_side_fills_the_cell() {
        for (size, expected) in [((8, 4), (16, 8)), ((100, 50), (16, 8)), ((1, 999), (1, 16))] {
            let picture = RgbImage::from_pixel(size.0, size.1, Rgb([9, 99, 199]));
            let fitted = fitted(&picture, 16).unwrap();
            assert_eq!(fitted.dimensions(), expected);
            assert!(fitted.pixels().all(|pixel| pixel.0 == [9, 99, 199]));
        }
        assert!(fitted(&RgbImage::new(0, 5), 16).is_none());
    }
}
