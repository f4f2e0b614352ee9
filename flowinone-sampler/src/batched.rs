//! Fields as a run sees them: velocities of chosen items of a batch, what they cost, and what the
//! run remembers on the way.

use burn::tensor::Tensor;

use crate::{Error, Times, VelocityField};

/// Velocities of some items of a batch, and what they cost.
#[derive(Debug, Clone)]
pub struct Evaluated<const D: usize> {
    /// One row for each item that was asked for, in this order.
    pub velocity: Tensor<D>,
    /// The network branches that were evaluated for each of them; 0 where a velocity was reused.
    pub branches: Vec<usize>,
}

/// A velocity field that a solver can follow: it makes the state of each run.
///
/// A field that remembers nothing and evaluates whole batches needs no method of its own:
///
/// ```
/// # #[cfg(feature = "cpu")] {
/// use burn::tensor::{Device, Tensor};
/// use flowinone_sampler::{BatchedField, Grid, Solver, Times, VelocityField, integrate};
///
/// struct Decay(f64);
/// impl VelocityField<2> for Decay {
///     fn velocity(&self, x: Tensor<2>, _times: Times) -> Tensor<2> {
///         x * -self.0
///     }
/// }
/// impl BatchedField<2> for Decay {}
///
/// let x0 = Tensor::from_floats([[1.0]], &Device::flex());
/// let end = integrate(Solver::Rk4, &Decay(2.0), x0, Grid::Uniform, 20)?;
/// assert!((end.x.into_scalar::<f32>() - (-2.0f32).exp()).abs() < 1e-5);
/// # }
/// # Ok::<(), flowinone_sampler::Error>(())
/// ```
pub trait BatchedField<const D: usize>: VelocityField<D> + Sized {
    /// Starts a run. Whatever the run remembers is in the value returned, so that one field serves
    /// any number of runs.
    fn run(&self) -> Box<dyn FieldRun<D> + '_> {
        Box::new(WholeBatches(|x, times| self.velocity(x, times)))
    }

    /// As [`run`](Self::run), for a field that lives no longer than its run.
    fn into_run<'a>(self) -> Box<dyn FieldRun<D> + 'a>
    where
        Self: 'a,
    {
        Box::new(WholeBatches(move |x, times| self.velocity(x, times)))
    }

    /// Refuses settings that can only fail; called once before the first evaluation.
    ///
    /// # Errors
    /// The first setting that cannot work.
    fn validate(&self) -> Result<(), Error> {
        Ok(())
    }
}

impl<const D: usize, F> BatchedField<D> for F where F: Fn(Tensor<D>, f64) -> Tensor<D> {}

/// A field during one run, with what the run remembers.
pub trait FieldRun<const D: usize> {
    /// How many network branches an evaluation at time `t` takes at most: 2 for
    /// [`Guided`](crate::Guided) while its guidance is active, 1 otherwise.
    fn branches(&self, t: f64) -> usize;

    /// The velocities of chosen items of the batch at the state `x` of the whole batch, and their
    /// cost.
    fn evaluate(&mut self, x: Tensor<D>, times: Times, items: &[usize]) -> Evaluated<D>;

    /// Features `[items, features]` that change as the velocities of chosen items do and cost much
    /// less, such as the output of a network's first block; `None` if the field has none.
    fn probe(&self, _x: Tensor<D>, _times: Times, _items: &[usize]) -> Option<Tensor<2>> {
        None
    }
}

/// The run of a field that remembers nothing and cannot leave items out.
struct WholeBatches<V>(V);

impl<const D: usize, V: Fn(Tensor<D>, Times) -> Tensor<D>> FieldRun<D> for WholeBatches<V> {
    fn branches(&self, _t: f64) -> usize {
        1
    }

    fn evaluate(&mut self, x: Tensor<D>, times: Times, items: &[usize]) -> Evaluated<D> {
        let whole = is_whole(items, x.dims()[0]);
        let velocity = (self.0)(x, times);
        Evaluated {
            velocity: match whole {
                true => velocity,
                false => chosen(velocity, items),
            },
            branches: vec![1; items.len()],
        }
    }
}

/// Whether `items` are all of a batch, in order.
pub(crate) fn is_whole(items: &[usize], batch: usize) -> bool {
    items.iter().copied().eq(0..batch)
}

/// The rows of some items.
fn chosen<const D: usize>(x: Tensor<D>, items: &[usize]) -> Tensor<D> {
    let row = |&item| x.clone().narrow(0, item, 1);
    Tensor::cat(items.iter().map(row).collect(), 0)
}

/// Each row's values in double precision on the host, where sums do not depend on the batch.
pub(crate) fn host_rows<const D: usize>(x: &Tensor<D>) -> Vec<Vec<f64>> {
    let batch = x.dims()[0];
    let values: Vec<f64> = x.clone().into_data().iter::<f64>().collect();
    let length = (values.len() / batch.max(1)).max(1);
    values.chunks(length).map(<[f64]>::to_vec).collect()
}
