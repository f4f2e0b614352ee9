//! The Stable Diffusion autoencoder:
//! `moments = quant_conv(encoder(x))`, `x = decoder(post_quant_conv(z / scale))`.

use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor};
use flowinone_kernels::Dtype;
use flowinone_weights::{Checkpoint, Init, LoadOptions, randomize};

use crate::fine::{enlarged_smoothly, means, quiet};
use crate::layers::conv1x1;
use crate::{
    Compositor, Decoder, Encoder, Error, FineDecoder, LatentCodec, Posterior, VaeConfig, map_key,
};

/// Side of the largest square latent that is decoded as a whole unless
/// [chosen otherwise](Autoencoder::whole_up_to): 64, a picture of 512 x 512 pixels.
pub const WHOLE_UP_TO: usize = 64;

/// Probabilities of the compositor from which on nothing of a larger picture is taken from the
/// prompt, and all of it, so that what goes leaves no trace and what stays is not blurred: a trace
/// is seen sooner.
const DECIDED: [f64; 2] = [0.5, 0.8];

/// A convolutional autoencoder with a normal distribution in the middle.
///
/// Built by [`VaeConfig::init`], filled by [`load`](Self::load), used through [`LatentCodec`].
#[derive(Module, Debug)]
pub struct Autoencoder {
    /// Picture to unmixed moments.
    pub encoder: Encoder,
    /// Unscaled latent to picture.
    pub decoder: Decoder,
    /// 1x1 convolution after the encoder.
    pub quant_conv: Conv2d,
    /// 1x1 convolution before the decoder.
    pub post_quant_conv: Conv2d,
    /// What takes from the prompt picture what stays, if there is such a network.
    pub compositor: Option<Compositor>,
    #[module(skip)]
    config: VaeConfig,
    #[module(skip)]
    whole_up_to: usize,
}

impl VaeConfig {
    /// Builds the network on `device`; its parameters still wait for [`Autoencoder::load`].
    ///
    /// # Panics
    /// If the configuration is not [valid](Self::validate).
    pub fn init(&self, device: &Device) -> Autoencoder {
        if let Err(error) = self.validate() {
            panic!("{error}");
        }
        Autoencoder::new(self, device)
    }
}

impl Autoencoder {
    pub(crate) fn new(config: &VaeConfig, device: &Device) -> Self {
        let latent = config.latent_channels;
        Self {
            encoder: Encoder::new(config, device),
            decoder: Decoder::new(config, device),
            quant_conv: conv1x1(2 * latent, 2 * latent, device),
            post_quant_conv: conv1x1(latent, latent, device),
            compositor: Compositor::new(config, device),
            config: config.clone(),
            whole_up_to: WHOLE_UP_TO,
        }
    }

    /// Latents of more than `side * side` pixels are decoded in bands of rows, which gives the same
    /// picture up to rounding and takes much less memory. 0 decodes every latent in bands,
    /// `usize::MAX` none.
    ///
    /// A 1024 x 1024 picture of the published network differs by less than 1e-5 of its largest
    /// value.
    #[must_use]
    pub fn whole_up_to(self, side: usize) -> Self {
        Self {
            whole_up_to: side,
            ..self
        }
    }

    /// Rounds maps and weights of the convolutions inside to bfloat16 when they are multiplied, for
    /// any precision below float32, on processors that multiply it; sums, norms, attention and the
    /// first and last convolutions stay in float32, and so do the parameters.
    #[must_use]
    pub fn in_precision(mut self, precision: Dtype) -> Self {
        self.encoder.set_precision(precision);
        self.decoder.set_precision(precision);
        self
    }

    /// The same network with fine levels and compositor of these sizes, for latents that mean what
    /// they meant; what it had of them before is lost. The compositor begins with random weights of
    /// `seed`, the fine levels so that pictures are those of before, smoothly enlarged.
    ///
    /// # Errors
    /// [`Error::Config`] if there can be no such network.
    pub fn extended(
        mut self,
        fine_channels: &[usize],
        compositor_channels: Option<usize>,
        compositor_scale: usize,
        seed: u64,
    ) -> Result<Self, Error> {
        let config = VaeConfig {
            fine_channels: fine_channels.to_vec(),
            compositor_channels,
            compositor_scale,
            ..self.config
        };
        config.validate()?;
        let device = self.quant_conv.weight.device();
        let begun = "random values of moderate scale";
        self.decoder.fine = FineDecoder::new(&config, &device)
            .map(|fine| randomize(fine, seed, quiet).expect(begun));
        self.compositor = Compositor::new(&config, &device)
            .map(|compositor| randomize(compositor, seed, Init::by_fan_in).expect(begun));
        self.config = config;
        Ok(self)
    }

    /// The sizes it was built with.
    pub fn config(&self) -> &VaeConfig {
        &self.config
    }

