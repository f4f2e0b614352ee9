//! What can go wrong with an autoencoder outside of shapes, which panic as Burn's do, and of
//! weights, whose errors are those of `flowinone-weights`.

/// An error of the autoencoder's configuration or output.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A field of the configuration describes no network.
    #[error("the autoencoder's {field} = {value} {problem}")]
    Config {
        /// The field, with its index where it is a list.
        field: String,
        /// Its value.
        value: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A decoded picture is not made of numbers.
    #[error(
        "picture {item} of the batch has {count} values that are NaN or infinite: its latent or the weights are damaged, or half precision overflowed (decode in float32)"
    )]
    NotFinite {
        /// Index in the batch.
        item: usize,
        /// Number of such values.
        count: usize,
    },
}

impl Error {
    pub(crate) fn config(
        field: impl Into<String>,
        value: impl ToString,
        problem: impl Into<String>,
    ) -> Self {
        Self::Config {
            field: field.into(),
            value: value.to_string(),
            problem: problem.into(),
        }
    }
}
