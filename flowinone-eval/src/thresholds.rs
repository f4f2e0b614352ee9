//! Where each check of an item draws its line, with the reason for every number.

use serde::{Deserialize, Serialize};

/// The least or most that an item may show to pass.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Thresholds {
    /// Least share of an object's contrast that the result shows at the best place near the true
    /// one. Above 0 the result is nearer to the object than to what lies behind it.
    pub seen: f64,
    /// Longest way of a moved object from its true place, in fractions of the side. Every pair asks
    /// for a move of at least 0.1: half of that is on the right side of the way.
    pub place: f64,
    /// Least progress from the scene to the target where an object is to go. Above 1/2 the result
    /// is nearer to the target there.
    pub gone: f64,
    /// The same for the whole edited region. A thin object at two pixels of 64 from its place comes
    /// a quarter of the way; a scene without its marks, otherwise untouched, stays at 0.
    pub changed: f64,
    /// Largest share of the prompt's marks and words that may still be seen.
    pub marks: f64,
    /// Least PSNR of everything but the changed objects, in dB. A small autoencoder keeps above 25
    /// dB; a missing bystander, words left over or a background of another colour fall below 20.
    pub surroundings: f64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            seen: 0.0,
            place: 0.05,
            gone: 0.5,
            changed: 0.25,
            marks: 0.2,
            surroundings: 20.0,
        }
    }
}
