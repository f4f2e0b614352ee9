//! First-block caching: keep a velocity while the output of the network's first block has changed
//! but little (as `ParaAttention`'s First Block Cache).
//!
//! ```text
//! change = |g(x, t) - g_a| / |g_a|     g: the first block's output, g_a: at the last evaluation
//! change < threshold:  v(x, t) := v_a  else evaluate
//! ```
//!
//! The original keeps what the other blocks add to the first one's output. Here both stages see the
//! states of all blocks, so the velocity itself is kept.
//!
//! Each item of a batch decides for itself, from sums on the host over its own values. Where
//! guidance begins or ends the velocity is evaluated. An average velocity from one time to another
//! is good for these two alone and never kept.

use std::collections::BTreeMap;

use burn::tensor::Tensor;

use crate::batched::host_rows;
use crate::error::check_threshold;
use crate::step_cache::{distance, evaluated_where_due, length};
use crate::{BatchedField, Error, Evaluated, FieldRun, Times, VelocityField};

/// A field that reuses an item's last velocity while its [probe](FieldRun::probe) has changed by
/// less than a threshold.
///
/// A threshold of 0 is the field itself, and so is any threshold for a field without a probe.
#[derive(Debug, Clone)]
pub struct FirstBlockCache<F> {
    field: F,
    threshold: f64,
}

/// A run with the velocities that are kept, by item.
struct FirstBlockCacheRun<'a, const D: usize> {
    field: Box<dyn FieldRun<D> + 'a>,
    threshold: f64,
    memory: BTreeMap<usize, Memory<D>>,
}

/// What is known of an item.
#[derive(Debug, Clone)]
struct Memory<const D: usize> {
    /// The velocity of the last evaluation, `[1, ...]`.
    velocity: Tensor<D>,
    /// The probe there.
    probe: Vec<f64>,
    /// Network branches that the field could have evaluated then.
    branches: usize,
}

impl<F> FirstBlockCache<F> {
    /// Keeps velocities of `field` while their probes have changed by less than the share
    /// `threshold`.
    pub fn new(field: F, threshold: f64) -> Self {
        Self { field, threshold }
    }
}

impl<const D: usize, F: VelocityField<D>> VelocityField<D> for FirstBlockCache<F> {
    fn velocity(&self, x: Tensor<D>, times: Times) -> Tensor<D> {
        self.field.velocity(x, times)
    }
}

impl<const D: usize, F: BatchedField<D>> BatchedField<D> for FirstBlockCache<F> {
    fn run(&self) -> Box<dyn FieldRun<D> + '_> {
        Box::new(FirstBlockCacheRun {
            field: self.field.run(),
            threshold: self.threshold,
            memory: BTreeMap::new(),
        })
    }

    fn into_run<'a>(self) -> Box<dyn FieldRun<D> + 'a>
    where
        Self: 'a,
    {
        Box::new(FirstBlockCacheRun {
            field: self.field.into_run(),
            threshold: self.threshold,
            memory: BTreeMap::new(),
        })
    }

    fn validate(&self) -> Result<(), Error> {
        check_threshold("first-block cache", self.threshold)?;
        self.field.validate()
    }
}

impl<const D: usize> FieldRun<D> for FirstBlockCacheRun<'_, D> {
    /// At most those of the field below.
    fn branches(&self, t: f64) -> usize {
        self.field.branches(t)
    }

    fn evaluate(&mut self, x: Tensor<D>, times: Times, items: &[usize]) -> Evaluated<D> {
        let keeps = self.threshold > 0.0 && times.is_instant();
        let probes = keeps.then(|| self.field.probe(x.clone(), times, items));
        let Some(probes) = probes.flatten() else {
            return self.field.evaluate(x, times, items);
        };
        let now = self.field.branches(times.t);
        let mut probes = host_rows(&probes);
        let is_due = |place: &usize| {
            let holds = self.memory.get(&items[*place]).is_some_and(|known| {
                let change = distance(&probes[*place], &known.probe) / length(&known.probe);
                known.branches == now && change < self.threshold // NaN does not hold
            });
            !holds
        };
        let due: Vec<usize> = (0..items.len()).filter(is_due).collect();
        evaluated_where_due(
            &mut *self.field,
            (x, times),
            items,
            &due,
            &mut self.memory,
            |memory, fresh| {
                for (row, place) in due.iter().enumerate() {
                    let known = Memory {
                        velocity: fresh.velocity.clone().narrow(0, row, 1),
                        probe: std::mem::take(&mut probes[*place]),
                        branches: now,
                    };
                    memory.insert(items[*place], known);
                }
            },
            |memory, item| memory[&item].velocity.clone(),
        )
    }

    fn probe(&self, x: Tensor<D>, times: Times, items: &[usize]) -> Option<Tensor<2>> {
        self.field.probe(x, times, items)
    }
}
