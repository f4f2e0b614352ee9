//! The right-hand side of `dx/dt = v(x, t)`: plain, or with a conditional and an unconditional
//! branch.

use burn::tensor::Tensor;

use crate::Error;

/// Velocities of some items of a batch, and what they cost.
#[derive(Debug, Clone)]
pub struct Evaluated<const D: usize> {
    /// One row for each item that was asked for, in this order.
    pub velocity: Tensor<D>,
    /// The network branches that were evaluated for each of them; 0 where one was reused.
    pub branches: Vec<usize>,
}

/// A velocity `v(x, t)` on tensors of rank `D`, the first dimension being the batch.
///
/// Closures `Fn(Tensor<D>, f64) -> Tensor<D>` are fields:
///
/// ```
/// # #[cfg(feature = "cpu")] {
/// use burn::tensor::{Device, Tensor};
/// use flowinone_sampler::VelocityField;
///
/// let decay = |x: Tensor<2>, t: f64| x * -t;
/// let x = Tensor::from_floats([[1.0, 2.0]], &Device::flex());
/// let v: Vec<f32> = decay.velocity(x, 0.5).into_data().to_vec().unwrap();
/// assert_eq!(v, [-0.5, -1.0]);
/// # }
/// ```
pub trait VelocityField<const D: usize> {
    /// The velocity at state `x` and time `t`, of `x`'s shape.
    fn velocity(&self, x: Tensor<D>, t: f64) -> Tensor<D>;

    /// How many network branches one [`velocity`](Self::velocity) call at time `t` evaluates: 1
    /// unless a field says otherwise, 2 for [`Guided`](crate::Guided) while its guidance is active.
    fn branches(&self, _t: f64) -> usize {
        1
    }

    /// The velocities of chosen items of the batch at state `x` of the whole batch, and their cost:
    /// what a run calls. A field that cannot leave items out evaluates them all, as here.
    fn evaluate(&self, x: Tensor<D>, t: f64, items: &[usize]) -> Evaluated<D> {
        let whole = is_whole(items, x.dims()[0]);
        let velocity = self.velocity(x, t);
        Evaluated {
            velocity: if whole {
                velocity
            } else {
                chosen(velocity, items)
            },
            branches: vec![self.branches(t); items.len()],
        }
    }

    /// Numbers `[items, features]` that change with the velocities of chosen items and cost much less,
    /// as the output of a network's first block; `None` if the field has no such.
    fn glance(&self, _x: Tensor<D>, _t: f64, _items: &[usize]) -> Option<Tensor<2>> {
        None
    }

    /// Forgets what an earlier run left behind; called once when a run starts. Only fields that
    /// decide on the way remember anything; such a field serves one run at a time.
    fn begin(&self) {}

    /// Refuses settings that can only fail; called once before the first evaluation.
    fn validate(&self) -> Result<(), Error> {
        Ok(())
    }
}

impl<const D: usize, F> VelocityField<D> for F
where
    F: Fn(Tensor<D>, f64) -> Tensor<D>,
{
    fn velocity(&self, x: Tensor<D>, t: f64) -> Tensor<D> {
        self(x, t)
    }
}

/// Which of the two velocities a network with classifier-free guidance gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Branch {
    /// With the condition.
    Conditional,
    /// Without it (the null branch).
    Unconditional,
}

/// One branch of one item of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Row {
    /// Number of the item in its batch.
    pub item: usize,
    /// The branch wanted of it.
    pub branch: Branch,
}

impl Row {
    /// One branch of each of some items.
    pub fn of(items: &[usize], branch: Branch) -> Vec<Self> {
        let row = |&item| Self { item, branch };
        items.iter().map(row).collect()
    }
}

/// A velocity with a conditional and an unconditional branch; [`Guided`](crate::Guided) makes one
/// field of it.
///
/// Closures `Fn(Tensor<D>, f64, Branch) -> Tensor<D>` are branched fields:
///
/// ```
/// # #[cfg(feature = "cpu")] {
/// use burn::tensor::{Device, Tensor};
/// use flowinone_sampler::{Branch, BranchedField};
///
/// let field = |x: Tensor<2>, _t: f64, branch: Branch| match branch {
///     Branch::Conditional => x,
///     Branch::Unconditional => -x,
/// };
/// let x = Tensor::from_floats([[3.0]], &Device::flex());
/// let (conditional, unconditional) = field.both(x, 0.0);
/// assert_eq!(conditional.into_scalar::<f32>(), 3.0);
/// assert_eq!(unconditional.into_scalar::<f32>(), -3.0);
/// # }
/// ```
pub trait BranchedField<const D: usize> {
    /// The velocity of one branch at state `x` and time `t`, of `x`'s shape.
    fn branch(&self, x: Tensor<D>, t: f64, branch: Branch) -> Tensor<D>;

    /// The conditional and the unconditional velocity, in this order: two calls, unless a network
    /// has a way to share work between them.
    fn both(&self, x: Tensor<D>, t: f64) -> (Tensor<D>, Tensor<D>) {
        let conditional = self.branch(x.clone(), t, Branch::Conditional);
        (conditional, self.branch(x, t, Branch::Unconditional))
    }

    /// The velocities of chosen items and branches, one row for each of `rows`, at the state `x` of
    /// the whole batch: all items of each branch that is named, unless a network can leave some
    /// out.
    fn rows(&self, x: Tensor<D>, t: f64, rows: &[Row]) -> Tensor<D> {
        let whole = |branch| {
            let wanted = rows.iter().any(|row| row.branch == branch);
            wanted.then(|| self.branch(x.clone(), t, branch))
        };
        let (conditional, unconditional) =
            (whole(Branch::Conditional), whole(Branch::Unconditional));
        let row = |row: &Row| {
            let all = match row.branch {
                Branch::Conditional => &conditional,
                Branch::Unconditional => &unconditional,
            };
            let all = all.clone().expect("evaluated because a row names it");
            all.narrow(0, row.item, 1)
        };
        Tensor::cat(rows.iter().map(row).collect(), 0)
    }

    /// Numbers `[rows, features]` that change with those velocities and cost much less, as the output
    /// of a network's first block; `None` if the field has no such.
    fn glance(&self, _x: Tensor<D>, _t: f64, _rows: &[Row]) -> Option<Tensor<2>> {
        None
    }
}

impl<const D: usize, F> BranchedField<D> for F
where
    F: Fn(Tensor<D>, f64, Branch) -> Tensor<D>,
{
    fn branch(&self, x: Tensor<D>, t: f64, branch: Branch) -> Tensor<D> {
        self(x, t, branch)
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
