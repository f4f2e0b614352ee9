//! Latents and pictures as the model's own flow makes them of prompts. The decoder is to make the
//! true pictures of them all the same, and an upscaling network the true large ones: they then mend
//! what the flow blurs, and the compositor learns what a flow leaves of things that stay.

use burn::module::Module;
use burn::tensor::{Device, FloatDType, Tensor};
use flowinone_data::Example;
use flowinone_encoder::JanusEncoder;
use flowinone_flow::FlowNetwork;
use flowinone_tasks::{FlowInOne, Item, ModelConfig, Pipeline, Settings};
use flowinone_vae::{Autoencoder, LatentCodec};
use image::RgbImage;

use crate::BatchRng;

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

impl Asked {
    /// What would make the target of an example.
    pub(crate) fn of(example: &Example) -> Self {
        Self {
            prompt: example.input.clone(),
            structure: example.keeps_structure(),
        }
    }
}

impl FlowMade {
    /// By the networks of `model` with `autoencoder`, whose encoder has to stay as it is; they
    /// compute gradients, and `device` is theirs without.
    pub fn new(
        networks: &FlowInOne,
        autoencoder: &Autoencoder,
        model: &ModelConfig,
        device: &Device,
    ) -> Self {
        let pipeline = Pipeline::new(
            networks.encoder().valid(),
            autoencoder.valid(),
            networks.flow().valid(),
            model.picture_side,
            device,
            FloatDType::F32,
        );
        Self {
            pipeline,
            settings: model.sampling,
        }
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

    /// The pictures that they are decoded to, `[count, 3, side, side]` in [-1, 1].
    ///
    /// # Panics
    /// As [`latents`](Self::latents).
    pub(crate) fn pictures(&self, asked: &[&Asked], rng: &mut BatchRng) -> Tensor<4> {
        let latents = self.latents(asked, rng);
        self.pipeline.codec().decode(latents).clamp(-1.0, 1.0)
    }
}
