//! What can be wrong with a configuration. Shapes panic as Burn's do; the errors of weights are
//! those of `flowinone-weights`.

/// An error of this crate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A size does not fit the others.
    #[error("encoder configuration: {field} is {value}, but must be {wanted}")]
    Config {
        /// The field.
        field: &'static str,
        /// Its value.
        value: usize,
        /// What would fit.
        wanted: String,
    },
}