    /// Fills the network from a checkpoint, by any of the names that [`map_key`] knows.
    ///
    /// # Errors
    /// Names every tensor that is missing, has another shape, or is unknown.
    pub fn load(
        self,
        checkpoint: &Checkpoint,
        options: &LoadOptions,
    ) -> Result<Self, flowinone_weights::Error> {
        let levels = self.config.levels();
        flowinone_weights::load(self, checkpoint, |key| map_key(key, levels), options)
    }

    /// Moments `[b, 2 c, h / r, w / r]` of pictures `[b, image_channels, h, w]` in [-1, 1]: means,
    /// then log-variances, neither clamped nor scaled.
    ///
    /// # Panics
    /// If the number of channels is not the configured one, or h or w is no multiple of the
    /// [reduction](VaeConfig::reduction) r.
    pub fn moments(&self, image: Tensor<4>) -> Tensor<4> {
        let [_, channels, h, w] = image.dims();
        let r = self.config.reduction();
        assert!(
            channels == self.config.image_channels && h % r == 0 && w % r == 0 && h * w > 0,
            "a picture must be [b, {}, h, w] with h and w multiples of {r}, not {:?}",
            self.config.image_channels,
            image.dims()
        );
        let image = means(image, self.config.pooling());
        self.quant_conv.forward(self.encoder.forward(image))
    }

    /// The distribution of latents for pictures that are already what the encoder sees, means of
    /// [pooling](VaeConfig::pooling) x pooling pixels.
    ///
    /// # Panics
    /// If the number of channels is not the configured one, or a side no multiple of what one pixel
    /// of a latent stands for there.
    pub fn encode_means(&self, image: Tensor<4>) -> Posterior {
        let moments = self.quant_conv.forward(self.encoder.forward(image));
        Posterior::from_moments(moments, self.config.scale)
    }
}

impl LatentCodec for Autoencoder {
    /// # Panics
    /// As [`Autoencoder::moments`].
    fn encode(&self, image: Tensor<4>) -> Posterior {
        Posterior::from_moments(self.moments(image), self.config.scale)
    }

    /// # Panics
    /// If the number of channels is not the configured one.
    fn decode(&self, latent: Tensor<4>) -> Tensor<4> {
        let [_, channels, height, width] = latent.dims();
        assert_eq!(
            channels,
            self.config.latent_channels,
            "channels of a latent {:?} (left) must be those of the network (right)",
            latent.dims()
        );
        let latent = self.post_quant_conv.forward(latent / self.config.scale);
        match height * width > self.whole_up_to.saturating_pow(2) {
            true => self.decoder.forward_in_bands(latent),
            false => self.decoder.forward(latent),
        }
    }

    /// # Panics
    /// As [`decode`](Self::decode), or if the prompt is not as large as the picture.
    fn decode_beside(&self, latent: Tensor<4>, prompt: Tensor<4>) -> Tensor<4> {
        let decoded = self.decode(latent);
        match &self.compositor {
            Some(compositor) if self.config.compositor_scale == 1 => {
                compositor.forward(decoded, prompt)
            }
            _ => decoded,
        }
    }

    /// # Panics
    /// If the prompt is not [`kept_scale`](LatentCodec::kept_scale) times as large as the decoded
    /// picture.
    fn kept(&self, decoded: Tensor<4>, prompt: Tensor<4>) -> Option<Tensor<4>> {
        let compositor = self.compositor.as_ref()?;
        let larger = enlarged_smoothly(decoded, self.config.compositor_scale);
        let share = sigmoid(compositor.log_odds(larger, prompt));
        let [none, all] = DECIDED;
        Some(((share - none) / (all - none)).clamp(0.0, 1.0))
    }

    fn kept_scale(&self) -> usize {
        self.config.compositor_scale
    }
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use crate::fine::doubled_smoothly;

    #[test]
    fn the_published_network_has_its_published_size() {
        // Nothing is allocated: parameters are only listed.
        let vae = VaeConfig::flowinone_256().init(&Device::flex());
        let params = flowinone_weights::param_specs(&vae);
        assert_eq!(params.len(), 248);
        let size = |part: &str| -> usize {
            let of_part = params.iter().filter(|param| param.path.starts_with(part));
            of_part.map(|param| param.len()).sum()
        };
        assert_eq!(size("encoder."), 34_163_592);
        assert_eq!(size("decoder."), 49_490_179);
        assert_eq!(size("quant_conv.") + size("post_quant_conv."), 92);
    }

    #[test]
    fn a_side_of_256_becomes_32_and_256_again() {
        let device = Device::flex();
        let vae = VaeConfig::tiny().init(&device);
        let latent = vae.encode(Tensor::zeros([1, 3, 256, 256], &device)).mode();
        assert_eq!(latent.dims(), [1, 4, 32, 32]);
        assert_eq!(vae.decode(latent).dims(), [1, 3, 256, 256]);
    }

