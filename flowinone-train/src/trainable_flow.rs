//! The networks that a run of the flow changes, and what they begin with: a model's weights, those of a
//! run that came before, or random ones.

use burn::module::Module;
use burn::tensor::Device;
use flowinone_encoder::JanusEncoder;
use flowinone_flow::FlowNetwork;
use flowinone_flow::train::Contrast;
use flowinone_tasks::{FlowInOne, ModelConfig};
use flowinone_weights::{Random, randomize};

use crate::{Checkpoint, Error, FlowConfig, LabelHeads, Part, newest};

/// What a run of the flow changes.
#[derive(Module, Debug)]
pub struct FlowModel {
    /// Vision tower and aligner.
    pub encoder: JanusEncoder,
    /// Source encoder and velocity network.
    pub network: FlowNetwork,
    pub(crate) contrast: Contrast,
    pub(crate) heads: Option<LabelHeads>,
}

impl FlowModel {
    /// The networks that `config` begins with, on the device of `networks`: those, which are a `model`, or
    /// what the run to start from or chance has in their place. Labels choose between so many `classes`.
    ///
    /// # Errors
    /// A run to start from that has no checkpoint, or other networks.
    pub fn begin(
        config: &FlowConfig,
        model: &ModelConfig,
        networks: &FlowInOne,
        classes: usize,
        device: &Device,
    ) -> Result<Self, Error> {
        let seed = config.run.seed;
        let before = config.start.as_deref().map(|folder| {
            let none = || Error::file(folder, "the run has no checkpoint to start from");
            newest(folder)?.ok_or_else(none)
        });
        let before = before.transpose()?;
        let known = before.as_ref().map(Checkpoint::classes).transpose()?;
        let heads = || {
            let [tokens, width] = [model.encoder.tokens(), model.encoder.output_width];
            let classes = known.flatten().unwrap_or(classes);
            let heads = LabelHeads::new(tokens, width, classes, device);
            randomize(heads, seed, Random::by_fan_in)
        };
        let mut begun = Self {
            encoder: networks.encoder().clone(),
            network: networks.flow().clone(),
            contrast: Contrast::new(device),
            heads: (config.aids.labels > 0.0).then(heads).transpose()?,
        };
        if let Some(before) = before {
            begun = before.average(begun)?;
            let heads = begun.heads.take();
            let heads = heads.map(|heads| heads.of_classes(classes, seed));
            begun.heads = heads.transpose()?;
        }
        for part in &config.anew {
            begun = begun.anew(*part, model, seed, device)?;
        }
        Ok(begun.changing(|part| config.trains(part)))
    }

    /// With random weights in a part.
    fn anew(
        mut self,
        part: Part,
        model: &ModelConfig,
        seed: u64,
        device: &Device,
    ) -> Result<Self, Error> {
        let network = || randomize(model.flow.init(device), seed, flowinone_flow::random);
        match part {
            Part::Encoder => {
                let encoder = model.encoder.init(device);
                self.encoder = randomize(encoder, seed, flowinone_encoder::random)?;
            }
            Part::Source => self.network.source = network()?.source.placed(),
            Part::Velocity => self.network.velocity = network()?.velocity.placed(),
        }
        Ok(self)
    }

    /// Without gradients in the parts that are not `trained`.
    fn changing(mut self, trained: impl Fn(Part) -> bool) -> Self {
        if !trained(Part::Encoder) {
            self.encoder = self.encoder.no_grad();
        }
        if !trained(Part::Source) {
            self.network.source = self.network.source.no_grad();
        }
        if !trained(Part::Velocity) {
            self.network.velocity = self.network.velocity.no_grad();
        }
        self
    }
}
