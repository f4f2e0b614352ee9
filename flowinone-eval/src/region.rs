//! Regions of a picture as masks: one truth value a pixel, row by row.

use flowinone_data::PixelBox;

/// Some pixels of a square picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Region(Vec<bool>);

impl Region {
    /// The pixels that lie in any of the boxes.
    pub(crate) fn of_boxes<'a>(side: u32, boxes: impl IntoIterator<Item = &'a PixelBox>) -> Self {
        let mut inside = vec![false; (side * side) as usize];
        for area in boxes {
            let end = |from: u32, size: u32| from.saturating_add(size).min(side);
            for y in area.y..end(area.y, area.height) {
                for x in area.x..end(area.x, area.width) {
                    inside[(y * side + x) as usize] = true;
                }
            }
        }
        Self(inside)
    }

    /// The pixels for which the question is answered with yes.
    pub(crate) fn of_pixels(pixels: impl Iterator<Item = bool>) -> Self {
        Self(pixels.collect())
    }

    /// All the other pixels.
    pub(crate) fn outside(&self) -> Self {
        Self(self.0.iter().map(|inside| !inside).collect())
    }

    /// The values that belong to the region, of one for each pixel.
    pub(crate) fn select<'a, T: 'a>(
        &'a self,
        values: impl IntoIterator<Item = T> + 'a,
    ) -> impl Iterator<Item = T> + 'a {
        let pairs = self.0.iter().zip(values);
        pairs.filter_map(|(inside, value)| inside.then_some(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_are_cut_at_the_edge_and_may_overlap() {
        let area = |x, y, width, height| PixelBox {
            x,
            y,
            width,
            height,
        };
        let boxes = [area(1, 1, 2, 1), area(2, 1, u32::MAX, 1), area(9, 9, 3, 3)];
        let region = Region::of_boxes(4, &boxes);
        assert!(region.select(0..16).eq([5, 6, 7]));
        assert_eq!(region.outside().select(0..16).count(), 13);
    }
}
