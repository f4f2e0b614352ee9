#![doc = include_str!("../README.md")]

mod adaptive;
mod error;
mod evaluator;
mod field;
mod grid;
mod guidance;
mod solver;
mod trajectory;

pub use adaptive::Tolerance;
pub use error::{Error, Stage};
pub use evaluator::{Evaluations, Evaluator};
pub use field::{Branch, BranchedField, VelocityField};
pub use grid::{Grid, Step};
pub use guidance::{Guidance, GuidanceRule, Guided};
pub use solver::{
    AB2, AB3, AdamsBashforth, DOPRI5, EULER, HEUN, MIDPOINT, OdeSolver, RK4, Slope, Solver, Tableau,
};
pub use trajectory::{State, Trajectory, integrate, march, trajectory};
