//! What can go wrong in a solve, in words that say what to change.

use std::fmt;

/// A solve that cannot start, or that stopped.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// A grid of zero steps.
    #[error("a trajectory needs at least 1 step, not 0")]
    NoSteps,
    /// A solver of higher order on the grid whose evaluation times are shifted.
    #[error(
        "solver `{solver}` cannot run on the `reference` grid, whose evaluation times lie beside \
         its steps: only `euler` can; use the `uniform` grid"
    )]
    GridNeedsEuler {
        /// Name of the solver.
        solver: &'static str,
    },
    /// A step that does not start where the one before it ended, given to a solver above order 1.
    #[error(
        "step {step} starts at t = {starts} but the step before it ends at t = {ends}: \
         a solver of order {order} needs steps that join (only order 1 does not)"
    )]
    StepsDoNotJoin {
        /// Number of the step, from 1.
        step: usize,
        /// Time at which it starts.
        starts: f64,
        /// Time at which its predecessor ends.
        ends: f64,
        /// Order of the solver.
        order: u32,
    },
    /// A step that is not finite or has no length.
    #[error("step {step} has t = {t} and dt = {dt}: both must be finite, and dt must not be 0")]
    BadStep {
        /// Number of the step, from 1.
        step: usize,
        /// Its evaluation time.
        t: f64,
        /// Its length.
        dt: f64,
    },
    /// A guidance scale that is not a finite number.
    #[error("guidance scale is {scale}: it must be a finite number (1 means no guidance)")]
    BadGuidanceScale {
        /// The scale given.
        scale: f64,
    },
    /// A guidance interval out of order or out of [0, 1].
    #[error(
        "guidance interval {from} to {to} is empty: give two finite times in order, within 0 to 1"
    )]
    BadGuidanceInterval {
        /// First guided time.
        from: f64,
        /// Last guided time.
        to: f64,
    },
    /// A name that is no guidance rule.
    #[error("{text:?} is none of constant, zero-star, interval=0.1-0.8, distilled")]
    UnknownGuidance {
        /// The name given.
        text: String,
    },
    /// A text that is no interval of times.
    #[error("{text:?} is no interval FROM-TO within 0 to 1, such as 0-0.5")]
    BadInterval {
        /// The text given.
        text: String,
    },
    /// A threshold of adaptive guidance or of the step cache out of range.
    #[error("{name} threshold is {value}: it must be a finite number of at least 0 (0 is off)")]
    BadThreshold {
        /// `adaptive guidance` or `step cache`.
        name: &'static str,
        /// The value given.
        value: f64,
    },
    /// A tolerance of the adaptive solver out of range.
    #[error("tolerance {name} = {value}: it must be finite and above 0")]
    BadTolerance {
        /// `rtol`, `atol` or `max_steps`.
        name: &'static str,
        /// The value given.
        value: f64,
    },
    /// A tolerance that the numbers' own rounding breaks.
    #[error(
        "at t = {t} even a step of {dt:.1e} has a larger error than rtol={rtol:e},atol={atol:e} allow: that is finer \
         than the numbers themselves; allow more, such as rtol=1e-4,atol=1e-5"
    )]
    TooFine {
        /// Allowed error relative to the state's values.
        rtol: f64,
        /// Allowed error where the values are near 0.
        atol: f64,
        /// Time reached.
        t: f64,
        /// Length of the last attempt.
        dt: f64,
    },
    /// The run was asked to stop.
    #[error("the run was stopped")]
    Stopped,
    /// A velocity or state with NaN or infinity in it.
    #[error(
        "{stage} of step {step} at t = {t} is not finite: \
         lower the guidance scale, take more steps, or compute in a wider float type"
    )]
    NonFinite {
        /// Number of the step, from 1.
        step: usize,
        /// The part of the step.
        stage: Stage,
        /// Time of the evaluation, or the end of the step.
        t: f64,
    },
    /// The adaptive solver used up its attempts before t = 1.
    #[error(
        "t = {t} after {max_steps} attempted steps: raise max_steps, or rtol and atol (float32 \
         states cannot resolve much below 1e-6)"
    )]
    TooManySteps {
        /// The limit on accepted and rejected steps together.
        max_steps: usize,
        /// Time reached.
        t: f64,
    },
    /// A name or option that cannot be read.
    #[error("`{text}` is not a {kind}: use {expected}")]
    Unreadable {
        /// What was being read: `solver`, `grid` or an option.
        kind: &'static str,
        /// The text given.
        text: String,
        /// What would have been understood.
        expected: &'static str,
    },
}

/// [`Error::BadThreshold`] unless the threshold is finite and at least 0.
pub(crate) fn check_threshold(name: &'static str, value: f64) -> Result<(), Error> {
    if value.is_finite() && value >= 0.0 {
        Ok(())
    } else {
        Err(Error::BadThreshold { name, value })
    }
}

/// The part of a step that an error points at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The solver's velocity evaluation `k1`, `k2`, ….
    Slope(usize),
    /// The state at the end of the step.
    State,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slope(number) => write!(f, "stage k{number}"),
            Self::State => f.write_str("the state at the end"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn non_finite_stage_reads_as_a_sentence() {
        let error = Error::NonFinite {
            step: 7,
            stage: Stage::Slope(2),
            t: 0.14,
        };
        assert!(
            error
                .to_string()
                .starts_with("stage k2 of step 7 at t = 0.14 is not finite")
        );
    }
}
