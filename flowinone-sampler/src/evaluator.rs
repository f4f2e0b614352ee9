//! The velocity field of one run: `k = v(x, t)`, counted, checked to be finite, in the state's
//! float type.

use burn::tensor::Tensor;

use crate::{Error, Evaluated, FieldRun, Stage, Times};

/// What a run has spent so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Evaluations {
    /// Calls of [`FieldRun::evaluate`]: what a solver's cost is counted in.
    pub calls: usize,
    /// Network evaluations of a single branch: a guided call counts 2, any other 1, and one that
    /// reuses a velocity 0. Where the items of a batch differ, those of the item that took most.
    pub branches: usize,
}

/// A velocity field as a solver sees it during one run.
pub struct Evaluator<'a, const D: usize> {
    field: Box<dyn FieldRun<D> + 'a>,
    spent: Evaluations,
    each: Vec<usize>,
    step: usize,
    stop: Option<&'a dyn Fn() -> bool>,
}

impl<'a, const D: usize> Evaluator<'a, D> {
    pub(crate) fn new(field: Box<dyn FieldRun<D> + 'a>) -> Self {
        Self {
            field,
            spent: Evaluations::default(),
            each: Vec::new(),
            step: 0,
            stop: None,
        }
    }

    /// Asks `stop` before each evaluation whether the run shall end.
    pub(crate) fn until(&mut self, stop: &'a dyn Fn() -> bool) {
        self.stop = Some(stop);
    }

    pub(crate) fn begin_step(&mut self, number: usize) {
        self.step = number;
    }

    /// What has been spent so far.
    pub fn spent(&self) -> Evaluations {
        self.spent
    }

    /// Network evaluations of a single branch so far, for each item of the batch.
    pub fn spent_by_item(&self) -> &[usize] {
        &self.each
    }

    /// The velocity at `(x, t)` as stage `k{stage}` of the current step, in `x`'s float type.
    ///
    /// [`Error::NonFinite`] names step, stage and time if it has NaN or infinity in it. Panics if
    /// the field returns another shape than `x`'s.
    pub fn velocity(&mut self, stage: usize, x: Tensor<D>, t: f64) -> Result<Tensor<D>, Error> {
        self.average(stage, x, t.into())
    }

    /// The average velocity from the state `x` at `times.t` up to `times.r`, otherwise as
    /// [`velocity`](Self::velocity).
    ///
    /// # Errors
    /// As there.
    pub fn average(
        &mut self,
        stage: usize,
        x: Tensor<D>,
        times: Times,
    ) -> Result<Tensor<D>, Error> {
        if self.stop.is_some_and(|stop| stop()) {
            return Err(Error::Stopped);
        }
        let (shape, dtype) = (x.dims(), x.dtype());
        let items: Vec<usize> = (0..shape[0]).collect();
        let Evaluated { velocity, branches } = self.field.evaluate(x, times, &items);
        self.spent.calls += 1;
        self.each.resize(items.len(), 0);
        for (sum, branches) in self.each.iter_mut().zip(branches) {
            *sum += branches;
        }
        self.spent.branches = self.each.iter().copied().max().unwrap_or(0);
        assert_eq!(
            velocity.dims(),
            shape,
            "the velocity's shape (left) must be the state's (right)"
        );
        let velocity = velocity.cast(dtype);
        self.check(&velocity, Stage::Slope(stage), times.t)?;
        Ok(velocity)
    }

    /// [`Error::NonFinite`] if a value is NaN or infinite: one reduction to a scalar.
    pub(crate) fn check(&self, values: &Tensor<D>, stage: Stage, t: f64) -> Result<(), Error> {
        let largest: f64 = values.clone().max_abs().into_scalar();
        if largest.is_finite() {
            Ok(())
        } else {
            Err(Error::NonFinite {
                step: self.step,
                stage,
                t,
            })
        }
    }
}
