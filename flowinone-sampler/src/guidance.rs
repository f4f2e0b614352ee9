//! Classifier-free guidance: one velocity from a conditional `c` and an unconditional `u`.
//!
//! - constant scale `w`: `v = u + w (c - u)` (Ho & Salimans, 2022)
//! - interval: the same for `from <= t <= to`, and `v = c` elsewhere (Kynkäänniemi et al., 2024)
//! - CFG-Zero*: `v = s u + w (c - s u)`, `s = <c, u> / <u, u>` for each item (Fan et al., 2025)
//! - distilled: `v = c`, of a network whose conditional branch is guided by training (Meng et al.,
//!   2023)

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use burn::tensor::{DType, FloatDType, Tensor};
use serde::{Deserialize, Serialize};

use crate::batched::is_whole;
use crate::{
    BatchedField, Branch, BranchItem, BranchedField, Error, Evaluated, FieldRun, Times,
    VelocityField,
};

/// A rule that combines the two branches of a field.
pub trait Guidance {
    /// Whether the unconditional branch is needed at time `t`; if not, the velocity is the
    /// conditional one.
    fn is_active(&self, t: f64) -> bool;

    /// The guided velocity of a conditional and an unconditional one of equal shapes, at a time
    /// where it is active.
    fn combine<const D: usize>(
        &self,
        conditional: Tensor<D>,
        unconditional: Tensor<D>,
        t: f64,
    ) -> Tensor<D>;

    /// Refuses scales and times that make no sense; called once before a solve.
    fn validate(&self) -> Result<(), Error> {
        Ok(())
    }
}

/// The guidance rules that come with this crate, chosen at run time.
///
/// A scale of 1 is the conditional field itself and costs one evaluation instead of two.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum GuidanceRule {
    /// `u + scale (c - u)` at every time.
    Constant {
        /// Guidance scale `w`; the published setting is 7.
        scale: f64,
    },
    /// `u + scale (c - u)` for `from <= t <= to`, the conditional branch alone elsewhere.
    Interval {
        /// Guidance scale `w`.
        scale: f64,
        /// First guided time.
        from: f64,
        /// Last guided time.
        to: f64,
    },
    /// CFG-Zero*: the unconditional branch is first scaled, item by item, to its best fit to the
    /// conditional one. (The paper's other half, a zero velocity in the first steps, is not here.)
    ZeroStar {
        /// Guidance scale `w`.
        scale: f64,
    },
    /// The conditional branch alone, which was trained to give the velocity guided at that scale.
    Distilled {
        /// Guidance scale `w` of the teacher.
        scale: f64,
    },
}

impl GuidanceRule {
    /// The guidance scale `w`.
    pub const fn scale(self) -> f64 {
        match self {
            Self::Constant { scale }
            | Self::Interval { scale, .. }
            | Self::ZeroStar { scale }
            | Self::Distilled { scale } => scale,
        }
    }

    /// Whether the unconditional branch is needed at some time.
    pub fn is_guided(self) -> bool {
        self.scale() != 1.0 && !matches!(self, Self::Distilled { .. })
    }

    /// The same rule with another scale.
    #[must_use]
    pub const fn with_scale(self, scale: f64) -> Self {
        match self {
            Self::Constant { .. } => Self::Constant { scale },
            Self::ZeroStar { .. } => Self::ZeroStar { scale },
            Self::Distilled { .. } => Self::Distilled { scale },
            Self::Interval { from, to, .. } => Self::Interval { scale, from, to },
        }
    }
}

impl FromStr for GuidanceRule {
    type Err = Error;

