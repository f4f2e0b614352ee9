//! What a flow needs of an autoencoder: pictures to distributions of latents, latents to pictures.

use burn::tensor::Tensor;

use crate::Posterior;

/// A pair of maps between pictures and latents.
///
/// Pictures are `[b, channels, side, side]` with values in [-1, 1]; latents are scaled, so that
/// what [`Posterior::sample`] gives is what [`decode`](Self::decode) takes.
///
/// A codec need not be a network. This one averages 2x2 pixels:
///
/// ```
/// # #[cfg(feature = "cpu")] {
/// use burn::tensor::module::avg_pool2d;
/// use burn::tensor::ops::AvgPoolOptions;
/// use burn::tensor::{Device, Tensor};
/// use flowinone_vae::{LatentCodec, Posterior};
///
/// struct Blocks;
///
/// impl LatentCodec for Blocks {
///     fn encode(&self, image: Tensor<4>) -> Posterior {
///         let mean = avg_pool2d(image, AvgPoolOptions::new([2, 2]).with_stride([2, 2]));
///         let certain = mean.full_like(-30.0);
///         Posterior::from_moments(Tensor::cat(vec![mean, certain], 1), 1.0)
///     }
///
///     fn decode(&self, latent: Tensor<4>) -> Tensor<4> {
///         latent.repeat_dim(3, 2).repeat_dim(2, 2)
///     }
/// }
///
/// let picture = Tensor::<4>::zeros([1, 3, 8, 8], &Device::flex());
/// let latent = Blocks.encode(picture.clone()).mode();
/// assert_eq!(latent.dims(), [1, 3, 4, 4]);
/// assert_eq!(Blocks.decode(latent).dims(), picture.dims());
/// # }
/// ```
pub trait LatentCodec {
    /// The distribution of latents `[b, c, h, w]` for pictures in [-1, 1].
    fn encode(&self, image: Tensor<4>) -> Posterior;

    /// The pictures, roughly in [-1, 1], for scaled latents `[b, c, h, w]`.
    fn decode(&self, latent: Tensor<4>) -> Tensor<4>;

    /// The pictures for latents of edits of `prompt`, pictures of the same shape: what the edit
    /// leaves as it is may be taken from there. As [`decode`](Self::decode) unless a codec knows
    /// better.
    fn decode_beside(&self, latent: Tensor<4>, prompt: Tensor<4>) -> Tensor<4> {
        let _ = prompt;
        self.decode(latent)
    }

    /// What of pictures that are made larger after decoding is to be taken from `prompt`, pictures
    /// of that size: shares `[b, 1, h, w]` for each of its pixels; `decoded` are the pictures as
    /// they were. `None` unless a codec can tell.
    fn kept(&self, decoded: Tensor<4>, prompt: Tensor<4>) -> Option<Tensor<4>> {
        let _ = (decoded, prompt);
        None
    }

    /// How many times as wide and high as `decoded` the prompts of [`kept`](Self::kept) are.
    fn kept_scale(&self) -> usize {
        1
    }
}
