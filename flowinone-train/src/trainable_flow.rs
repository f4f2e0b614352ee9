//! The networks that a run trains, and what they are initialised from: a model's weights, those of
//! an earlier run, or random ones.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use flowinone_encoder::JanusEncoder;
use flowinone_flow::FlowNetwork;
use flowinone_flow::train::{ContrastiveLoss, sincos_positions};
use flowinone_tasks::{FlowInOne, ModelConfig, Networks};
use flowinone_vae::Autoencoder;
use flowinone_weights::{Init, randomize};

use crate::layout::LayoutHeads;
use crate::layout_start::{LAYOUT_START, LayoutStart};
use crate::scene::SceneHead;
use crate::ways::WayHead;
use crate::{
    Error, FlowTrainingConfig, LabelHeads, LetterHead, Part, RunCheckpoint, SpellingHead,
    newest_checkpoint,
};

/// The networks that a run can train, with the heads of its losses. Field names are those of the
/// parameters in its checkpoints.
#[derive(Module, Debug)]
pub struct TrainableFlow {
    /// Vision tower and aligner.
    pub encoder: JanusEncoder,
    /// Source encoder and velocity network.
    pub network: FlowNetwork,
    pub(crate) contrast: ContrastiveLoss,
    pub(crate) heads: Option<LabelHeads>,
    pub(crate) speller: Option<SpellingHead>,
    pub(crate) letters: Option<LetterHead>,
    pub(crate) scene: Option<SceneHead>,
    pub(crate) ways: Option<WayHead>,
    pub(crate) layout: Option<LayoutHeads>,
    pub(crate) layout_start: Option<LayoutStart>,
}

impl TrainableFlow {
    /// Builds the networks for a run. Parts listed in `config.reinit` are initialised at random; if
    /// `config.init_from` names a run, the rest is loaded from its newest checkpoint, otherwise
    /// from `networks`, those of `model`. `classes` is the number of label classes.
    ///
    /// # Errors
    /// `config.init_from` has no checkpoint, or is a run of other networks.
    pub fn new(
        config: &FlowTrainingConfig,
        model: &ModelConfig,
        networks: &FlowInOne,
        classes: usize,
        device: &Device,
    ) -> Result<Self, Error> {
        let seed = config.run.seed;
        let before = config.init_from.as_deref().map(|folder| {
            let none = || Error::file(folder, "the run has no checkpoint to start from");
            newest_checkpoint(folder)?.ok_or_else(none)
        });
        let before = before.transpose()?;
        let known = before.as_ref().map(RunCheckpoint::classes).transpose()?;
        let heads = || {
            let [tokens, width] = [model.encoder.tokens(), model.encoder.output_width];
            let classes = known.flatten().unwrap_or(classes);
            let heads = LabelHeads::new(tokens, width, classes, device);
            randomize(heads, seed, Init::by_fan_in)
        };
        let mut flow = Self {
            encoder: networks.encoder().clone(),
            network: networks.flow().clone(),
            contrast: ContrastiveLoss::new(device),
            heads: (config.auxiliary_losses.labels > 0.0)
                .then(heads)
                .transpose()?,
            speller: (config.auxiliary_losses.spelling > 0.0)
                .then(|| SpellingHead::new(model.encoder.output_width, device))
                .map(|speller| randomize(speller, seed, Init::by_fan_in))
                .transpose()?,
            letters: (config.auxiliary_losses.letters > 0.0)
                .then(|| LetterHead::new(model.encoder.output_width, device))
                .map(|letters| randomize(letters, seed, Init::by_fan_in))
                .transpose()?,
            scene: (config.auxiliary_losses.scene > 0.0)
                .then(|| SceneHead::new(model.encoder.output_width, classes, device))
                .map(|scene| randomize(scene, seed, Init::by_fan_in))
                .transpose()?,
            ways: (config.auxiliary_losses.ways > 0.0)
                .then(|| WayHead::new(model.encoder.output_width, device))
                .map(|ways| randomize(ways, seed, Init::by_fan_in))
                .transpose()?,
            layout: (config.auxiliary_losses.layout > 0.0)
                .then(|| {
                    let [width, channels] =
                        [model.encoder.output_width, model.flow.latent_channels];
                    LayoutHeads::new(width, channels, classes, device)
                })
                .map(|layout| randomize(layout, seed, Init::by_fan_in))
                .transpose()?,
            layout_start: (config.auxiliary_losses.layout_start > 0.0)
                .then(|| LayoutStart::new(model.flow.latent_channels, classes, seed, device))
                .transpose()?,
        };
        let mut start_is_known = false;
        if let Some(before) = &before {
            let same = known.flatten() == Some(classes);
            start_is_known = before.has(LAYOUT_START)? && same;
            flow = flow.loaded(before, same)?;
            let heads = flow.heads.take();
            let heads = heads.map(|heads| heads.with_classes(classes, seed));
            flow.heads = heads.transpose()?;
        }
        if let Some(heads) = &config.init_heads {
            start_is_known = true; // the file has one, or is refused
            flow = flow.with_heads_of(heads)?;
        }
        for part in &config.reinit {
            flow = flow.reinit(*part, model, seed, device)?;
        }
        // A new source encoder says what the velocity network knows to draw from.
        if let (true, Some(start)) = (start_is_known, &flow.layout_start)
            && config.reinit.contains(&Part::Source)
        {
            flow.network.source = flow.network.source.codebook_init(&start.code);
        }
        // A map that is there already stays as the source encoder knows it.
        flow.layout_start = flow.layout_start.map(|start| match start_is_known {
            true => start.no_grad(),
            false => start,
        });
        Ok(flow.frozen_except(|part| config.trains(part)))
    }

