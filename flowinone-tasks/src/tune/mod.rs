//! Cost against error of sampler settings: which setting is the cheapest whose pictures are near
//! enough to the converged ones.
//!
//! ```text
//! error = |x - x*| / |x*|,   x* the latent at t = 1 of a solver at tight tolerance
//! ```
//!
//! [`Trials`] are the settings to measure, [`Subjects`] the pictures with their converged
//! solutions; they give a [`Measurement`] of each setting, of which [`front`] and [`best`] choose.

mod front;
mod measure;
mod report;
mod trials;

pub use front::{best, by_cost, front};
pub use measure::{Measurement, Subjects};
pub use report::Report;
pub use trials::Trials;
