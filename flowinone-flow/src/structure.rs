//! The structure of a batch: latents of the prompt pictures, which items follow theirs, and the
//! tokens that the network makes of them once for a whole trajectory.

use burn::tensor::{Tensor, TensorData};

use crate::norm::normalized;

/// The structure latents of a batch, and which of its items follow theirs.
///
/// An edit keeps the layout of its prompt picture; a picture made from a text or a class prompt
/// must not, and its item leaves the structure path out.
#[derive(Debug, Clone)]
pub struct Structure {
    latent: Tensor<4>,
    followed: Vec<bool>,
}

impl Structure {
    /// Latents `[batch, channels, side, side]`, each followed by its item.
    pub fn new(latent: Tensor<4>) -> Self {
        let [batch, ..] = latent.dims();
        Self {
            latent,
            followed: vec![true; batch],
        }
    }

    /// The same latents, followed only by the items whose flag is `true`; the other latents have no
    /// effect.
    ///
    /// # Panics
    /// If there is not one flag for each latent.
    pub fn masked(self, followed: &[bool]) -> Self {
        let [batch, ..] = self.latent.dims();
        assert_eq!(
            followed.len(),
            batch,
            "{} flags for {batch} structure latents",
            followed.len()
        );
        Self {
            latent: self.latent,
            followed: followed.to_vec(),
        }
    }

    /// The latents, `[batch, channels, side, side]`.
    pub fn latent(&self) -> &Tensor<4> {
        &self.latent
    }

    /// For each item, whether it follows its latent.
    pub fn followed(&self) -> &[bool] {
        &self.followed
    }
}

/// A [`Structure`] as the velocity network sees it at every time and state, made once by
/// [`VelocityNetwork::structure_tokens`](crate::VelocityNetwork::structure_tokens).
#[derive(Debug, Clone)]
pub struct StructureTokens {
    /// Embedded latents, each token divided by its root mean square: `[items, tokens, width]`.
    normalized: Tensor<3>,
    /// How often the items come in the batch, one after the other: batch = copies * items.
    copies: usize,
    /// 1 for those that follow their latent, else 0: `[batch, 1, 1]`; `None` if all follow.
    followed: Option<Tensor<3>>,
    /// The indicator tokens, divided by their root mean square: `[batch, 1, width]`.
    indicator: Option<Tensor<3>>,
}

impl StructureTokens {
    /// From the embedded latents `[batch, tokens, width]`.
    pub(crate) fn new(embedded: Tensor<3>, followed: &[bool]) -> Self {
        let normalized = normalized(embedded);
        let mixed = followed.contains(&false).then(|| {
            let flags: Vec<f32> = followed.iter().map(|&f| f32::from(u8::from(f))).collect();
            let flags = TensorData::new(flags, [followed.len(), 1, 1]);
            Tensor::from_data(flags, (&normalized.device(), normalized.dtype()))
        });
        Self {
            normalized,
            copies: 1,
            followed: mixed,
            indicator: None,
        }
    }

    /// Number of sequences.
    pub(crate) fn batch(&self) -> usize {
        let [items, ..] = self.normalized.dims();
        self.copies * items
    }

    /// The batch twice over, for two branches of the same items at one shared time.
    pub(crate) fn doubled(&self) -> Self {
        Self {
            normalized: self.normalized.clone(),
            copies: 2 * self.copies,
            followed: self.followed.clone().map(|flags| flags.repeat_dim(0, 2)),
            indicator: self.indicator.clone().map(|token| token.repeat_dim(0, 2)),
        }
    }

    /// The sequences of some items, in any order and number, before the indicator is added.
    pub(crate) fn chosen(&self, items: &[usize]) -> Self {
        // Both branches of the same items share their tokens.
        let (first, second) = items.split_at(items.len() / 2);
        if !first.is_empty() && first == second {
            return self.chosen(first).doubled();
        }
        Self {
            normalized: chosen(&self.normalized, items),
            copies: 1,
            followed: self.followed.as_ref().map(|flags| chosen(flags, items)),
            indicator: None,
        }
    }

    /// With an indicator token `[batch, 1, width]` in front of every sequence.
    pub(crate) fn with_indicator(&self, indicator: Tensor<3>) -> Self {
        Self {
            indicator: Some(normalized(indicator)),
            ..self.clone()
        }
    }

    /// The sequences under a map of single tokens, `[batch, tokens, output]`.
    ///
    /// The two branches of guidance differ in the indicator alone: what they share is computed
    /// once.
    pub(crate) fn each_token(&self, map: impl Fn(Tensor<3>) -> Tensor<3>) -> Tensor<3> {
        let [items, tokens, width] = self.normalized.dims();
        let Some(indicator) = &self.indicator else {
            let shared = map(self.normalized.clone());
            return match self.copies {
                1 => shared,
                copies => shared.repeat_dim(0, copies),
            };
        };
        // The indicators of all copies in front of what these share, so that the map is applied
        // once.
        let leading = indicator.clone().reshape([self.copies, items, width]);
        let leading = leading.swap_dims(0, 1); // [items, copies, width]
        let all = map(Tensor::cat(vec![leading, self.normalized.clone()], 1));
        if self.copies == 1 {
            return all;
        }
        let shared = all.clone().narrow(1, self.copies, tokens);
        let copy = |copy| {
            let leading = all.clone().narrow(1, copy, 1);
            Tensor::cat(vec![leading, shared.clone()], 1) // [items, 1 + tokens, output]
        };
        Tensor::cat((0..self.copies).map(copy).collect(), 0)
    }

    /// A gate `[batch, tokens, 1]`, closed for the items that do not follow their latent.
    pub(crate) fn close(&self, gate: Tensor<3>) -> Tensor<3> {
        match &self.followed {
            Some(followed) => gate * followed.clone(),
            None => gate,
        }
    }
}

/// The rows of some items.
pub(crate) fn chosen<const D: usize>(x: &Tensor<D>, items: &[usize]) -> Tensor<D> {
    let row = |&item| x.clone().narrow(0, item, 1);
    Tensor::cat(items.iter().map(row).collect(), 0)
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use burn::tensor::Device;

    fn values(tensor: Tensor<3>) -> Vec<f32> {
        tensor.into_data().try_to_vec().unwrap()
    }

    #[test]
    fn both_branches_share_the_tokens_behind_their_indicators() {
        let device = Device::flex();
        let embedded = Tensor::<3>::from_floats([[[3.0], [-4.0]], [[5.0], [6.0]]], &device);
        let tokens = StructureTokens::new(embedded, &[true, false]).doubled();
        assert_eq!(tokens.batch(), 4);
        let indicator = Tensor::<3>::from_floats([[[2.0]], [[2.0]], [[-2.0]], [[-2.0]]], &device);
        let sequences = tokens
            .with_indicator(indicator)
            .each_token(|token| token.mul_scalar(10.0));
        assert_eq!(sequences.dims(), [4, 3, 1]);
        let [first, second] = [[10.0, -10.0], [10.0, 10.0]];
        let expected = [
            [10.0, first[0], first[1]],
            [10.0, second[0], second[1]],
            [-10.0, first[0], first[1]],
            [-10.0, second[0], second[1]],
        ];
        assert_eq!(values(sequences), expected.concat());
        let gate = tokens.close(Tensor::ones([4, 1, 1], &device));
        assert_eq!(values(gate), [1.0, 0.0, 1.0, 0.0]);
    }
}
