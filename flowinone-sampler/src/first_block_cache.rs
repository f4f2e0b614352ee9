//! First-block caching: keep a velocity while what the first block of the network says has changed but
//! little (as `ParaAttention`'s First Block Cache).
//!
//! ```text
//! change = |g(x, t) - g_a| / |g_a|     g: the first block's output, g_a: at the last evaluation
//! change < threshold:  v(x, t) := v_a  else evaluate
//! ```
//!
//! The original keeps what the other blocks add to the first one's output. Here both stages see the
//! states of all blocks, so the velocity itself is kept.
//!
//! Each item of a batch decides for itself, from sums on the host over its own values. Where guidance
//! begins or ends the velocity is evaluated.

use std::cell::RefCell;
use std::collections::BTreeMap;

use burn::tensor::Tensor;

use crate::error::check_threshold;
use crate::field::host_rows;
use crate::step_cache::{distance, evaluated_where_due, length};
use crate::{Error, Evaluated, VelocityField};

/// A field that reuses an item's last velocity while its [glance](VelocityField::glance) has changed by
/// less than a threshold.
///
/// It remembers, so it serves one run at a time. A threshold of 0 is the field itself, and so is any
/// threshold for a field without a glance.
#[derive(Debug, Clone)]
pub struct FirstBlock<F, const D: usize> {
    field: F,
    threshold: f64,
    memory: RefCell<BTreeMap<usize, Memory<D>>>,
}

/// What is known of an item.
#[derive(Debug, Clone)]
struct Memory<const D: usize> {
    /// The velocity of the last evaluation, `[1, ...]`.
    velocity: Tensor<D>,
    /// The glance there.
    glance: Vec<f64>,
    /// Network branches that the field could have evaluated then.
    branches: usize,
}

impl<F, const D: usize> FirstBlock<F, D> {
    /// Keeps velocities of `field` while their glances have changed by less than `threshold` of
    /// themselves.
    pub fn new(field: F, threshold: f64) -> Self {
        Self {
            field,
            threshold,
            memory: RefCell::default(),
        }
    }
}

impl<const D: usize, F: VelocityField<D>> VelocityField<D> for FirstBlock<F, D> {
    fn velocity(&self, x: Tensor<D>, t: f64) -> Tensor<D> {
        let items: Vec<usize> = (0..x.dims()[0]).collect();
        self.evaluate(x, t, &items).velocity
    }

    /// What it evaluates at most.
    fn branches(&self, t: f64) -> usize {
        self.field.branches(t)
    }

    fn evaluate(&self, x: Tensor<D>, t: f64, items: &[usize]) -> Evaluated<D> {
        let glances = match self.threshold {
            0.0 => None,
            _ => self.field.glance(x.clone(), t, items),
        };
        let Some(glances) = glances else {
            return self.field.evaluate(x, t, items);
        };
        let mut memory = self.memory.borrow_mut();
        let now = self.field.branches(t);
        let mut glances = host_rows(&glances);
        let is_due = |place: &usize| {
            let holds = memory.get(&items[*place]).is_some_and(|known| {
                let change = distance(&glances[*place], &known.glance) / length(&known.glance);
                known.branches == now && change < self.threshold // NaN does not hold
            });
            !holds
        };
        let due: Vec<usize> = (0..items.len()).filter(is_due).collect();
        evaluated_where_due(
            &self.field,
            (x, t),
            items,
            &due,
            &mut *memory,
            |memory, fresh| {
                for (row, place) in due.iter().enumerate() {
                    let known = Memory {
                        velocity: fresh.velocity.clone().narrow(0, row, 1),
                        glance: std::mem::take(&mut glances[*place]),
                        branches: now,
                    };
                    memory.insert(items[*place], known);
                }
            },
            |memory, item| memory[&item].velocity.clone(),
        )
    }

    fn glance(&self, x: Tensor<D>, t: f64, items: &[usize]) -> Option<Tensor<2>> {
        self.field.glance(x, t, items)
    }

    fn begin(&self) {
        self.memory.borrow_mut().clear();
        self.field.begin();
    }

    fn validate(&self) -> Result<(), Error> {
        check_threshold("first-block cache", self.threshold)?;
        self.field.validate()
    }
}
