//! What the networks that a run does not change say about pictures: visual tokens, and latents as the
//! modes of the autoencoder's posteriors, both outside of any gradient.
//!
//! Pictures of files come again with every pass. Each is then encoded alone, so that its result does
//! not depend on the batch, and may be kept in a [`Cache`]: with it and without it the bits are the
//! same, and runs with other products share nothing. Pairs made on the fly never come again and are encoded as whole batches.

use std::sync::{Arc, OnceLock};

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use flowinone_encoder::{JanusEncoder, VisualEncoder};
use flowinone_tasks::ModelConfig;
use flowinone_vae::Autoencoder;
use image::RgbImage;

use crate::autoencoder::pixels;
use crate::cache::{Cache, CacheKey, digest};
use crate::{Chance, Products};

/// How pictures come.
#[derive(Debug, Clone)]
pub(crate) enum Coming {
    /// Once each.
    Once,
    /// Again and again.
    Again(Option<Arc<Cache>>),
}

/// The networks that do not change.
pub(crate) struct Frozen {
    autoencoder: Autoencoder,
    /// The same in the precision in which pictures that come once are encoded.
    quick: Autoencoder,
    coming: Coming,
    model: ModelConfig,
    products: Products,
    device: Device,
    autoencoder_digest: OnceLock<String>,
    encoder_digest: OnceLock<String>,
}

impl Frozen {
    /// For an autoencoder, on `device` without gradients, in a run with such products.
    pub(crate) fn new(
        autoencoder: &Autoencoder,
        coming: Coming,
        model: &ModelConfig,
        products: Products,
        device: &Device,
    ) -> Self {
        let device = device.clone().inner();
        let autoencoder = autoencoder.valid().to_device(&device);
        Self {
            quick: autoencoder.clone().in_precision(products.precision()),
            autoencoder,
            products,
            coming,
            model: model.clone(),
            device,
            autoencoder_digest: OnceLock::new(),
            encoder_digest: OnceLock::new(),
        }
    }

    /// The same for another device.
    pub(crate) fn on(&self, device: &Device) -> Self {
        let coming = self.coming.clone();
        Self::new(
            &self.autoencoder,
            coming,
            &self.model,
            self.products,
            device,
        )
    }

    /// The autoencoder.
    pub(crate) fn autoencoder(&self) -> &Autoencoder {
        &self.autoencoder
    }

    /// The cache, if there is one.
    pub(crate) fn cache(&self) -> Option<&Cache> {
        match &self.coming {
            Coming::Again(Some(cache)) => Some(cache),
            _ => None,
        }
    }

    /// The latents of pictures as the autoencoder's encoder sees them, `[pictures, channels, side, side]`.
    pub(crate) fn latents(&self, pictures: &[RgbImage]) -> Tensor<4> {
        match self.coming {
            Coming::Once => self.quick.encode_means(self.pixels(pictures)).mode(),
            Coming::Again(_) => {
                let means: Vec<_> = pictures.iter().map(|one| self.mean(one)).collect();
                Tensor::cat(means, 0) * self.model.vae.scale
            }
        }
    }

    /// The visual tokens of pictures by an encoder that does not change, `[pictures, tokens, width]`.
    pub(crate) fn tokens(&self, encoder: &JanusEncoder, pictures: &[RgbImage]) -> Tensor<3> {
        let encoder = encoder.valid();
        if matches!(self.coming, Coming::Once) {
            return encoder.encode(self.pixels(pictures));
        }
        let config = &self.model.encoder;
        let one = |picture: &RgbImage| {
            let compute = || encoder.encode(self.pixels(std::slice::from_ref(picture)));
            let Some(cache) = self.cache() else {
                return compute();
            };
            let digest = self.encoder_digest.get_or_init(|| digest(config, &encoder));
            let shape = [1, config.tokens(), config.output_width];
            self.kept(cache, digest, picture, &shape, || compute().into_data())
        };
        Tensor::cat(pictures.iter().map(one).collect(), 0)
    }

    /// The mean of a picture's posterior, `[1, channels, side, side]`, unscaled.
    fn mean(&self, picture: &RgbImage) -> Tensor<4> {
        let encode = || {
            self.autoencoder
                .encode_means(self.pixels(std::slice::from_ref(picture)))
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
        let moments: Tensor<4> = self.kept(cache, network, picture, &shape, compute);
        moments.narrow(0, 0, 1)
    }

    fn kept<const D: usize>(
        &self,
        cache: &Cache,
        digest: &str,
        picture: &RgbImage,
        shape: &[usize; D],
        compute: impl FnOnce() -> TensorData,
    ) -> Tensor<D> {
        // Rounded results are others.
        let key = match self.products {
            Products::Float32 => CacheKey::new(digest, picture),
            Products::Bfloat16 => CacheKey::new(&format!("{digest} bfloat16"), picture),
        };
        Tensor::from_data(cache.result(&key, shape, compute), &self.device)
    }

    fn pixels(&self, pictures: &[RgbImage]) -> Tensor<4> {
        pixels(pictures, None, &mut Chance::new(0, 0), &self.device)
    }
}
