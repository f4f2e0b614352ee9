//! Step lengths chosen by error, for Dormand-Prince 5(4).
//!
//! A step's error is measured for each item of the batch as
//! `rms(e / (atol + rtol max(|x|, |x'|)))` and the largest counts, so no item hides behind the
//! others. A step with error `e <= 1` is accepted, and the next length is
//! `dt * clamp(0.9 e^-0.17 e_last^0.04, 0.2, 10)`: PI control after Hairer, Norsett & Wanner, II.4,
//! with exponents `1/5 - 0.75 * 0.04` and `0.04`. A rejected one is repeated with
//! `dt * 0.9 e^-0.2`.

use std::fmt;
use std::str::FromStr;

use burn::tensor::{DType, FloatDType, Tensor};
use serde::{Deserialize, Serialize};

use crate::solver::{DOPRI5, error_of_dopri5};
use crate::{Error, Evaluator, Step};

/// How accurate the adaptive solver must be, and when it gives up.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tolerance {
    /// Allowed error of a step relative to the state's values.
    pub rtol: f64,
    /// Allowed error of a step where the values are near 0.
    pub atol: f64,
    /// Most attempted steps, rejected ones included.
    pub max_steps: usize,
}

impl Tolerance {
    /// `rtol` 1e-4, `atol` 1e-5, at most 1000 attempts.
    pub const DEFAULT: Self = Self {
        rtol: 1e-4,
        atol: 1e-5,
        max_steps: 1000,
    };

    /// [`Error::BadTolerance`] unless all three are finite and above 0.
    pub fn validate(&self) -> Result<(), Error> {
        let steps = self.max_steps as f64;
        for (name, value) in [
            ("rtol", self.rtol),
            ("atol", self.atol),
            ("max_steps", steps),
        ] {
            if !(value.is_finite() && value > 0.0) {
                return Err(Error::BadTolerance { name, value });
            }
        }
        Ok(())
    }
}

impl Default for Tolerance {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl fmt::Display for Tolerance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "rtol={:e},atol={:e},max_steps={}",
            self.rtol, self.atol, self.max_steps
        )
    }
}

impl FromStr for Tolerance {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let mut tolerance = Self::DEFAULT;
        for option in text.split(',') {
            let unreadable = || Error::Unreadable {
                kind: "solver option",
                text: option.to_owned(),
                expected: "rtol=NUMBER, atol=NUMBER or max_steps=COUNT, with commas between",
            };
            let (name, value) = option.split_once('=').ok_or_else(unreadable)?;
            match name.trim() {
                "rtol" => tolerance.rtol = value.parse().map_err(|_| unreadable())?,
                "atol" => tolerance.atol = value.parse().map_err(|_| unreadable())?,
                "max_steps" => tolerance.max_steps = value.parse().map_err(|_| unreadable())?,
                _ => return Err(unreadable()),
            }
        }
        tolerance.validate()?;
        Ok(tolerance)
    }
}

/// Below this a step moves a state in float32 by less than it can tell, and its error is rounding.
const SHORTEST: f64 = f32::EPSILON as f64;
/// Share of the predicted step length that is taken.
const SAFETY: f64 = 0.9;
/// Weight of the last accepted step's error (the integral part).
const BETA: f64 = 0.04;
/// Exponent of this step's error.
const ALPHA: f64 = 0.2 - 0.75 * BETA;

/// The state of an adaptive run: where it is, and the step it will try next.
pub(crate) struct Controller<const D: usize> {
    tolerance: Tolerance,
    t: f64,
    dt: f64,
    attempts: usize,
    last_error: f64,
    slope: Option<Tensor<D>>,
}

impl<const D: usize> Controller<D> {
    /// A run from t = 0 that first tries a step of `dt`.
    pub(crate) fn new(tolerance: Tolerance, dt: f64) -> Self {
        Self {
            tolerance,
            t: 0.0,
            dt,
            attempts: 0,
            last_error: 1e-4,
            slope: None,
        }
    }

    /// Whether t = 1 has been reached.
    pub(crate) fn is_done(&self) -> bool {
        self.t >= 1.0
    }

    /// The next accepted step from `x`: its end state and time, exactly 1 in the last.
    pub(crate) fn advance(
        &mut self,
        x: &Tensor<D>,
        field: &mut Evaluator<'_, D>,
    ) -> Result<(Tensor<D>, f64), Error> {
        let mut longest = 10.0;
        while self.attempts < self.tolerance.max_steps {
            self.attempts += 1;
            // A remainder of a hundredth of a step is swallowed rather than left over.
            let last = self.t + 1.01 * self.dt >= 1.0;
            let dt = if last { 1.0 - self.t } else { self.dt };
            let step = Step { t: self.t, dt };
            let stages = DOPRI5.stages(step, x, field, self.slope.clone())?;
            let error = self.error(x, &stages.x, error_of_dopri5(dt, &stages.slopes));
            let mut slopes = stages.slopes;
            if error <= 1.0 {
                let factor = SAFETY * error.powf(-ALPHA) * self.last_error.powf(BETA);
                self.dt = dt * factor.clamp(0.2, longest);
                self.last_error = error.max(1e-4);
                self.slope = slopes.pop();
                self.t = if last { 1.0 } else { self.t + dt };
                return Ok((stages.x, self.t));
            }
            if dt < SHORTEST {
                return Err(Error::TooFine {
                    rtol: self.tolerance.rtol,
                    atol: self.tolerance.atol,
                    t: self.t,
                    dt,
                });
            }
            // `max` also turns an error of NaN into the largest cut.
            self.dt = dt * (SAFETY * error.powf(-0.2)).max(0.2);
            self.slope = Some(slopes.swap_remove(0));
            longest = 1.0;
        }
        Err(Error::TooManySteps {
            max_steps: self.tolerance.max_steps,
            t: self.t,
        })
    }

    /// The largest scaled root-mean-square error among the items of the batch.
    fn error(&self, before: &Tensor<D>, after: &Tensor<D>, error: Tensor<D>) -> f64 {
        // Half-precision squares overflow: measure in float32 at least.
        let wide = if error.dtype() == DType::F64 {
            FloatDType::F64
        } else {
            FloatDType::F32
        };
        let batch = error.dims()[0] as i64;
        let size = before
            .clone()
            .abs()
            .max_pair(after.clone().abs())
            .cast(wide);
        let scale = size
            .mul_scalar(self.tolerance.rtol)
            .add_scalar(self.tolerance.atol);
        let scaled = (error.cast(wide) / scale).reshape([batch, -1]); // [batch, values]
        let worst: f64 = scaled.square().mean_dim(1).max().into_scalar();
        worst.sqrt()
    }
}
