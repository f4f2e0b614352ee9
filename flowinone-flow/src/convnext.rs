//! Second stage, `ConvNeXt` blocks at full resolution: `x += conv(x)`, depthwise and without a norm
//! before it, then `x += MLP(x)`.

use burn::module::Module;
use burn::nn::PaddingConfig2d;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::tensor::{Device, Tensor};
use flowinone_kernels::{Dense, dense_layers, depthwise_convolution};

use crate::FlowConfig;
use crate::input::InputLayer;
use crate::mlp::GatedMlp;
use crate::output::OutputLayer;
use crate::skips::{run_blocks, skip_denses};
use crate::states::States;
use crate::time::Tau;
use crate::upsample::Upsample;

/// The `ConvNeXt` stage.
#[derive(Module, Debug)]
pub(crate) struct ConvNextStage {
    pub(crate) input: InputLayer,
    pub(crate) upsample: Upsample,
    pub(crate) blocks: Vec<ConvNextBlock>,
    pub(crate) skip_denses: Vec<Dense>,
    pub(crate) output: OutputLayer,
}

impl ConvNextStage {
    pub(crate) fn new(config: &FlowConfig, device: &Device) -> Self {
        let (low, high) = (&config.transformer, &config.convnext);
        let (channels, states) = (config.latent_channels, low.blocks + 1);
        Self {
            input: InputLayer::new(channels, 1, high.side, high.width, device),
            upsample: Upsample::new(states, low.width, low.side, high.width, device),
            blocks: (0..high.blocks)
                .map(|_| ConvNextBlock::new(high.width, high.mlp_width, high.kernel, device))
                .collect(),
            skip_denses: skip_denses(high.blocks, high.width, device),
            output: OutputLayer::new(high.width, channels, high.side, device),
        }
    }

    /// The velocity `[batch, channels, side, side]` at `x` of the same shape, given the states of
    /// the transformer stage.
    pub(crate) fn forward(&self, x: Tensor<4>, states: States, tau: &Tau) -> Tensor<4> {
        let x = self.input.forward(x) + self.upsample.forward(states, tau);
        let run = |_, block: &ConvNextBlock, x| block.forward(x, tau);
        let x = run_blocks(&self.blocks, &self.skip_denses, x, run, |_| ());
        self.output.forward(x, tau)
    }
}

dense_layers!(ConvNextStage: upsample, blocks, skip_denses);

/// One block of the `ConvNeXt` stage.
#[derive(Module, Debug)]
pub(crate) struct ConvNextBlock {
    conv: Conv2d,
    mlp: GatedMlp,
}

impl ConvNextBlock {
    fn new(width: usize, hidden: usize, kernel: usize, device: &Device) -> Self {
        let pad = kernel / 2;
        Self {
            conv: Conv2dConfig::new([width, width], [kernel, kernel])
                .with_groups(width)
                .with_padding(PaddingConfig2d::Explicit(pad, pad, pad, pad))
                .init(device),
            mlp: GatedMlp::new(width, hidden, device),
        }
    }

    /// Tokens `[batch, side * side, width]` to the same shape.
    pub(crate) fn forward(&self, x: Tensor<3>, tau: &Tau) -> Tensor<3> {
        let x = x.clone() + self.mixed(x);
        x.clone() + self.mlp.forward(x, tau)
    }

    /// The depthwise convolution of a square map, before its residual.
    pub(crate) fn mixed(&self, x: Tensor<3>) -> Tensor<3> {
        let [_, tokens, _] = x.dims();
        let bias = self.conv.bias.as_ref().expect("made with a bias").val();
        depthwise_convolution(x, tokens.isqrt(), self.conv.weight.val(), bias)
    }
}

dense_layers!(ConvNextBlock: mlp);
