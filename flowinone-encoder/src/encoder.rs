//! What a flow needs of a vision model, and the one that FlowInOne uses:
//! `tokens = aligner(vision_tower(pixels))`.

use burn::module::Module;
use burn::tensor::{Device, FloatDType, Tensor};
use flowinone_kernels::{DenseLayers, Dtype, dense_layers};
use flowinone_weights::{Checkpoint, LoadOptions};

use crate::{Aligner, EncoderConfig, VisionTower, map_key};

/// A map from pictures to tokens.
///
/// An encoder need not be a network. This one makes a token of the mean colour of each row:
///
/// ```
/// # #[cfg(feature = "cpu")] {
/// use burn::tensor::{Device, Tensor};
/// use flowinone_encoder::VisualEncoder;
///
/// struct Rows;
///
/// impl VisualEncoder for Rows {
///     fn encode(&self, pixels: Tensor<4>) -> Tensor<3> {
///         pixels.mean_dim(3).squeeze_dim::<3>(3).swap_dims(1, 2) // [b, side, 3]
///     }
///
///     fn side(&self) -> usize {
///         8
///     }
/// }
///
/// let pixels = Tensor::<4>::zeros([2, 3, Rows.side(), Rows.side()], &Device::flex());
/// assert_eq!(Rows.encode(pixels).dims(), [2, 8, 3]);
/// # }
/// ```
pub trait VisualEncoder {
    /// Tokens `[b, n, width]` of pixels `[b, 3, side, side]` in [-1, 1].
    fn encode(&self, pixels: Tensor<4>) -> Tensor<3>;

    /// Height and width of the pictures that it takes, in pixels.
    fn side(&self) -> usize;
}

/// The vision tower and the aligner of Janus; its language model is not needed.
///
/// Built by [`EncoderConfig::init`], filled by [`load`](Self::load), used through
/// [`VisualEncoder`].
#[derive(Module, Debug)]
pub struct JanusEncoder {
    /// Pixels to tokens.
    pub vision_tower: VisionTower,
    /// Tokens to the width of the flow model's input.
    pub aligner: Aligner,
    #[module(skip)]
    config: EncoderConfig,
}

impl EncoderConfig {
    /// The network with these sizes; its parameters are made when they are first used.
    ///
    /// # Panics
    /// If the sizes do not fit each other: see [`EncoderConfig::validate`].
    pub fn init(&self, device: &Device) -> JanusEncoder {
        if let Err(error) = self.validate() {
            panic!("{error}");
        }
        JanusEncoder::new(self, device)
    }
}

impl JanusEncoder {
    pub(crate) fn new(config: &EncoderConfig, device: &Device) -> Self {
        Self {
            vision_tower: VisionTower::new(config, device),
            aligner: Aligner::new(config.width, config.output_width, device),
            config: config.clone(),
        }
    }

    /// The sizes it was built with.
    pub fn config(&self) -> &EncoderConfig {
        &self.config
    }

    /// Fills the network from a checkpoint of Janus-Pro, whole or cut to its vision part.
    ///
    /// # Errors
    /// Names every tensor that is missing, has another shape, or is unknown.
    pub fn load(
        self,
        checkpoint: &Checkpoint,
        options: &LoadOptions,
    ) -> Result<Self, flowinone_weights::Error> {
        flowinone_weights::load(self, checkpoint, map_key, options)
    }

    /// The same network to compute with alone: its linear layers packed for the CPU's kernels,
    /// those of a network without weights as soon as each has been filled. It can be neither
    /// trained nor saved any more. On devices without such kernels nothing changes.
    ///
    /// Norms, softmax, the patch embedding and the positions stay float32 at any precision. The
    /// tower runs once for a picture, and all else follows from it: 8 bits become bfloat16 here.
    #[must_use]
    pub fn packed(mut self, precision: Dtype) -> Self {
        let precision = match precision {
            Dtype::Int8 => Dtype::Bf16,
            other => other,
        };
        self.each_dense("", &mut |_, layer| layer.pack(precision));
        self
    }
}

dense_layers!(JanusEncoder: vision_tower, aligner);

impl VisualEncoder for JanusEncoder {
    /// Pixels of any float type; everything is computed in the type of the weights, and so are the
    /// tokens.
    ///
    /// # Panics
    /// If the pixels are not `[b, 3, side, side]`.
    fn encode(&self, pixels: Tensor<4>) -> Tensor<3> {
        let side = self.config.image_size;
        let [batch, channels, height, width] = pixels.dims();
        assert!(
            batch > 0 && channels == 3 && height == side && width == side,
            "pixels must be [b, 3, {side}, {side}], not {:?}",
            pixels.dims()
        );
        let dtype: FloatDType = self.vision_tower.pos_embed.val().dtype().into();
        self.aligner
            .forward(self.vision_tower.forward(pixels.cast(dtype)))
    }

    fn side(&self) -> usize {
        self.config.image_size
    }
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;

    #[test]
    fn every_item_of_a_batch_is_encoded_by_itself() {
        let device = Device::flex();
        let encoder = EncoderConfig::tiny().init(&device);
        let side = encoder.side();
        let pixels = Tensor::<4>::random(
            [2, 3, side, side],
            burn::tensor::Distribution::Uniform(-1.0, 1.0),
            &device,
        );
        let both = encoder.encode(pixels.clone());
        assert_eq!(both.dims(), [2, 16, 24]);
        let second = encoder.encode(pixels.narrow(0, 1, 1));
        let difference = (both.narrow(0, 1, 1) - second).abs().max();
        assert!(difference.into_scalar::<f32>() < 1e-5);
    }

    #[test]
    #[should_panic(expected = "pixels must be [b, 3, 64, 64], not [1, 3, 64, 32]")]
    fn another_size_is_refused() {
        let device = Device::flex();
        let encoder = EncoderConfig::tiny().init(&device);
        encoder.encode(Tensor::zeros([1, 3, 64, 32], &device));
    }
}
