//! Where chance enters: standard normal numbers on the host, one stream for each (seed, item).
//!
//! The same seed and item give the same picture whatever the batch size and the backend, because
//! neither a global generator nor a device's own is ever asked.

use burn::tensor::{Device, Tensor, TensorData};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// What a stream of noise is for; each use has its own numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// The start of the flow.
    Source,
    /// The posterior sample of the structure latent.
    Structure,
}

/// Standard normal noise of shape `[1, channels, side, side]` for one item and one use.
pub(crate) fn noise(
    seed: u64,
    item: u64,
    purpose: Use,
    [channels, side]: [usize; 2],
    device: &Device,
) -> Tensor<4> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(item.wrapping_mul(2) + u64::from(purpose == Use::Structure));
    let values: Vec<f32> = StandardNormal
        .sample_iter(&mut random)
        .take(channels * side * side)
        .collect();
    Tensor::from_data(TensorData::new(values, [1, channels, side, side]), device)
}
