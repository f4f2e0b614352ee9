//! The two networks of the flow, and the velocity network's two stages:
//!
//! ```text
//! x0 ~ N(mean, exp(log_var)),   (mean, log_var) = source(tokens)
//! dx/dt = velocity(x, t)
//! ```

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use flowinone_kernels::{DenseLayers, Dtype, dense_layers};
use flowinone_sampler::Branch;
use flowinone_weights::{Checkpoint, LoadOptions, load};

use crate::convnext::ConvNextStage;
use crate::keys::map_key;
use crate::source::SourceEncoder;
use crate::structure::{Structure, StructureTokens};
use crate::time::Time;
use crate::transformer::TransformerStage;
use crate::{FlowConfig, TwoTimes};

/// Everything that a FlowInOne checkpoint holds: the source encoder and the velocity network.
#[derive(Module, Debug)]
pub struct FlowNetwork {
    /// From visual tokens to the start of the flow.
    pub source: SourceEncoder,
    /// The velocity of the flow.
    pub velocity: VelocityNetwork,
}

impl FlowConfig {
    /// The network with these sizes; its parameters are made when they are first used.
    ///
    /// # Panics
    /// If the sizes do not fit each other: see [`FlowConfig::validate`].
    pub fn init(&self, device: &Device) -> FlowNetwork {
        if let Err(error) = self.validate() {
            panic!("{error}");
        }
        FlowNetwork::new(self, device)
    }
}

impl FlowNetwork {
    pub(crate) fn new(config: &FlowConfig, device: &Device) -> Self {
        Self {
            source: SourceEncoder::new(config, device),
            velocity: VelocityNetwork::new(config, device),
        }
    }

    /// The same network with the weights of a FlowInOne checkpoint (`flowinone_256px.pth`).
    ///
    /// # Errors
    /// If the checkpoint lacks a parameter, has one of another shape or one that the network does
    /// not know, or cannot be read.
    pub fn load(
        self,
        checkpoint: &Checkpoint,
        options: &LoadOptions,
    ) -> Result<Self, flowinone_weights::Error> {
        load(self, checkpoint, map_key, options)
    }

    /// The same network to compute with alone: its linear layers packed for the CPU's kernels,
    /// those of a network without weights as soon as each has been filled. It can be neither
    /// trained nor saved any more. On devices without such kernels nothing changes.
    ///
    /// Norms, softmax, gates, curves in time, convolutions, input and output layers stay float32 at
    /// any precision; the source encoder, which runs once for a picture, has bfloat16 where the
    /// velocity has 8 bits.
    #[must_use]
    pub fn packed(mut self, precision: Dtype) -> Self {
        self.each_dense("", &mut |path, layer| {
            let source = path.starts_with("source.");
            layer.pack(match precision {
                _ if path.contains(".gate.") => Dtype::F32,
                Dtype::Int8 if source => Dtype::Bf16,
                precision => precision,
            });
        });
        self
    }
}

dense_layers!(FlowNetwork: source, velocity);

/// The velocity network: a transformer at half resolution, then `ConvNeXt` blocks at full
/// resolution.
#[derive(Module, Debug)]
pub struct VelocityNetwork {
    pub(crate) transformer: TransformerStage,
    pub(crate) convnext: ConvNextStage,
    #[module(skip)]
    pub(crate) two_times: Option<TwoTimes>,
}

dense_layers!(VelocityNetwork: transformer, convnext);

/// The velocities that the two stages predict; sampling uses the fine one alone.
#[derive(Debug, Clone)]
pub struct StageVelocities {
    /// From the transformer stage, `[batch, channels, side / 2, side / 2]`.
    pub coarse: Tensor<4>,
    /// From the `ConvNeXt` stage, `[batch, channels, side, side]`.
    pub fine: Tensor<4>,
}

impl VelocityNetwork {
    fn new(config: &FlowConfig, device: &Device) -> Self {
        let channels = config.latent_channels;
        Self {
            transformer: TransformerStage::new(&config.transformer, channels, device),
            convnext: ConvNextStage::new(config, device),
            two_times: config.two_times,
        }
    }

    /// The same weights in a network that reads two times like that, or one. Where both times are
    /// the same its velocities are, bit for bit.
    #[must_use]
    pub fn with_two_times(self, two_times: Option<TwoTimes>) -> Self {
        Self { two_times, ..self }
    }

    /// The velocity at `x` `[batch, channels, side, side]`, of the same shape and element type; the
    /// average velocity if `time` is two times.
    ///
    /// `branches` has one entry for each item, and conditional and unconditional ones may be mixed;
    /// `None` leaves the indicator token out, as no shipped path does.
    ///
    /// # Panics
    /// If branches, times or structure are not of `x`'s batch, or if there are two times for a
    /// network of one.
    pub fn forward(
        &self,
        x: Tensor<4>,
        time: &Time,
        branches: Option<&[Branch]>,
        structure: Option<&StructureTokens>,
    ) -> Tensor<4> {
        let dtype = x.dtype();
        check_batch(&x, branches, structure);
        let taus = time.taus(self.two_times, x.dims()[0], &x.device());
        let states = self
            .transformer
            .states(x.clone(), &taus, branches, structure);
        self.convnext.forward(x, states, &taus.r).cast(dtype)
    }

    /// The velocities of both stages, for the multi-scale objective of training; otherwise as
    /// [`VelocityNetwork::forward`].
    ///
    /// # Panics
    /// As [`VelocityNetwork::forward`].
    pub fn stages(
        &self,
        x: Tensor<4>,
        time: &Time,
        branches: Option<&[Branch]>,
        structure: Option<&StructureTokens>,
    ) -> StageVelocities {
        let dtype = x.dtype();
        check_batch(&x, branches, structure);
        let taus = time.taus(self.two_times, x.dims()[0], &x.device());
        let states = self
            .transformer
            .states(x.clone(), &taus, branches, structure);
        let last = states.last();
        StageVelocities {
            coarse: self.transformer.output.forward(last, &taus.r).cast(dtype),
            fine: self.convnext.forward(x, states, &taus.r).cast(dtype),
        }
    }

    /// What the network needs of the structure latents, at every time and state alike; `None` if
    /// no item follows its latent.
    ///
    /// # Panics
    /// If the network was configured without a structure path.
    pub fn structure_tokens(&self, structure: &Structure) -> Option<StructureTokens> {
        if !structure.followed().contains(&true) {
            return None;
        }
        let input = self.transformer.structure_input.as_ref();
        let input =
            input.expect("a structure latent needs a network with transformer.structure on");
        let embedded = input.forward(structure.latent().clone());
        Some(StructureTokens::new(embedded, structure.followed()))
    }
}

/// Panics unless branches and structure are those of `x`'s items.
pub(crate) fn check_batch(
    x: &Tensor<4>,
    branches: Option<&[Branch]>,
    structure: Option<&StructureTokens>,
) {
    let [batch, ..] = x.dims();
    if let Some(branches) = branches {
        let count = branches.len();
        assert_eq!(count, batch, "{count} branches for a batch of {batch}");
    }
    if let Some(structure) = structure {
        let count = structure.batch();
        assert_eq!(
            count, batch,
            "{count} structure latents for a batch of {batch}"
        );
    }
}
