//! What stands in a scene, as data, and the rectangles that it fills.

use serde::{Deserialize, Serialize};

use super::Colour;

/// One thing in a scene. Lengths are fractions of the picture's side, from the left upper corner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Object {
    /// What it is: the name of an icon.
    pub class: String,
    /// The style of the icon.
    pub style: String,
    /// Centre of the icon's square.
    pub center: [f32; 2],
    /// Side of the icon's square.
    pub size: f32,
    /// Rotation, clockwise in degrees.
    pub rotation: f32,
    /// The colour in whose shades it is drawn. If `None`, in its own colours.
    pub tint: Option<Colour>,
}

/// A rectangle in fractions of a side.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rect {
    /// Left edge.
    pub x: f32,
    /// Upper edge.
    pub y: f32,
    /// Width.
    pub width: f32,
    /// Height.
    pub height: f32,
}

/// A rectangle of whole pixels inside a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PixelBox {
    /// First column.
    pub x: u32,
    /// First row.
    pub y: u32,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl PixelBox {
    /// Whether the pixel lies inside.
    pub fn contains(&self, x: u32, y: u32) -> bool {
        (self.x..self.x + self.width).contains(&x) && (self.y..self.y + self.height).contains(&y)
    }

    /// Whether the two share a pixel.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.x < other.x + other.width
            && other.x < self.x + self.width
            && self.y < other.y + other.height
            && other.y < self.y + self.height
    }
}

impl Object {
    /// The class as people say it.
    pub fn words(&self) -> String {
        words(&self.class)
    }
}

/// An icon's name as people say it.
pub(crate) fn words(class: &str) -> String {
    class.replace('-', " ")
}
