//! What a sheet holds: entries, in groups, drawn line by line.

use image::RgbImage;

use super::label::Label;

/// Free space around the sheet and between entries.
pub(super) const GAP: u32 = 12;
/// Free space between the pictures of an entry and around text.
pub(super) const SEAM: u32 = 4;

/// Entries under one heading.
#[derive(Debug, Clone)]
pub(super) struct Group<const N: usize> {
    pub(super) heading: String,
    pub(super) entries: Vec<Entry<N>>,
}

#[derive(Debug, Clone)]
pub(super) struct Entry<const N: usize> {
    pub(super) caption: String,
    /// No longer than the cell's side.
    pub(super) pictures: [Option<RgbImage>; N],
}

/// A line of entries, ready to be drawn.
pub(super) struct Row<'a, const N: usize> {
    pub(super) heading: Option<Label>,
    pub(super) entries: &'a [Entry<N>],
    pub(super) captions: Vec<Option<Label>>,
}

impl<const N: usize> Row<'_, N> {
    pub(super) fn heading_height(&self) -> u32 {
        self.heading.as_ref().map_or(0, |label| label.height + SEAM)
    }

    /// Height of the line with its captions and the space below, its pictures `pictures` high.
    pub(super) fn height(&self, pictures: u32) -> u32 {
        let captions = self.captions.iter().flatten().map(|label| label.height);
        let captions = captions.max().map_or(0, |height| height + SEAM);
        self.heading_height() + pictures + captions + GAP
    }
}
