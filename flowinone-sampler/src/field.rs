//! The right-hand side of `dx/dt = v(x, t)`: plain, or with a conditional and an unconditional
//! branch.

use burn::tensor::Tensor;

use crate::Error;

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
}

impl<const D: usize, F> BranchedField<D> for F
where
    F: Fn(Tensor<D>, f64, Branch) -> Tensor<D>,
{
    fn branch(&self, x: Tensor<D>, t: f64, branch: Branch) -> Tensor<D> {
        self(x, t, branch)
    }
}
