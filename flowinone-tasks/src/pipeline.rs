//! From prompt picture to picture: `tokens = encoder(p)`, `x0 = source(tokens)`,
//! `dx/dt = v(x, t | structure(p))`, `picture = decoder(x1)`.

use std::time::{Duration, Instant};

use burn::tensor::{DType, Device, FloatDType, Tensor};
use flowinone_encoder::{
    JanusEncoder, VisualEncoder, janus_pixels, janus_square, structure_pixels,
};
use flowinone_flow::{FlowModel, FlowNetwork, Structure};
use flowinone_image::center_crop;
use flowinone_sampler::{
    AdaptiveGuidance, FirstBlockCache, Guided, Solver, State, StepCache, trajectory_of,
};
use flowinone_vae::{Autoencoder, LatentCodec, to_bytes};
use image::RgbImage;

use crate::noise::{Use, noise};
use crate::{Dtype, Error, Settings};

/// The three networks, composed: any encoder, codec and flow that fit each other.
#[derive(Debug, Clone)]
pub struct Pipeline<E, C, F> {
    encoder: E,
    codec: C,
    flow: F,
    picture_side: usize,
    device: Device,
    dtype: FloatDType,
}

/// One picture to be made.
#[derive(Debug, Clone)]
pub struct Item {
    /// The prompt picture, upright 8-bit RGB of any size.
    pub prompt: RgbImage,
    /// Whether the result keeps the prompt's structure (see
    /// [`Task::keeps_structure`](flowinone_prompts::Task::keeps_structure)).
    pub structure: bool,
    /// Seed of the run.
    pub seed: u64,
    /// Number of the item in its run: with the seed it selects the item's own noise.
    pub number: u64,
}

/// A batch ready to flow: where it starts, and what it keeps in view.
#[derive(Debug, Clone)]
pub struct Start {
    /// The start of the flow in float32, `[items, channels, side, side]`.
    pub x0: Tensor<4>,
    /// The structure latents, if any item keeps its structure.
    pub structure: Option<Structure>,
    /// The prompt picture `[1, 3, side, side]` of each item that keeps its structure.
    pub kept: Vec<Option<Tensor<4>>>,
    /// Time spent in the vision encoder and the source encoder (on a GPU: until its work was
    /// queued).
    pub vision: Duration,
    /// Time spent in the autoencoder's encoder, likewise.
    pub autoencoder: Duration,
}

impl<E: VisualEncoder, C: LatentCodec, F: FlowModel> Pipeline<E, C, F> {
    /// Composes three networks whose weights have the type `dtype` and lie on `device`, for
    /// pictures of `picture_side` pixels a side.
    pub fn new(
        encoder: E,
        codec: C,
        flow: F,
        picture_side: usize,
        device: &Device,
        dtype: FloatDType,
    ) -> Self {
        Self {
            encoder,
            codec,
            flow,
            picture_side,
            device: device.clone(),
            dtype,
        }
    }

    /// The same pipeline with what `change` makes of its codec, such as
    /// `|codec| codec.whole_up_to(32)` for an
    /// [`Autoencoder`](flowinone_vae::Autoencoder::whole_up_to) that takes less memory.
    #[must_use]
    pub fn map_codec<D: LatentCodec>(self, change: impl FnOnce(C) -> D) -> Pipeline<E, D, F> {
        Pipeline {
            encoder: self.encoder,
            codec: change(self.codec),
            flow: self.flow,
            picture_side: self.picture_side,
            device: self.device,
            dtype: self.dtype,
        }
    }

    /// The vision encoder.
    pub fn encoder(&self) -> &E {
        &self.encoder
    }

    /// The autoencoder.
    pub fn codec(&self) -> &C {
        &self.codec
    }

    /// The flow model.
    pub fn flow(&self) -> &F {
        &self.flow
    }

    /// The semantic path of one prompt: tokens `[1, tokens, width]`.
    pub fn tokens(&self, prompt: &RgbImage) -> Tensor<3> {
        let square = janus_square(prompt, self.encoder.side() as u32);
        let pixels = janus_pixels([&square], &self.device); // [1, 3, side, side]
        self.encoder.encode(self.weights_type(pixels))
    }