    #[test]
    fn an_extended_network_has_the_latents_and_the_enlarged_pictures_of_before() {
        let device = Device::flex();
        let small = randomize(VaeConfig::mini().init(&device), 6, Init::by_fan_in).unwrap();
        let large = VaeConfig::mini_256();
        let large = small
            .clone()
            .extended(&large.fine_channels, large.compositor_channels, 1, 7)
            .unwrap();
        assert_eq!(large.config(), &VaeConfig::mini_256());
        let slots = |vae: &Autoencoder| flowinone_weights::param_specs(vae).len();
        assert_eq!(slots(&large), slots(&VaeConfig::mini_256().init(&device)));

        let normal = burn::tensor::Distribution::Normal(0.0, 1.0);
        let picture = Tensor::<4>::random([1, 3, 64, 96], normal, &device);
        let means = means(picture.clone(), 4);
        let data = |x: Tensor<4>| x.into_data();
        let latent = small.encode(means).mode();
        assert_eq!(
            data(large.encode(picture.clone()).mode()),
            data(latent.clone())
        );

        let smooth = |x| doubled_smoothly(doubled_smoothly(x));
        let decoded = large.decode(latent.clone());
        assert_eq!(data(decoded), data(smooth(small.decode(latent.clone()))));
        assert_ne!(
            data(large.decode_beside(latent.clone(), picture.clone())),
            data(large.decode(latent.clone()))
        );
        // A compositor of larger pictures leaves these as they are, and knows what stays in those.
        let later = small.clone().extended(&[], Some(12), 4, 7).unwrap();
        let smalls = later.decode(latent.clone());
        let beside = later.decode_beside(latent.clone(), smalls.clone());
        assert_eq!(data(beside), data(smalls.clone()));
        assert_eq!(later.kept_scale(), 4);
        let kept = later.kept(smalls.clone(), picture.clone()).unwrap();
        let [_, _, height, width] = smalls.dims();
        assert_eq!(kept.dims(), [1, 1, 4 * height, 4 * width]);
        let compositor = later.compositor.as_ref().unwrap();
        let odds = compositor.log_odds(smooth(smalls.clone()), picture.clone());
        let share: Vec<f32> = data(sigmoid(odds)).try_to_vec().unwrap();
        let kept: Vec<f32> = data(kept).try_to_vec().unwrap();
        for (share, kept) in share.into_iter().zip(kept) {
            let decided = ((share - 0.5) / 0.3).clamp(0.0, 1.0);
            assert!((kept - decided).abs() < 1e-5, "{share}: {kept}");
        }
        assert!(small.kept(smalls, picture.clone()).is_none());
        // Without a compositor the prompt is not looked at.
        let beside = small.decode_beside(latent.clone(), picture);
        assert_eq!(data(beside), data(small.decode(latent)));
    }

    #[test]
    fn above_the_chosen_side_a_latent_is_decoded_in_bands() {
        let device = Device::flex();
        let vae = VaeConfig::tiny().init(&device);
        let vae = randomize(vae, 3, Init::by_fan_in).unwrap();
        let normal = burn::tensor::Distribution::Normal(0.0, 1.0);
        let latent = Tensor::random([1, 4, 33, 40], normal, &device);
        let picture = |side| vae.clone().whole_up_to(side).decode(latent.clone());
        let data = |picture: Tensor<4>| picture.into_data();
        let banded = vae.decoder.forward_in_bands(
            vae.post_quant_conv
                .forward(latent.clone() / vae.config.scale),
        );
        assert_eq!(data(picture(36)), data(banded));
        assert_eq!(data(picture(37)), data(picture(usize::MAX)));
        assert_ne!(data(picture(36)), data(picture(37))); // rounding
    }

    #[test]
    fn pictures_need_not_be_square() {
        let device = Device::flex();
        let vae = VaeConfig::tiny().init(&device);
        let latent = vae.encode(Tensor::zeros([2, 3, 16, 40], &device)).mode();
        assert_eq!(latent.dims(), [2, 4, 2, 5]);
        assert_eq!(vae.decode(latent).dims(), [2, 3, 16, 40]);
    }

    #[test]
    #[should_panic(
        expected = "a picture must be [b, 3, h, w] with h and w multiples of 8, not [1, 3, 20, 16]"
    )]
    fn a_side_that_does_not_halve_three_times_is_refused() {
        let device = Device::flex();
        let vae = VaeConfig::tiny().init(&device);
        vae.encode(Tensor::zeros([1, 3, 20, 16], &device));
    }

    #[test]
    #[should_panic(expected = "channels of a latent [1, 3, 2, 2] (left)")]
    fn a_latent_of_other_channels_is_refused() {
        let device = Device::flex();
        let vae = VaeConfig::tiny().init(&device);
        vae.decode(Tensor::zeros([1, 3, 2, 2], &device));
    }
}
