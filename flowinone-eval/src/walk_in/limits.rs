//! Where each rule draws its line.

use serde::{Deserialize, Serialize};

/// The least or most that a result may show.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Largest difference of the ground from what it was, in Lab, where no other is asked for: a
    /// little less than the least between two names.
    pub ground: f32,
    /// Least difference of the foreground from what lies behind it, in Lab.
    pub foreground: f32,
    /// Least share of what is seen at a place that the thing there explains.
    pub explained: f32,
    /// Longest way of a thing from its place, in fractions of the side.
    pub place: f32,
    /// Largest share of an old footprint, less what lies there now, that is foreground.
    pub gone: f32,
    /// Largest share of the picture that is foreground away from the things.
    pub elsewhere: f32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            ground: 20.0,
            foreground: 15.0,
            explained: 0.65,
            place: 0.08,
            gone: 0.2,
            elsewhere: 0.04,
        }
    }
}
