//! Step caching: keep a velocity while it can have changed but little (after `EasyCache`, Zhou et
//! al., 2025).
//!
//! ```text
//! rate  = |v_a - v_b| / |x_a - x_b|            of the last two evaluations a, b
//! e    += rate |x - x_last| / |v_a|            at every call, x_last being the call before
//! e < threshold:  v(x, t) := v_a               else evaluate, and e = 0
//! ```
//!
//! `EasyCache` also moves the kept velocity with the state, which suits its own parametrisation.
//! Here `v` points from source to picture and is constant along a straight path, so it is kept as
//! it is.
//!
//! Each item of a batch decides for itself, from sums on the host over its own values, and only the
//! items that need it are evaluated: the decision does not depend on the other items of the batch.
//! Where guidance begins or ends the velocity jumps: it is evaluated there, and its rate is learnt
//! again. An average velocity from one time to another is good for these two alone and never kept.

use std::collections::BTreeMap;

use burn::tensor::Tensor;

use crate::batched::host_rows;
use crate::error::check_threshold;
use crate::{BatchedField, Error, Evaluated, FieldRun, Times, VelocityField};

/// A field that reuses an item's last velocity while its estimated relative change stays below a
/// threshold.
///
/// A threshold of 0 is the field itself, and so is a single [`velocity`](VelocityField::velocity)
/// outside a run. It is made for solvers of one evaluation a step on even steps, Euler's above all;
/// the error estimate of an adaptive solver cannot see through it.
///
/// ```
/// # #[cfg(feature = "cpu")] {
/// use burn::tensor::{Device, Tensor};
/// use flowinone_sampler::{StepCache, Grid, Solver, integrate};
///
/// let slow = |x: Tensor<2>, t: f64| x * 0.1 + t;
/// let x0 = || Tensor::from_floats([[1.0, 2.0]], &Device::flex());
/// let every = integrate(Solver::Euler, &slow, x0(), Grid::Uniform, 50)?;
/// let some = integrate(Solver::Euler, &StepCache::new(slow, 0.1), x0(), Grid::Uniform, 50)?;
/// assert_eq!((every.evaluations.calls, every.evaluations.branches), (50, 50));
/// assert_eq!(some.evaluations.calls, 50); // the solver asks as often
/// assert!(some.evaluations.branches < 25); // the field is evaluated less often
/// assert!((every.x - some.x).max_abs().into_scalar::<f32>() < 0.1);
/// # }
/// # Ok::<(), flowinone_sampler::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct StepCache<F> {
    field: F,
    threshold: f64,
}

/// A run with the velocities that are kept, by item.
struct StepCacheRun<'a, const D: usize> {
    field: Box<dyn FieldRun<D> + 'a>,
    threshold: f64,
    memory: BTreeMap<usize, Memory<D>>,
}

/// What is known of an item.
#[derive(Debug, Clone)]
struct Memory<const D: usize> {
    /// The velocity of the last evaluation, `[1, ...]`.
    velocity: Tensor<D>,
    /// Its values, and those of the state that it was evaluated at.
    evaluated: (Vec<f64>, Vec<f64>),
    /// Network branches that the field could have evaluated then, and those that it did.
    branches: (usize, usize),
    /// Change of velocity for change of state between the last two evaluations; NaN unless both
    /// were guided alike.
    rate: f64,
    /// The state of the last call.
    last: Vec<f64>,
    /// Estimated relative change of the velocity since it was evaluated.
    change: f64,
}

impl<const D: usize> Memory<D> {
    /// Takes a new state into account; whether the velocity still holds there.
    fn holds(&mut self, state: &[f64], branches: usize, threshold: f64) -> bool {
        let (velocity, _) = &self.evaluated;
        self.change += self.rate * distance(state, &self.last) / length(velocity);
        self.last = state.to_vec();
        branches == self.branches.0 && self.change < threshold // NaN does not hold
    }
}

impl<F> StepCache<F> {
    /// Keeps velocities of `field` while their estimated relative change is below `threshold`.
    pub fn new(field: F, threshold: f64) -> Self {
        Self { field, threshold }
    }
}

impl<const D: usize, F: VelocityField<D>> VelocityField<D> for StepCache<F> {
    fn velocity(&self, x: Tensor<D>, times: Times) -> Tensor<D> {
        self.field.velocity(x, times)
    }
}