    /// The networks of a model without gradients, on `device`, which computes them for others; of
    /// packed layers only what is not packed lies there.
    pub fn frozen(networks: &FlowInOne, device: &Device) -> Self {
        let flow = Self {
            encoder: networks.encoder().clone(),
            network: networks.flow().clone(),
            contrast: ContrastiveLoss::new(&device.clone().inner()),
            heads: None,
            speller: None,
            letters: None,
            scene: None,
            ways: None,
            layout: None,
            layout_start: None,
        };
        flow.valid().train().no_grad()
    }

    /// The networks of a model whose autoencoder is `autoencoder`, to be written as one.
    pub fn beside<'a>(&'a self, autoencoder: &'a Autoencoder) -> Networks<'a> {
        Networks {
            encoder: &self.encoder,
            vae: autoencoder,
            flow: &self.network,
        }
    }

    /// With a part reinitialised at random.
    fn reinit(
        mut self,
        part: Part,
        model: &ModelConfig,
        seed: u64,
        device: &Device,
    ) -> Result<Self, Error> {
        let network = || randomize(model.flow.init(device), seed, flowinone_flow::default_init);
        match part {
            Part::Encoder => {
                let encoder = model.encoder.init(device);
                let encoder = randomize(encoder, seed, Init::by_fan_in)?;
                self.encoder = with_positions(encoder);
            }
            Part::Source => self.network.source = network()?.source.spatial_identity_init(),
            Part::Velocity => self.network.velocity = network()?.velocity.sincos_position_init(),
        }
        Ok(self)
    }

    /// Without gradients in the parts that are not `trained`.
    fn frozen_except(mut self, trained: impl Fn(Part) -> bool) -> Self {
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

/// The same encoder with sine-cosine positions, so that attention finds neighbours from the start.
fn with_positions(mut encoder: JanusEncoder) -> JanusEncoder {
    let positions = &mut encoder.vision_tower.pos_embed;
    let [_, tokens, width] = positions.dims();
    let values = sincos_positions(tokens.isqrt(), width);
    let values = TensorData::new(values, [1, tokens, width]);
    let values = Tensor::from_data(values, (&positions.device(), positions.dtype()));
    let id = positions.id;
    *positions = positions.clone().transform_for_load(values, id);
    encoder
}
