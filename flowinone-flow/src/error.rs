//! What can be wrong with a configuration, said so that a person can act on it.

/// An error of this crate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A number cannot be, or does not fit the others.
    #[error("flow configuration: {field} is {value}, but must be {wanted}")]
    Config {
        /// The field, from the root of the configuration.
        field: &'static str,
        /// Its value.
        value: String,
        /// What would fit.
        wanted: String,
    },
    /// A number of the training objective cannot be.
    #[error("training objective: {field} is {value}, but must be {wanted}")]
    Objective {
        /// The field, from the root of the objective.
        field: &'static str,
        /// Its value.
        value: String,
        /// What would do.
        wanted: &'static str,
    },
}
