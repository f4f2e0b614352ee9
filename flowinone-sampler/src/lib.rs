#![doc = include_str!("../README.md")]

mod adaptive;
mod adaptive_guidance;
mod batched;
mod error;
mod evaluator;
mod field;
mod first_block_cache;
mod grid;
mod guidance;
mod solver;
mod step_cache;
mod trajectory;

pub use adaptive::Tolerance;
pub use adaptive_guidance::AdaptiveGuidance;
pub use batched::{BatchedField, Evaluated, FieldRun};
pub use error::{Error, Stage};
pub use evaluator::{Evaluations, Evaluator};
pub use field::{Branch, BranchItem, BranchedField, Times, VelocityField};
pub use first_block_cache::FirstBlockCache;
pub use grid::{Grid, Step};
pub use guidance::{Guidance, GuidanceRule, Guided, Interval};
pub use solver::{
    AB2, AB3, AdamsBashforth, DOPRI5, EULER, FLOW_MAP, FlowMap, HEUN, MIDPOINT, OdeSolver, RK4,
    Slope, Solver, Tableau,
};
pub use step_cache::StepCache;
pub use trajectory::{State, States, integrate, integrate_steps, trajectory, trajectory_of};
