//! ODE solvers: `x(t + dt) = x(t) + integral of v over the step`, one rule a file.
//!
//! [`OdeSolver`] is one step; [`Solver`] names every rule of this crate for a choice at run time.

mod adams_bashforth;
mod dopri5;
mod euler;
mod flow_map;
mod heun;
mod midpoint;
mod names;
mod rk4;
mod tableau;

use burn::tensor::Tensor;

pub use adams_bashforth::{AB2, AB3, AdamsBashforth};
pub use dopri5::DOPRI5;
pub(crate) use dopri5::error_of_dopri5;
pub use euler::EULER;
pub use flow_map::{FLOW_MAP, FlowMap};
pub use heun::HEUN;
pub use midpoint::MIDPOINT;
pub use names::Solver;
pub use rk4::RK4;
pub use tableau::Tableau;

use crate::{Error, Evaluator, Step};

/// A velocity evaluated earlier in the run.
#[derive(Debug, Clone)]
pub struct Slope<const D: usize> {
    /// The time of the evaluation.
    pub t: f64,
    /// The velocity there.
    pub velocity: Tensor<D>,
}

/// A rule that takes one step. It is a plain value: what a run remembers is in `history`.
///
/// A rule of one's own, on any steps, runs through [`integrate_steps`](crate::integrate_steps):
///
/// ```
/// # #[cfg(feature = "cpu")] {
/// use burn::tensor::{Device, Tensor};
/// use flowinone_sampler::{Error, Evaluator, Grid, OdeSolver, Slope, Step, integrate_steps};
///
/// struct Leap;
/// impl OdeSolver for Leap {
///     fn order(&self) -> u32 {
///         1
///     }
///     fn step<const D: usize>(
///         &self,
///         step: Step,
///         x: Tensor<D>,
///         field: &mut Evaluator<'_, D>,
///         _history: &mut Vec<Slope<D>>,
///     ) -> Result<Tensor<D>, Error> {
///         let k = field.velocity(1, x.clone(), step.t)?;
///         Ok(x + k.mul_scalar(step.dt))
///     }
/// }
///
/// let x0 = Tensor::<1>::from_floats([1.0], &Device::flex());
/// let steps = Grid::Uniform.steps(4)?;
/// let last = integrate_steps(Leap, &|x: Tensor<1>, _t: f64| x, x0, steps).last().unwrap()?;
/// assert_eq!(last.x.into_scalar::<f32>(), 1.25f32.powi(4));
/// # }
/// # Ok::<(), flowinone_sampler::Error>(())
/// ```
pub trait OdeSolver {
    /// The power of the step length that the error at t = 1 falls with.
    fn order(&self) -> u32;

    /// The state after `step`, from the state `x` before it.
    ///
    /// `history` is empty before the first step of a run and otherwise as the last step left it:
    /// velocities worth keeping, oldest first. Fails where the velocity is not finite.
    fn step<const D: usize>(
        &self,
        step: Step,
        x: Tensor<D>,
        field: &mut Evaluator<'_, D>,
        history: &mut Vec<Slope<D>>,
    ) -> Result<Tensor<D>, Error>;
}
