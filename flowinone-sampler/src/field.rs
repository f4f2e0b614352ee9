//! The right-hand side of `dx/dt = v(x, t)`: plain, or with a conditional and an unconditional
//! branch; and the average velocity of a field of two times,
//!
//! ```text
//! u(x, t, r) = (x_r - x_t) / (r - t),   x_t = x;      u(x, t, t) = v(x, t)
//! ```

use burn::tensor::Tensor;

/// The times of a velocity: from `t`, that of the state, to `r`.
///
/// A number is both: the velocity at this time.
///
/// ```
/// use flowinone_sampler::Times;
/// assert_eq!(Times::from(0.5), Times { t: 0.5, r: 0.5 });
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Times {
    /// Time of the state.
    pub t: f64,
    /// Where the average velocity leads to; `t` itself for the velocity there.
    pub r: f64,
}

impl Times {
    /// Whether it is the velocity at `t`, and no average.
    pub fn is_instant(self) -> bool {
        self.t == self.r
    }
}

impl From<f64> for Times {
    fn from(t: f64) -> Self {
        Self { t, r: t }
    }
}

/// A velocity `v(x, t)` on tensors of rank `D`, the first dimension being the batch.
///
/// A field of two times also knows the average velocity from `t` to `r`; any other reads `t` alone.
/// Closures `Fn(Tensor<D>, f64) -> Tensor<D>` are fields of one time:
///
/// ```
/// # #[cfg(feature = "cpu")] {
/// use burn::tensor::{Device, Tensor};
/// use flowinone_sampler::VelocityField;
///
/// let decay = |x: Tensor<2>, t: f64| x * -t;
/// let x = Tensor::from_floats([[1.0, 2.0]], &Device::flex());
/// let v: Vec<f32> = decay.velocity(x, 0.5.into()).into_data().to_vec().unwrap();
/// assert_eq!(v, [-0.5, -1.0]);
/// # }
/// ```
pub trait VelocityField<const D: usize> {
    /// The velocity at state `x` and time `times.t`, averaged up to `times.r`, of `x`'s shape.
    fn velocity(&self, x: Tensor<D>, times: Times) -> Tensor<D>;
}

impl<const D: usize, F> VelocityField<D> for F
where
    F: Fn(Tensor<D>, f64) -> Tensor<D>,
{
    fn velocity(&self, x: Tensor<D>, times: Times) -> Tensor<D> {
        self(x, times.t)
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
pub struct BranchItem {
    /// Number of the item in its batch.
    pub item: usize,
    /// The branch wanted of it.
    pub branch: Branch,
}

impl BranchItem {
    /// One branch of each of some items.
    pub fn of(items: &[usize], branch: Branch) -> Vec<Self> {
        let row = |&item| Self { item, branch };
        items.iter().map(row).collect()
    }
}

/// A velocity with a conditional and an unconditional branch; [`Guided`](crate::Guided) makes one
/// field of it.
///
/// Closures `Fn(Tensor<D>, f64, Branch) -> Tensor<D>` are branched fields of one time:
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
/// let (conditional, unconditional) = field.both(x, 0.0.into());
/// assert_eq!(conditional.into_scalar::<f32>(), 3.0);
/// assert_eq!(unconditional.into_scalar::<f32>(), -3.0);
/// # }
/// ```
pub trait BranchedField<const D: usize> {
    /// The velocity of one branch at state `x` and these times, of `x`'s shape.
    fn branch(&self, x: Tensor<D>, times: Times, branch: Branch) -> Tensor<D>;

    /// The conditional and the unconditional velocity, in this order: two calls, unless a network
    /// has a way to share work between them.
    fn both(&self, x: Tensor<D>, times: Times) -> (Tensor<D>, Tensor<D>) {
        let conditional = self.branch(x.clone(), times, Branch::Conditional);
        (conditional, self.branch(x, times, Branch::Unconditional))
    }

    /// The velocities of chosen items and branches, one row for each of `rows`, at the state `x` of
    /// the whole batch: all items of each branch that is named, unless a network can leave some
    /// out.
    fn rows(&self, x: Tensor<D>, times: Times, rows: &[BranchItem]) -> Tensor<D> {
        let whole = |branch| {
            let wanted = rows.iter().any(|row| row.branch == branch);
            wanted.then(|| self.branch(x.clone(), times, branch))
        };
        let (conditional, unconditional) =
            (whole(Branch::Conditional), whole(Branch::Unconditional));
        let row = |row: &BranchItem| {
            let all = match row.branch {
                Branch::Conditional => &conditional,
                Branch::Unconditional => &unconditional,
            };
            let all = all.clone().expect("evaluated because a row names it");
            all.narrow(0, row.item, 1)
        };
        Tensor::cat(rows.iter().map(row).collect(), 0)
    }

    /// Features `[rows, features]` that change as those velocities do and cost much less, such as
    /// the output of a network's first block; `None` if the field has none.
    fn probe(&self, _x: Tensor<D>, _times: Times, _rows: &[BranchItem]) -> Option<Tensor<2>> {
        None
    }
}

impl<const D: usize, F> BranchedField<D> for F
where
    F: Fn(Tensor<D>, f64, Branch) -> Tensor<D>,
{
    fn branch(&self, x: Tensor<D>, times: Times, branch: Branch) -> Tensor<D> {
        self(x, times.t, branch)
    }
}
