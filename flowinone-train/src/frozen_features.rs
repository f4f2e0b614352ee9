//! Features of the networks that a run does not train: visual tokens, and latents as the modes of
//! the autoencoder's posteriors, both without gradients.
//!
//! Pictures of files come again in every epoch. Each is then encoded by itself, so that its
//! features do not depend on the batch, and may be kept in a [`Cache`]: the bits are the same with
//! and without it, and runs of another matmul precision share no entries. Pairs made on the fly
//! never come again and are encoded as whole batches.

use std::sync::{Arc, OnceLock};

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use flowinone_encoder::{JanusEncoder, VisualEncoder, janus_pixels, structure_pixels};
use flowinone_tasks::{Dtype, ModelConfig};
use flowinone_vae::Autoencoder;
use image::RgbImage;

use crate::cache::{Cache, CacheKey, digest};

/// Whether a picture is seen more than once.
#[derive(Debug, Clone)]
pub(crate) enum Reuse {
    /// Each picture is seen once.
    Streaming,
    /// Each picture comes again in every epoch; its features may be cached.
    Repeated(Option<Arc<Cache>>),
}

/// The networks that are not trained, with what they need.
pub(crate) struct FrozenFeatures {
    autoencoder: Autoencoder,
    /// The same in the precision in which streamed pictures are encoded.
    low_precision: Autoencoder,
    reuse: Reuse,
    model: ModelConfig,
    matmul_precision: Dtype,
    device: Device,
    autoencoder_digest: OnceLock<String>,
    encoder_digest: OnceLock<String>,
}

impl FrozenFeatures {
    /// For an autoencoder, on `device` without gradients, in a run of that matmul precision.
    pub(crate) fn new(
        autoencoder: &Autoencoder,
        reuse: Reuse,
        model: &ModelConfig,
        matmul_precision: Dtype,
        device: &Device,
    ) -> Self {
        let device = device.clone().inner();
        let autoencoder = autoencoder.valid().to_device(&device);
        Self {
            low_precision: autoencoder.clone().in_precision(matmul_precision),
            autoencoder,
            matmul_precision,
            reuse,
            model: model.clone(),
            device,
            autoencoder_digest: OnceLock::new(),
            encoder_digest: OnceLock::new(),
        }
    }

    /// The same for another device.
    pub(crate) fn on(&self, device: &Device) -> Self {
        let reuse = self.reuse.clone();
        Self::new(
            &self.autoencoder,
            reuse,
            &self.model,
            self.matmul_precision,
            device,
        )
    }

    /// The autoencoder.
    pub(crate) fn autoencoder(&self) -> &Autoencoder {
        &self.autoencoder
    }

    /// The cache, if there is one.
    pub(crate) fn cache(&self) -> Option<&Cache> {
        match &self.reuse {
            Reuse::Repeated(Some(cache)) => Some(cache),
            _ => None,
        }
    }

    /// The latents of pictures as the autoencoder's encoder sees them, `[pictures, channels, side,
    /// side]`.
    pub(crate) fn latents(&self, pictures: &[RgbImage]) -> Tensor<4> {
        match self.reuse {
            Reuse::Streaming => {
                let x = structure_pixels(pictures, &self.device);
                self.low_precision.encode_means(x).mode()
            }
            Reuse::Repeated(_) => {
                let means: Vec<_> = pictures.iter().map(|one| self.mean(one)).collect();
                Tensor::cat(means, 0) * self.model.vae.scale
            }
        }
    }

    /// The visual tokens of pictures by an encoder that is not trained,
    /// `[pictures, tokens, width]`.
    pub(crate) fn tokens(&self, encoder: &JanusEncoder, pictures: &[RgbImage]) -> Tensor<3> {
        let encoder = encoder.valid();
        if matches!(self.reuse, Reuse::Streaming) {
            return encoder.encode(janus_pixels(pictures, &self.device));
        }
        let config = &self.model.encoder;
        let one = |picture: &RgbImage| {
            let compute = || encoder.encode(janus_pixels([picture], &self.device));
            let Some(cache) = self.cache() else {
                return compute();
            };
            let digest = self.encoder_digest.get_or_init(|| digest(config, &encoder));
            let shape = [1, config.tokens(), config.output_width];
            self.cached(cache, digest, picture, &shape, || compute().into_data())
        };
        Tensor::cat(pictures.iter().map(one).collect(), 0)
    }

    /// The mean of a picture's posterior, `[1, channels, side, side]`, unscaled.
    fn mean(&self, picture: &RgbImage) -> Tensor<4> {
        let encode = || {
            self.autoencoder
                .encode_means(structure_pixels([picture], &self.device))
        };
        let Some(cache) = self.cache() else {
            return encode().mean();
        };
        let config = &self.model.vae;
        let network = || digest(config, &self.autoencoder);
        let side = self.model.flow.latent_side;
        let shape = [2, config.latent_channels, side, side];
        let compute = || {
            let posterior = encode();
            Tensor::cat(vec![posterior.mean(), posterior.log_var()], 0).into_data()
        };
        let network = self.autoencoder_digest.get_or_init(network);
        let moments: Tensor<4> = self.cached(cache, network, picture, &shape, compute);
        moments.narrow(0, 0, 1)
    }

    fn cached<const D: usize>(
        &self,
        cache: &Cache,
        digest: &str,
        picture: &RgbImage,
        shape: &[usize; D],
        compute: impl FnOnce() -> TensorData,
    ) -> Tensor<D> {
        // Features of rounded factors differ, so they have keys of their own.
        let key = match self.matmul_precision {
            Dtype::Bf16 => CacheKey::new(&format!("{digest} bfloat16"), picture),
            _ => CacheKey::new(digest, picture),
        };
        Tensor::from_data(cache.result(&key, shape, compute), &self.device)
    }
}