    /// Reads `constant`, `zero-star`, `distilled` or `interval=0.1-0.8`, the scale being 1 until
    /// [`with_scale`](Self::with_scale) sets it.
    fn from_str(text: &str) -> Result<Self, Error> {
        let unknown = || Error::UnknownGuidance { text: text.into() };
        let scale = 1.0;
        match text {
            "constant" => Ok(Self::Constant { scale }),
            "zero-star" => Ok(Self::ZeroStar { scale }),
            "distilled" => Ok(Self::Distilled { scale }),
            _ => {
                let interval = text.strip_prefix("interval=").ok_or_else(unknown)?;
                let Interval { from, to } = interval.parse()?;
                Ok(Self::Interval { scale, from, to })
            }
        }
    }
}

/// An interval of times, written `FROM-TO` everywhere: `0.1-0.8`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Its first time.
    pub from: f64,
    /// Its last time.
    pub to: f64,
}

impl FromStr for Interval {
    type Err = Error;

    /// Reads `FROM-TO`, and `FROM,TO` as it was once written.
    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || Error::BadInterval { text: text.into() };
        let (from, to) = text.split_once(['-', ',']).ok_or_else(wrong)?;
        let time = |part: &str| part.trim().parse::<f64>().map_err(|_| wrong());
        let (from, to) = (time(from)?, time(to)?);
        match 0.0 <= from && from <= to && to <= 1.0 {
            true => Ok(Self { from, to }),
            false => Err(wrong()),
        }
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.from, self.to)
    }
}

impl Guidance for GuidanceRule {
    fn is_active(&self, t: f64) -> bool {
        let inside = match *self {
            Self::Interval { from, to, .. } => (from..=to).contains(&t),
            Self::Constant { .. } | Self::ZeroStar { .. } | Self::Distilled { .. } => true,
        };
        inside && self.is_guided()
    }

    fn combine<const D: usize>(
        &self,
        conditional: Tensor<D>,
        unconditional: Tensor<D>,
        _t: f64,
    ) -> Tensor<D> {
        let base = match self {
            Self::Distilled { .. } => return conditional,
            Self::Constant { .. } | Self::Interval { .. } => unconditional,
            Self::ZeroStar { .. } => best_fit(&conditional, unconditional),
        };
        base.clone() + (conditional - base).mul_scalar(self.scale())
    }

    fn validate(&self) -> Result<(), Error> {
        let scale = self.scale();
        if !scale.is_finite() {
            return Err(Error::BadGuidanceScale { scale });
        }
        match *self {
            Self::Interval { from, to, .. } if !(0.0 <= from && from <= to && to <= 1.0) => {
                Err(Error::BadGuidanceInterval { from, to })
            }
            _ => Ok(()),
        }
    }
}

/// `s u` with `s = <c, u> / <u, u>` over all but the first dimension; 0 where `u` is 0.
fn best_fit<const D: usize>(conditional: &Tensor<D>, unconditional: Tensor<D>) -> Tensor<D> {
    let dtype = unconditional.dtype();
    // Half-precision sums of squares overflow: reduce in float32 at least.
    let wide = if dtype == DType::F64 {
        FloatDType::F64
    } else {
        FloatDType::F32
    };
    let batch = unconditional.dims()[0];
    let rows = |x: &Tensor<D>| x.clone().reshape([batch as i64, -1]).cast(wide); // [batch, values]
    let (c, u) = (rows(conditional), rows(&unconditional));
    let norm = u.clone().square().sum_dim(1); // [batch, 1]
    let scale = (c * u).sum_dim(1) / norm.clone().mask_fill(norm.equal_elem(0.0), 1.0);
    let mut shape = [1; D];
    shape[0] = batch;
    unconditional * scale.reshape(shape).cast(FloatDType::from(dtype))
}

