//! Latents as the model's own flow makes them of prompts, from which the decoder is to make the
//! true pictures all the same: it then mends what the flow blurs, and the compositor learns what a
//! flow leaves of things that stay.

use burn::module::Module;
use burn::tensor::{Device, FloatDType, Tensor};
use flowinone_encoder::JanusEncoder;
use flowinone_flow::FlowNetwork;
use flowinone_tasks::{FlowInOne, Item, ModelConfig, Pipeline, Settings};
use flowinone_vae::Autoencoder;
use image::RgbImage;

use crate::{BatchRng, Reconstruction};

/// The model's flow, to make latents with.
#[derive(Clone)]
pub struct FlowMade {
    pipeline: Pipeline<JanusEncoder, Autoencoder, FlowNetwork>,
    settings: Settings,
}

/// What the flow is asked for.
#[derive(Clone)]
pub(crate) struct Asked {
    /// The prompt picture, of any size.
    pub(crate) prompt: RgbImage,
    /// Whether the result keeps its structure.
    pub(crate) structure: bool,
}

impl FlowMade {
    /// By the networks of `model` with `autoencoder`, whose encoder has to stay as it is, if the
    /// run asks for latents that a flow makes; they compute gradients, and `device` is theirs
    /// without.
    pub fn new(
        run: &Reconstruction,
        networks: &FlowInOne,
        autoencoder: &Autoencoder,
        model: &ModelConfig,
        device: &Device,
    ) -> Option<Self> {
        if run.flow_made == 0.0 {
            return None;
        }
        let pipeline = Pipeline::new(
            networks.encoder().valid(),
            autoencoder.valid(),
            networks.flow().valid(),
            model.picture_side,
            device,
            FloatDType::F32,
        );
        Some(Self {
            pipeline,
            settings: model.sampling,
        })
    }

    /// The latents that the flow makes of each of these, with noise of their own,
    /// `[count, channels, side, side]`.
    ///
    /// # Panics
    /// If the flow makes latents that are not finite, as no trained one does.
    pub(crate) fn latents(&self, asked: &[&Asked], rng: &mut BatchRng) -> Tensor<4> {
        let numbers = rng.below(1 << 30, asked.len());
        let item = |(asked, number): (&&Asked, usize)| Item {
            prompt: asked.prompt.clone(),
            structure: asked.structure,
            seed: 0,
            number: number as u64,
        };
        let items: Vec<Item> = asked.iter().zip(numbers).map(item).collect();
        let start = self.pipeline.start(&items, self.settings.noise);
        let last = self.pipeline.solve(&start, &self.settings);
        last.expect("a trained flow makes finite latents").x
    }
}
