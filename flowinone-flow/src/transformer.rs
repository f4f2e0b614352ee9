//! First stage, a transformer at half resolution. A block:
//!
//! ```text
//! x += SA(x);   x += g * CA(x, structure);   x += MLP(x)
//! ```

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use flowinone_kernels::{Dense, dense_layers};
use flowinone_sampler::Branch;

use crate::TransformerConfig;
use crate::attention::SelfAttention;
use crate::cross::StructureAttention;
use crate::indicator::Indicator;
use crate::input::InputLayer;
use crate::mlp::GatedMlp;
use crate::output::OutputLayer;
use crate::skips::{run_blocks, skip_denses};
use crate::states::States;
use crate::structure::StructureTokens;
use crate::time::{Tau, Taus};

/// The transformer stage.
#[derive(Module, Debug)]
pub(crate) struct TransformerStage {
    pub(crate) input: InputLayer,
    pub(crate) structure_input: Option<InputLayer>,
    pub(crate) indicator: Indicator,
    pub(crate) blocks: Vec<TransformerBlock>,
    pub(crate) skip_denses: Vec<Dense>,
    pub(crate) output: OutputLayer,
}

impl TransformerStage {
    pub(crate) fn new(config: &TransformerConfig, channels: usize, device: &Device) -> Self {
        let input = || InputLayer::new(channels, config.patch, config.side, config.width, device);
        Self {
            input: input(),
            structure_input: config.structure.then(input),
            indicator: Indicator::new(device),
            blocks: (0..config.blocks)
                .map(|_| TransformerBlock::new(config, device))
                .collect(),
            skip_denses: skip_denses(config.blocks, config.width, device),
            output: OutputLayer::new(config.width, channels, config.side, device),
        }
    }

    /// All states of the stage: the input of the first block, then the output of every block.
    pub(crate) fn states(
        &self,
        x: Tensor<4>,
        taus: &Taus,
        branches: Option<&[Branch]>,
        structure: Option<&StructureTokens>,
    ) -> States {
        let (x, structure, tokens) = self.sequences(x, branches, structure);
        let mut sequences = Vec::with_capacity(1 + self.blocks.len());
        sequences.push(x.clone());
        let run = |index, block: &TransformerBlock, x| {
            block.forward(x, structure.as_ref(), taus.of_block(index))
        };
        run_blocks(&self.blocks, &self.skip_denses, x, run, |x| {
            sequences.push(x.clone());
        });
        States { sequences, tokens }
    }

    /// What the first block adds to the latent's tokens, `[batch, tokens * width]`: nearly for
    /// nothing, and it changes as the velocity does.
    pub(crate) fn probe(
        &self,
        x: Tensor<4>,
        taus: &Taus,
        branches: &[Branch],
        structure: Option<&StructureTokens>,
    ) -> Tensor<2> {
        let (x, structure, tokens) = self.sequences(x, Some(branches), structure);
        let block = self.blocks.first().expect("a stage has blocks");
        let added = block.forward(x.clone(), structure.as_ref(), taus.of_block(0)) - x;
        States::behind_indicator(tokens, added).flatten(1, 2)
    }

    /// The tokens of the latent and of its structure, the indicator in front of both, and how many
    /// are the latent's own.
    fn sequences(
        &self,
        x: Tensor<4>,
        branches: Option<&[Branch]>,
        structure: Option<&StructureTokens>,
    ) -> (Tensor<3>, Option<StructureTokens>, usize) {
        let x = self.input.forward(x);
        let [_, tokens, width] = x.dims();
        let indicator = branches.map(|branches| self.indicator.tokens(branches, width));
        match indicator {
            Some(token) => (
                Tensor::cat(vec![token.clone(), x], 1), // [batch, 1 + tokens, width]
                structure.map(|structure| structure.with_indicator(token)),
                tokens,
            ),
            None => (x, structure.cloned(), tokens),
        }
    }
}

dense_layers!(TransformerStage: blocks, skip_denses);

/// One block of the transformer stage.
#[derive(Module, Debug)]
pub(crate) struct TransformerBlock {
    pub(crate) attention: SelfAttention,
    pub(crate) structure: Option<StructureAttention>,
    mlp: GatedMlp,
}

impl TransformerBlock {
    fn new(config: &TransformerConfig, device: &Device) -> Self {
        let (width, heads) = (config.width, config.heads);
        Self {
            attention: SelfAttention::new(width, heads, device),
            structure: config
                .structure
                .then(|| StructureAttention::new(width, heads, device)),
            mlp: GatedMlp::new(width, config.mlp_width, device),
        }
    }

    /// Tokens `[batch, tokens, width]` to the same shape.
    pub(crate) fn forward(
        &self,
        x: Tensor<3>,
        structure: Option<&StructureTokens>,
        tau: &Tau,
    ) -> Tensor<3> {
        let mut x = x.clone() + self.attention.forward(x, tau);
        if let (Some(path), Some(structure)) = (&self.structure, structure) {
            x = x.clone() + path.forward(x, structure, tau);
        }
        x.clone() + self.mlp.forward(x, tau)
    }
}

dense_layers!(TransformerBlock: attention, structure, mlp);