/// A [`BranchedField`] under a [`Guidance`]: a [`VelocityField`].
///
/// ```
/// # #[cfg(feature = "cpu")] {
/// use burn::tensor::{Device, Tensor};
/// use flowinone_sampler::{Branch, Guided, GuidanceRule, VelocityField};
///
/// let field = |x: Tensor<2>, _t: f64, branch: Branch| match branch {
///     Branch::Conditional => x.ones_like(),
///     Branch::Unconditional => x.zeros_like(),
/// };
/// let guided = Guided { field, guidance: GuidanceRule::Constant { scale: 7.0 } };
/// let x = Tensor::from_floats([[0.0]], &Device::flex());
/// assert_eq!(guided.velocity(x, 0.5.into()).into_scalar::<f32>(), 7.0);
/// # }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Guided<F, G> {
    /// The field with two branches.
    pub field: F,
    /// The rule that makes one of them.
    pub guidance: G,
}

impl<const D: usize, F: BranchedField<D>, G: Guidance> VelocityField<D> for Guided<F, G> {
    fn velocity(&self, x: Tensor<D>, times: Times) -> Tensor<D> {
        if self.guidance.is_active(times.t) {
            let (conditional, unconditional) = self.field.both(x, times);
            self.guidance.combine(conditional, unconditional, times.t)
        } else {
            self.field.branch(x, times, Branch::Conditional)
        }
    }
}

impl<const D: usize, F: BranchedField<D>, G: Guidance> BatchedField<D> for Guided<F, G> {
    fn run(&self) -> Box<dyn FieldRun<D> + '_> {
        Box::new(GuidedRun(self))
    }

    fn into_run<'a>(self) -> Box<dyn FieldRun<D> + 'a>
    where
        Self: 'a,
    {
        Box::new(GuidedRun(Box::new(self)))
    }

    fn validate(&self) -> Result<(), Error> {
        self.guidance.validate()
    }
}

/// A run remembers nothing but the field, held (`Box`) or borrowed (`&`).
pub(crate) struct GuidedRun<P>(pub(crate) P);

impl<const D: usize, P, F, G> FieldRun<D> for GuidedRun<P>
where
    P: Deref<Target = Guided<F, G>>,
    F: BranchedField<D>,
    G: Guidance,
{
    fn branches(&self, t: f64) -> usize {
        if self.0.guidance.is_active(t) { 2 } else { 1 }
    }

    fn evaluate(&mut self, x: Tensor<D>, times: Times, items: &[usize]) -> Evaluated<D> {
        let branches = FieldRun::<D>::branches(self, times.t);
        let guided = if branches == 2 { items } else { &[] };
        let velocity = match branches_of(&self.0.field, x, times, items, guided) {
            (conditional, Some(unconditional)) => {
                self.0.guidance.combine(conditional, unconditional, times.t)
            }
            (conditional, None) => conditional,
        };
        Evaluated {
            velocity,
            branches: vec![branches; items.len()],
        }
    }

    /// That of the conditional branch.
    fn probe(&self, x: Tensor<D>, times: Times, items: &[usize]) -> Option<Tensor<2>> {
        self.0
            .field
            .probe(x, times, &BranchItem::of(items, Branch::Conditional))
    }
}

/// The conditional velocities of `items`, and the unconditional ones of `guided` if there are any,
/// in one call of the field.
pub(crate) fn branches_of<const D: usize>(
    field: &impl BranchedField<D>,
    x: Tensor<D>,
    times: Times,
    items: &[usize],
    guided: &[usize],
) -> (Tensor<D>, Option<Tensor<D>>) {
    let batch = x.dims()[0];
    let whole = is_whole(items, batch);
    if whole && guided.is_empty() {
        return (field.branch(x, times, Branch::Conditional), None);
    }
    if whole && is_whole(guided, batch) {
        let (conditional, unconditional) = field.both(x, times);
        return (conditional, Some(unconditional));
    }
    let mut rows = BranchItem::of(items, Branch::Conditional);
    rows.extend(BranchItem::of(guided, Branch::Unconditional));
    let velocity = field.rows(x, times, &rows); // [items + guided, ...]
    let conditional = velocity.clone().narrow(0, 0, items.len());
    let unconditional = (!guided.is_empty()).then(|| velocity.narrow(0, items.len(), guided.len()));
    (conditional, unconditional)
}
