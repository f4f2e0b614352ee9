//! The source encoder: from the visual tokens of a picture to where its flow starts,
//! `x0 = mean + exp(log_var / 2) * noise`. There is no Gaussian start. Where the configuration
//! states a deviation, `log_var = 2 ln deviation` and the last layer gives the mean alone.

mod context;
mod layer;
mod norm;

use burn::module::Module;
use burn::tensor::{DType, Device, Tensor};
use flowinone_kernels::{Dense, dense_layers};

use crate::FlowConfig;
use context::ContextEncoder;

/// Adapter, token compressor and variational context encoder.
#[derive(Module, Debug)]
pub struct SourceEncoder {
    adapter: Dense,
    pub(crate) token_compressor: Dense,
    pub(crate) context_encoder: ContextEncoder,
    pub(crate) latent_channels: usize,
    pub(crate) latent_side: usize,
    deviation: Option<f64>,
}

impl SourceEncoder {
    pub(crate) fn new(config: &FlowConfig, device: &Device) -> Self {
        let source = &config.source;
        let (channels, side) = (config.latent_channels, config.latent_side);
        Self {
            adapter: Dense::new(source.token_width, source.width, device),
            token_compressor: Dense::new(source.tokens, source.compressed_tokens, device),
            context_encoder: ContextEncoder::new(source, source.moments() * channels, side, device),
            latent_channels: config.latent_channels,
            latent_side: config.latent_side,
            deviation: source.deviation,
        }
    }

    /// The distribution of the flow's start where pictures are made, from visual tokens `[batch,
    /// tokens, width]`; in the tokens' element type. A codebook has its temperature here.
    ///
    /// # Panics
    /// If number or width of the tokens are not those of the configuration.
    pub fn forward(&self, tokens: Tensor<3>) -> Source {
        let dtype = tokens.dtype();
        let said = self.context_encoder.tempered(self.said(tokens));
        self.start_of(said, dtype)
    }

    /// What the compressed tokens say before the last layer, from visual tokens `[batch, tokens,
    /// width]`: `[batch, compressed_tokens, values]`; with a codebook scores of its codes, then its
    /// numbers.
    ///
    /// # Panics
    /// As [`forward`](Self::forward).
    pub fn said(&self, tokens: Tensor<3>) -> Tensor<3> {
        let [batch, count, width] = tokens.dims();
        let [token_width, _] = self.adapter.dims();
        let [token_count, _] = self.token_compressor.dims();
        assert!(
            (count, width) == (token_count, token_width),
            "visual tokens of shape [{batch}, {count}, {width}], \
             expected [batch, {token_count}, {token_width}]"
        );
        self.context_encoder.said(self.compressed(tokens))
    }

    /// The distribution of the flow's start for what the compressed tokens [said](Self::said), at
    /// temperature 1, in the element type `dtype`.
    pub fn start_of(&self, said: Tensor<3>, dtype: DType) -> Source {
        let [batch, ..] = said.dims();
        let moments = self.context_encoder.moments(said).cast(dtype);
        let (channels, side) = (self.latent_channels, self.latent_side);
        if let Some(deviation) = self.deviation {
            let mean = moments.reshape([batch, channels, side, side]);
            let log_var = mean.full_like(2.0 * deviation.ln());
            return Source { mean, log_var };
        }
        // First half mean, second half log-variance.
        let moments = moments.reshape([batch, 2 * channels, side, side]);
        let [mean, log_var] =
            [0, 1].map(|half| moments.clone().narrow(1, half * channels, channels));
        Source { mean, log_var }
    }

    /// Visual tokens to `[batch, compressed_tokens, width]`.
    pub(crate) fn compressed(&self, tokens: Tensor<3>) -> Tensor<3> {
        let tokens = self.adapter.forward(tokens.cast(self.adapter.dtype()));
        // Mixes tokens, each channel for itself.
        let mixed = self.token_compressor.forward(tokens.swap_dims(1, 2));
        mixed.swap_dims(1, 2)
    }
}

dense_layers!(SourceEncoder: adapter, token_compressor, context_encoder);

/// A Gaussian over the start of the flow, each value on its own.
#[derive(Debug, Clone)]
pub struct Source {
    /// Mean, `[batch, channels, side, side]`; also the most likely start.
    pub mean: Tensor<4>,
    /// Logarithm of the variance, `[batch, channels, side, side]`.
    pub log_var: Tensor<4>,
}