impl<const D: usize, F: BatchedField<D>> BatchedField<D> for StepCache<F> {
    fn run(&self) -> Box<dyn FieldRun<D> + '_> {
        Box::new(StepCacheRun {
            field: self.field.run(),
            threshold: self.threshold,
            memory: BTreeMap::new(),
        })
    }

    fn into_run<'a>(self) -> Box<dyn FieldRun<D> + 'a>
    where
        Self: 'a,
    {
        Box::new(StepCacheRun {
            field: self.field.into_run(),
            threshold: self.threshold,
            memory: BTreeMap::new(),
        })
    }

    fn validate(&self) -> Result<(), Error> {
        check_threshold("step cache", self.threshold)?;
        self.field.validate()
    }
}

impl<const D: usize> FieldRun<D> for StepCacheRun<'_, D> {
    /// At most those of the field below.
    fn branches(&self, t: f64) -> usize {
        self.field.branches(t)
    }

    fn evaluate(&mut self, x: Tensor<D>, times: Times, items: &[usize]) -> Evaluated<D> {
        if self.threshold == 0.0 || !times.is_instant() {
            return self.field.evaluate(x, times, items);
        }
        let mut states = host_rows(&x);
        let now = self.field.branches(times.t);
        let mut due = vec![]; // places in `items`
        for (place, item) in items.iter().enumerate() {
            let known = self.memory.get_mut(item);
            if !known.is_some_and(|known| known.holds(&states[*item], now, self.threshold)) {
                due.push(place);
            }
        }
        evaluated_where_due(
            &mut *self.field,
            (x, times),
            items,
            &due,
            &mut self.memory,
            |memory, fresh| {
                let values = host_rows(&fresh.velocity);
                for ((row, item), values) in due
                    .iter()
                    .map(|&place| items[place])
                    .enumerate()
                    .zip(values)
                {
                    let state = std::mem::take(&mut states[item]);
                    let now = (now, fresh.branches[row]);
                    // A change of guidance says nothing about the velocity's own rate.
                    let same = |known: &&Memory<D>| known.branches == now;
                    let rate = memory.get(&item).filter(same).map_or(f64::NAN, |known| {
                        let (velocity, at) = &known.evaluated;
                        distance(&values, velocity) / distance(&state, at)
                    });
                    let known = Memory {
                        velocity: fresh.velocity.clone().narrow(0, row, 1),
                        last: state.clone(),
                        evaluated: (values, state),
                        branches: now,
                        rate,
                        change: 0.0,
                    };
                    memory.insert(item, known);
                }
            },
            |memory, item| memory[&item].velocity.clone(),
        )
    }

    fn probe(&self, x: Tensor<D>, times: Times, items: &[usize]) -> Option<Tensor<2>> {
        self.field.probe(x, times, items)
    }
}

/// Evaluates the items at the places `due`, hands them to `remember`, and takes the velocities of
/// the others from what `kept` finds.
pub(crate) fn evaluated_where_due<const D: usize, M>(
    field: &mut dyn FieldRun<D>,
    (x, times): (Tensor<D>, Times),
    items: &[usize],
    due: &[usize],
    memory: &mut M,
    remember: impl FnOnce(&mut M, &Evaluated<D>),
    kept: impl Fn(&M, usize) -> Tensor<D>,
) -> Evaluated<D> {
    let mut branches = vec![0; items.len()];
    if !due.is_empty() {
        let wanted: Vec<usize> = due.iter().map(|&place| items[place]).collect();
        let fresh = field.evaluate(x, times, &wanted);
        remember(memory, &fresh);
        for (place, count) in due.iter().zip(&fresh.branches) {
            branches[*place] = *count;
        }
        if due.len() == items.len() {
            return fresh;
        }
    }
    let row = |item: &usize| kept(memory, *item);
    Evaluated {
        velocity: Tensor::cat(items.iter().map(row).collect(), 0),
        branches,
    }
}

pub(crate) fn length(a: &[f64]) -> f64 {
    a.iter().map(|a| a * a).sum::<f64>().sqrt()
}

pub(crate) fn distance(a: &[f64], b: &[f64]) -> f64 {
    let squares = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b));
    squares.sum::<f64>().sqrt()
}