    /// The structure path of one prompt: its latent `[1, channels, side, side]` in float32, sampled
    /// with `noise` (standard normal, times the wanted scale), or its mode if `noise` is `None`.
    pub fn structure(&self, prompt: &RgbImage, noise: Option<Tensor<4>>) -> Tensor<4> {
        self.latent(self.image(prompt), noise)
    }

    /// The middle of a prompt in the size and the element type of the autoencoder: `[1, 3, side,
    /// side]`.
    fn image(&self, prompt: &RgbImage) -> Tensor<4> {
        let crop = center_crop(prompt, self.picture_side as u32);
        self.weights_type(structure_pixels([&crop], &self.device))
    }

    fn latent(&self, image: Tensor<4>, noise: Option<Tensor<4>>) -> Tensor<4> {
        let posterior = self.codec.encode(image);
        let latent = match noise {
            Some(noise) => posterior.sample(self.weights_type(noise)),
            None => posterior.mode(),
        };
        latent.cast(FloatDType::F32)
    }

    /// Encodes a batch of prompts, one at a time so that memory and results do not depend on the
    /// batch; `scale` multiplies all noise.
    pub fn start<'i>(&self, items: impl IntoIterator<Item = &'i Item>, scale: f64) -> Start {
        let (mut starts, mut latents, mut kept) = (vec![], vec![], vec![]);
        let (mut vision, mut autoencoder) = (Duration::ZERO, Duration::ZERO);
        for item in items {
            let draw = |purpose, shape: [usize; 4]| {
                let [_, channels, side, _] = shape;
                let noise = noise(
                    item.seed,
                    item.number,
                    purpose,
                    [channels, side],
                    &self.device,
                );
                (scale != 0.0).then(|| noise.mul_scalar(scale))
            };
            let begin = Instant::now();
            let source = self.flow.source(self.tokens(&item.prompt));
            let shape = source.mean.dims();
            let x0 = match draw(Use::Source, shape) {
                Some(noise) => source.sample(self.weights_type(noise)),
                None => source.mean,
            };
            starts.push(x0.cast(FloatDType::F32));
            vision += begin.elapsed();
            let begin = Instant::now();
            let image = item.structure.then(|| self.image(&item.prompt));
            latents.push(match &image {
                Some(image) => self.latent(image.clone(), draw(Use::Structure, shape)),
                None => Tensor::zeros(shape, (&self.device, DType::F32)),
            });
            kept.push(image);
            autoencoder += begin.elapsed();
        }
        let keeps: Vec<bool> = kept.iter().map(Option::is_some).collect();
        let structure = keeps
            .contains(&true)
            .then(|| Structure::new(Tensor::cat(latents, 0)).masked(&keeps));
        Start {
            x0: Tensor::cat(starts, 0),
            structure,
            kept,
            vision,
            autoencoder,
        }
    }

    /// The flow solved from `start`, as an iterator: one state a step, nothing computed before it
    /// is asked for.
    ///
    /// # Errors
    /// Settings that make no sense; as an item a state that is not finite, named by step and stage.
    pub fn states(
        &self,
        start: &Start,
        settings: &Settings,
    ) -> Result<impl Iterator<Item = Result<State<4>, Error>> + use<'_, E, C, F>, Error> {
        self.states_until(start, settings, &|| false)
    }

    /// As [`states`](Self::states); `stop` is asked before each evaluation of the network, so that
    /// the run ends within a step, however many attempts an adaptive solver makes. It then ends
    /// with [`Stopped`](flowinone_sampler::Error::Stopped).
    ///
    /// # Errors
    /// As there.
    pub fn states_until<'a>(
        &'a self,
        start: &Start,
        settings: &Settings,
        stop: &'a dyn Fn() -> bool,
    ) -> Result<impl Iterator<Item = Result<State<4>, Error>> + use<'a, E, C, F>, Error> {
        settings.validate()?;
        if settings.solver == Solver::Map && !self.flow.has_two_times() {
            return Err(Error::Settings(
                "solver map needs a model of two times, and this one has one".into(),
            ));
        }
        let guided = Guided {
            field: self.flow.field(start.structure.clone()),
            guidance: settings.guidance,
        };
        let field = AdaptiveGuidance::new(guided, settings.adaptive_guidance);
        let field = FirstBlockCache::new(field, settings.first_block_cache);
        let field = StepCache::new(field, settings.step_cache);
        let states = trajectory_of(
            settings.solver,
            field,
            start.x0.clone(),
            settings.grid,
            settings.steps,
        )
        .until(stop);
        Ok(states.map(|state| Ok(state?)))
    }

    /// The last of the [`states`](Self::states).
    ///
    /// # Errors
    /// As there.
    pub fn solve(&self, start: &Start, settings: &Settings) -> Result<State<4>, Error> {
        let last = self.states(start, settings)?.last();
        last.unwrap_or(Err(flowinone_sampler::Error::NoSteps.into()))
    }

    /// Decodes latents `[items, channels, side, side]`, one at a time, to 8-bit pictures; the
    /// autoencoder takes [large ones](flowinone_vae::WHOLE_UP_TO) in bands, for less memory.
    ///
    /// # Errors
    /// A latent whose picture is not finite.
    pub fn decode(&self, latents: Tensor<4>) -> Result<Vec<RgbImage>, Error> {
        let [items, ..] = latents.dims();
        let decode = |item| self.picture(&latents, item, None);
        (0..items).map(decode).collect()
    }

    /// As [`decode`](Self::decode), for latents that began at `start`: what stays of a prompt whose
    /// structure is kept may be [taken from it](LatentCodec::decode_beside).
    ///
    /// # Errors
    /// A latent whose picture is not finite.
    pub fn decode_beside(&self, latents: Tensor<4>, start: &Start) -> Result<Vec<RgbImage>, Error> {
        let [items, ..] = latents.dims();
        let decode = |item| self.decode_item(&latents, start, item);
        (0..items).map(decode).collect()
    }

    /// One picture of [`decode_beside`](Self::decode_beside).
    ///
    /// # Errors
    /// As there.
    pub fn decode_item(
        &self,
        latents: &Tensor<4>,
        start: &Start,
        item: usize,
    ) -> Result<RgbImage, Error> {
        self.picture(latents, item, start.kept.get(item).cloned().flatten())
    }

    fn picture(
        &self,
        latents: &Tensor<4>,
        item: usize,
        prompt: Option<Tensor<4>>,
    ) -> Result<RgbImage, Error> {
        let latent = self.weights_type(latents.clone().narrow(0, item, 1));
        let picture = match prompt {
            Some(prompt) => self.codec.decode_beside(latent, prompt),
            None => self.codec.decode(latent),
        }; // [1, 3, height, width]
        Ok(to_pictures(picture)
            .map_err(|e| Error::Decode(item, e))?
            .remove(0))
    }

    /// The whole path: pictures for a batch of items.
    ///
    /// # Errors
    /// As [`states`](Self::states) and [`decode_beside`](Self::decode_beside).
    pub fn generate(&self, items: &[Item], settings: &Settings) -> Result<Vec<RgbImage>, Error> {
        let start = self.start(items, settings.noise);
        self.decode_beside(self.solve(&start, settings)?.x, &start)
    }

    /// Where the networks' weights lie.
    pub(crate) fn device(&self) -> &Device {
        &self.device
    }

    pub(crate) fn weights_type<const D: usize>(&self, tensor: Tensor<D>) -> Tensor<D> {
        tensor.cast(self.dtype)
    }
}

