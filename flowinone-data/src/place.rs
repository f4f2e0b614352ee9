//! Nine words for nine places.

use serde::{Deserialize, Serialize};

/// A ninth of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "a place's name says it all")]
pub enum Place {
    TopLeft,
    Top,
    TopRight,
    Left,
    Center,
    Right,
    BottomLeft,
    Bottom,
    BottomRight,
}

impl Place {
    /// All of them, row by row.
    pub const ALL: [Self; 9] = [
        Self::TopLeft,
        Self::Top,
        Self::TopRight,
        Self::Left,
        Self::Center,
        Self::Right,
        Self::BottomLeft,
        Self::Bottom,
        Self::BottomRight,
    ];

    /// The words for it.
    pub fn words(self) -> &'static str {
        match self {
            Self::TopLeft => "top left",
            Self::Top => "top",
            Self::TopRight => "top right",
            Self::Left => "left",
            Self::Center => "center",
            Self::Right => "right",
            Self::BottomLeft => "bottom left",
            Self::Bottom => "bottom",
            Self::BottomRight => "bottom right",
        }
    }

    /// The ninth in which a point lies, in fractions of the picture's side.
    pub fn of([x, y]: [f32; 2]) -> Self {
        let third = |v: f32| ((v * 3.0) as usize).min(2);
        Self::ALL[third(y) * 3 + third(x)]
    }

    /// Where a thing lies that is said to be there.
    pub fn point(self) -> [f32; 2] {
        let at = Self::ALL.iter().position(|place| *place == self);
        let at = at.expect("all places are listed");
        let along = |third: usize| [0.22, 0.5, 0.78][third];
        [along(at % 3), along(at / 3)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_point_of_a_place_lies_in_it() {
        for place in Place::ALL {
            assert_eq!(Place::of(place.point()), place);
        }
    }
}