impl Source {
    /// The same distribution, through which no gradient goes.
    #[must_use]
    pub fn detach(self) -> Self {
        Self {
            mean: self.mean.detach(),
            log_var: self.log_var.detach(),
        }
    }

    /// The start for standard normal `noise` of the mean's shape:
    /// `mean + exp(log_var / 2) * noise`.
    ///
    /// # Panics
    /// If the noise has another shape.
    pub fn sample(&self, noise: Tensor<4>) -> Tensor<4> {
        let (noise_shape, shape) = (noise.dims(), self.mean.dims());
        assert_eq!(
            noise_shape, shape,
            "noise of shape {noise_shape:?} for a source of {shape:?}"
        );
        let std = self.log_var.clone().mul_scalar(0.5).exp();
        std * noise.cast(self.mean.dtype()) + self.mean.clone()
    }
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;

    #[test]
    fn a_codebook_makes_each_square_of_what_its_token_says() {
        let device = Device::flex();
        let mut config = FlowConfig::mini(); // 8 x 8 tokens for 16 x 16 values of 8 channels
        config.source.codebook = Some(crate::Codebook {
            codes: 5,
            numbers: 2,
            temperature: 0.25,
        });
        config.validate().unwrap();
        let network = SourceEncoder::new(&config, &device);
        let init = flowinone_weights::Init::by_fan_in;
        let source = flowinone_weights::randomize(network, 5, init).unwrap();
        let [tokens, width] = [config.source.tokens, config.source.token_width];
        let normal = burn::tensor::Distribution::Normal(0.0, 1.0);
        let x = Tensor::<3>::random([2, tokens, width], normal, &device);
        let said = source.said(x.clone());
        assert_eq!(said.dims(), [2, 64, 7]);
        let start = source.start_of(said.clone(), DType::F32).mean;
        assert_eq!(start.dims(), [2, 8, 16, 16]);
        // A picture is made from scores divided by the temperature.
        let [scores, numbers] =
            [(0, 5), (5, 2)].map(|(at, count)| said.clone().narrow(2, at, count));
        let sure = Tensor::cat(vec![scores * 4.0, numbers], 2);
        assert_eq!(
            source.forward(x).mean.into_data(),
            source.start_of(sure, DType::F32).mean.into_data()
        );
        // Another score of one token of the second item changes its square alone; a constant on all
        // scores changes nothing.
        let at = 3 * 8 + 5;
        let other = said.clone().slice_fill([1..2, at..at + 1, 2..3], 4.0);
        let changed = source.start_of(other, DType::F32).mean - start.clone();
        let changed: Vec<f32> = changed.into_data().try_to_vec().unwrap();
        for (place, change) in changed.into_iter().enumerate() {
            let [item, row, column] = [place / 2048, place % 256 / 16, place % 16];
            let here = item == 1 && row / 2 == 3 && column / 2 == 5;
            assert_eq!(change != 0.0, here, "{item} {row} {column}: {change}");
        }
        let scores = said.clone().narrow(2, 0, 5) + 3.0;
        let lifted = Tensor::cat(vec![scores, said.narrow(2, 5, 2)], 2);
        let lifted = source.start_of(lifted, DType::F32).mean - start;
        assert!(lifted.abs().max().into_scalar::<f32>() < 1e-5);
    }

    #[test]
    fn a_stated_deviation_is_that_of_every_value_and_takes_no_weights() {
        let device = Device::flex();
        let mut config = FlowConfig::tiny();
        let predicted = SourceEncoder::new(&config, &device);
        config.source.deviation = Some(0.1);
        let stated = SourceEncoder::new(&config, &device);
        let outputs = |network: &SourceEncoder| network.context_encoder.linear.dims()[1];
        assert_eq!(outputs(&predicted), 2 * outputs(&stated));

        let shape = [1, config.source.tokens, config.source.token_width];
        let source = stated.forward(Tensor::zeros(shape, &device));
        let away = source.sample(source.mean.ones_like()) - source.mean;
        let away: Vec<f32> = away.into_data().try_to_vec().unwrap();
        assert_eq!(away.len(), outputs(&stated));
        assert!(away.iter().all(|step| (step - 0.1).abs() < 1e-6));
    }
}
