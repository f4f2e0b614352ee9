#![doc = include_str!("../README.md")]

mod adaptive;
mod cached;
mod error;
mod evaluator;
mod field;
mod first_block;
mod grid;
mod guidance;
mod solver;
mod trajectory;
mod until_agreed;

pub use adaptive::Tolerance;
pub use cached::Cached;
pub use error::{Error, Stage};
pub use evaluator::{Evaluations, Evaluator};
pub use field::{Branch, BranchedField, Evaluated, Row, VelocityField};
pub use first_block::FirstBlock;
pub use grid::{Grid, Step};
pub use guidance::{Guidance, GuidanceRule, Guided};
pub use solver::{
    AB2, AB3, AdamsBashforth, DOPRI5, EULER, HEUN, MIDPOINT, OdeSolver, RK4, Slope, Solver, Tableau,
};
pub use trajectory::{State, Trajectory, integrate, march, trajectory};
pub use until_agreed::UntilAgreed;
