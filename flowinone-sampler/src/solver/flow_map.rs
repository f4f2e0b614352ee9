//! The map of a field of two times: `x_r = x_t + (r - t) u(x_t, t, r)`, with `u` the average
//! velocity from `t` to `r`. A field that knows its average exactly is solved exactly by any number
//! of steps, one among them; for a field of one time this is Euler's rule.

use burn::tensor::Tensor;

use super::{OdeSolver, Slope};
use crate::{Error, Evaluator, Step, Times};

/// The map: one evaluation a step.
pub const FLOW_MAP: FlowMap = FlowMap;

/// Steps by the average velocity of a field of two times; see [`FLOW_MAP`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlowMap;

impl OdeSolver for FlowMap {
    /// That of Euler's rule, which it is for a field of one time.
    fn order(&self) -> u32 {
        1
    }

    fn step<const D: usize>(
        &self,
        Step { t, dt }: Step,
        x: Tensor<D>,
        field: &mut Evaluator<'_, D>,
        _history: &mut Vec<Slope<D>>,
    ) -> Result<Tensor<D>, Error> {
        let average = field.average(1, x.clone(), Times { t, r: t + dt })?;
        Ok(x + average.mul_scalar(dt))
    }
}
