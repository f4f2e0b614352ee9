//! Adaptive guidance: guide until the branches agree, then follow the conditional one alone.
//!
//! `1 - <c, u> / (|c| |u|) < threshold` once, for an item: its unconditional branch `u` is not
//! evaluated again in the run (Castillo et al., 2023, with `1 - threshold` for their bound on the
//! cosine similarity).
//!
//! Each item of a batch decides for itself, from sums on the host over its own values, and the
//! network then evaluates only the unconditional rows that are still wanted: the decision does not
//! depend on the other items of the batch.

use std::collections::BTreeSet;
use std::ops::Deref;

use burn::tensor::Tensor;

use crate::batched::host_rows;
use crate::error::check_threshold;
use crate::guidance::{GuidedRun, branches_of};
use crate::{
    BatchedField, BranchedField, Error, Evaluated, FieldRun, Guidance, Guided, Times, VelocityField,
};

/// A [`Guided`] field whose guidance ends, item by item, when the branches agree.
///
/// A threshold of 0 is the guided field itself, and so is a single
/// [`velocity`](VelocityField::velocity) outside a run.
///
/// ```
/// # #[cfg(feature = "cpu")] {
/// use burn::tensor::{Device, Tensor};
/// use flowinone_sampler::{
///     Branch, Grid, GuidanceRule, Guided, Solver, AdaptiveGuidance, integrate,
/// };
///
/// // The branches meet as t grows.
/// let field = |x: Tensor<2>, t: f64, branch: Branch| match branch {
///     Branch::Conditional => x.ones_like(),
///     Branch::Unconditional => x.ones_like() * Tensor::from_floats([[1.0, t]], &x.device()),
/// };
/// let guidance = GuidanceRule::Constant { scale: 3.0 };
/// let field = AdaptiveGuidance::new(Guided { field, guidance }, 0.05);
/// let x0 = Tensor::zeros([1, 2], &Device::flex());
/// let end = integrate(Solver::Euler, &field, x0, Grid::Uniform, 10)?;
/// // At t = 0.6 the cosine similarity is 0.970: the last three steps are not guided.
/// assert_eq!(end.evaluations.branches, 7 * 2 + 3);
/// # }
/// # Ok::<(), flowinone_sampler::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct AdaptiveGuidance<F, G> {
    guided: Guided<F, G>,
    threshold: f64,
}

/// A run with the items whose branches have agreed.
struct AdaptiveGuidanceRun<P> {
    guided: GuidedRun<P>,
    threshold: f64,
    agreed: BTreeSet<usize>,
}

impl<F, G> AdaptiveGuidance<F, G> {
    /// Guidance that ends when `1 - cosine similarity` of the branches falls below `threshold`.
    pub fn new(guided: Guided<F, G>, threshold: f64) -> Self {
        Self { guided, threshold }
    }
}

impl<const D: usize, F: BranchedField<D>, G: Guidance> VelocityField<D> for AdaptiveGuidance<F, G> {
    fn velocity(&self, x: Tensor<D>, times: Times) -> Tensor<D> {
        self.guided.velocity(x, times)
    }
}

impl<const D: usize, F: BranchedField<D>, G: Guidance> BatchedField<D> for AdaptiveGuidance<F, G> {
    fn run(&self) -> Box<dyn FieldRun<D> + '_> {
        Box::new(AdaptiveGuidanceRun {
            guided: GuidedRun(&self.guided),
            threshold: self.threshold,
            agreed: BTreeSet::new(),
        })
    }

    fn into_run<'a>(self) -> Box<dyn FieldRun<D> + 'a>
    where
        Self: 'a,
    {
        Box::new(AdaptiveGuidanceRun {
            guided: GuidedRun(Box::new(self.guided)),
            threshold: self.threshold,
            agreed: BTreeSet::new(),
        })
    }

    fn validate(&self) -> Result<(), Error> {
        check_threshold("adaptive guidance", self.threshold)?;
        self.guided.validate()
    }
}

impl<const D: usize, P, F, G> FieldRun<D> for AdaptiveGuidanceRun<P>
where
    P: Deref<Target = Guided<F, G>>,
    F: BranchedField<D>,
    G: Guidance,
{
    /// At most those of the guided field.
    fn branches(&self, t: f64) -> usize {
        FieldRun::<D>::branches(&self.guided, t)
    }

    fn evaluate(&mut self, x: Tensor<D>, times: Times, items: &[usize]) -> Evaluated<D> {
        if self.threshold == 0.0 {
            return self.guided.evaluate(x, times, items);
        }
        let t = times.t;
        let Guided { field, guidance } = &*self.guided.0;
        let is_guided = |item: &usize| guidance.is_active(t) && !self.agreed.contains(item);
        let places: Vec<usize> = (0..items.len()).filter(|&i| is_guided(&items[i])).collect();
        let guided: Vec<usize> = places.iter().map(|&i| items[i]).collect();
        let mut branches = vec![1; items.len()];
        places.iter().for_each(|&i| branches[i] = 2);
        let (conditional, unconditional) = branches_of(field, x, times, items, &guided);
        let Some(unconditional) = unconditional else {
            let velocity = conditional;
            return Evaluated { velocity, branches };
        };
        let row = |tensor: &Tensor<D>, i| tensor.clone().narrow(0, i, 1);
        let whole = guided.len() == items.len();
        let of_guided = match whole {
            true => conditional.clone(),
            false => Tensor::cat(places.iter().map(|&i| row(&conditional, i)).collect(), 0),
        };
        let pairs = host_rows(&of_guided)
            .into_iter()
            .zip(host_rows(&unconditional));
        for (item, (c, u)) in guided.into_iter().zip(pairs) {
            if disagreement(&c, &u) < self.threshold {
                self.agreed.insert(item);
            }
        }
        let combined = guidance.combine(of_guided, unconditional, t);
        let velocity = match whole {
            true => combined,
            false => {
                let mut rows: Vec<_> = (0..items.len()).map(|i| row(&conditional, i)).collect();
                for (from, &to) in places.iter().enumerate() {
                    rows[to] = row(&combined, from);
                }
                Tensor::cat(rows, 0)
            }
        };
        Evaluated { velocity, branches }
    }

    fn probe(&self, x: Tensor<D>, times: Times, items: &[usize]) -> Option<Tensor<2>> {
        FieldRun::<D>::probe(&self.guided, x, times, items)
    }
}

/// `1 - cosine similarity`; two zero vectors agree.
fn disagreement(c: &[f64], u: &[f64]) -> f64 {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let lengths = dot(c, c).sqrt() * dot(u, u).sqrt();
    if c == u {
        0.0
    } else if lengths == 0.0 {
        1.0
    } else {
        1.0 - dot(c, u) / lengths
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disagreement_is_one_minus_the_cosine() {
        assert_eq!(disagreement(&[1.0, 0.0], &[0.0, 2.0]), 1.0);
        assert_eq!(disagreement(&[1.0, 0.0], &[-3.0, 0.0]), 2.0);
        assert!(disagreement(&[1.0, 2.0], &[3.0, 6.0]).abs() < 1e-15);
        assert_eq!(disagreement(&[0.0, 0.0], &[0.0, 0.0]), 0.0);
        assert_eq!(disagreement(&[0.0, 0.0], &[0.0, 1.0]), 1.0);
    }
}