/// Decoded pictures `[pictures, 3, height, width]` in [-1, 1] as 8-bit RGB.
///
/// # Errors
/// Names the picture that is not finite.
pub fn to_pictures(decoded: Tensor<4>) -> Result<Vec<RgbImage>, flowinone_vae::Error> {
    let [_, _, height, width] = decoded.dims();
    let picture = |bytes| {
        RgbImage::from_raw(width as u32, height as u32, bytes).expect("three bytes for each pixel")
    };
    let all = to_bytes(decoded.cast(FloatDType::F32))?;
    Ok(all.into_iter().map(picture).collect())
}

/// The pipeline of a model directory.
pub type FlowInOne = Pipeline<JanusEncoder, Autoencoder, FlowNetwork>;

impl FlowInOne {
    /// The same model to make pictures only, its linear layers packed as
    /// [`ModelDirectory::prepare`](crate::ModelDirectory::prepare) packs them; for a model with
    /// weights in float32. Where nothing is packed it stays as it is.
    #[must_use]
    pub fn packed(mut self, dtype: Dtype) -> Self {
        if dtype.is_packed_on(&self.device) {
            self.encoder = self.encoder.packed(dtype);
            self.flow = self.flow.packed(dtype);
            self.codec = self.codec.in_precision(dtype);
        }
        self
    }
}
