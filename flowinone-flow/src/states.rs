//! What lies between the two stages.

use burn::tensor::Tensor;

/// What the blocks of the transformer stage made of a latent, one after the other.
#[derive(Debug, Clone)]
pub(crate) struct States {
    /// Each `[batch, tokens, width]`, or with the indicator in front `[batch, 1 + tokens, width]`.
    pub(crate) sequences: Vec<Tensor<3>>,
    /// Tokens of the latent, the last ones of each sequence.
    pub(crate) tokens: usize,
}

impl States {
    /// The tokens of the latent in a sequence of the states' length.
    pub(crate) fn behind_indicator(tokens: usize, sequence: Tensor<3>) -> Tensor<3> {
        let [_, length, _] = sequence.dims();
        match length == tokens {
            true => sequence,
            false => sequence.narrow(1, length - tokens, tokens),
        }
    }

    /// The states of the latent's tokens, each `[batch, tokens, width]`.
    pub(crate) fn of_latent(&self) -> Vec<Tensor<3>> {
        let state = |x: &Tensor<3>| Self::behind_indicator(self.tokens, x.clone());
        self.sequences.iter().map(state).collect()
    }

    /// The output of the last block, `[batch, tokens, width]`.
    pub(crate) fn last(&self) -> Tensor<3> {
        let last = self.sequences.last().expect("at least the first input");
        Self::behind_indicator(self.tokens, last.clone())
    }
}
