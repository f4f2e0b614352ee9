//! Training a small upscaling network on pictures whose large form is known:
//!
//! ```text
//! |x - y| + a |dx - dy| + b (x - y)^2 + c |e(x) - e(y)|,
//! y = network(s),   s = x at a scale-th of the size
//! ```
//!
//! means over all values of random crops, `d` the differences of neighbouring pixels, `e` how steep
//! outlines are in squares of 16 x 16 pixels. Where `s` does not tell on which pixel an outline
//! lies, the first three make it soft; the last asks for outlines as steep as those of `x`,
//! wherever in the square they lie.
//!
//! Some of the small pictures `s` are those that a model makes of the pair's prompt, so that what
//! its flow blurs is mended; where a crop of them shows something else than it should, nothing is
//! learned from it. Some go through the autoencoder of the model, their latents disturbed as a flow
//! disturbs them. The others are noisy a little, or as they are.

use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use flowinone_data::ContactSheet;
use flowinone_encoder::structure_pixels;
use flowinone_image::{Filter, center_crop, psnr, resize, write_picture};
use flowinone_kernels::Dtype;
use flowinone_tasks::to_pictures;
use flowinone_upscale::{Compact, CompactConfig, Watch};
use flowinone_vae::{Autoencoder, LatentCodec, means};
use image::RgbImage;
use serde::{Deserialize, Serialize};

use crate::finer::disturbed;
use crate::flow_made::Asked;
use crate::reconstruction::errors;
use crate::steepness::steepness;
use crate::validation_set::caption;
use crate::{
    BatchRng, Batcher, DataConfig, Error, FlowMade, Losses, Reconstruction, RunConfig, TrainTask,
    ValidationSet,
};

/// The largest mean difference of a crop that a flow makes from what it should be, of a range of 1:
/// that of a blurred thing, and not of one that lies elsewhere.
const MOST_APART: f32 = 0.06;

/// A run of `flowinone train-upscale`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpscaleTrainingConfig {
    /// Sizes of the network.
    pub network: UpscaleNetwork,
    /// A model file of these sizes whose weights the run starts from; random ones if `None`.
    pub init_from: Option<PathBuf>,
    /// The run.
    pub run: RunConfig,
    /// What the network learns.
    #[serde(default)]
    pub objective: UpscaleObjective,
    /// Where large pictures come from: the targets of pairs.
    pub data: Vec<DataConfig>,
}

/// Sizes of a Compact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UpscaleNetwork {
    /// Channels inside.
    pub features: usize,
    /// Convolutions between the first and the last.
    pub convolutions: usize,
    /// How many times larger the result is along each side.
    pub scale: usize,
}

impl Default for UpscaleNetwork {
    fn default() -> Self {
        Self {
            features: 48,
            convolutions: 8,
            scale: 4,
        }
    }
}

impl UpscaleNetwork {
    /// The network's configuration, for colours.
    pub fn config(&self) -> CompactConfig {
        CompactConfig {
            channels: 3,
            features: self.features,
            convolutions: self.convolutions,
            scale: self.scale,
        }
    }
}

/// What makes a large picture good, and what small ones are like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UpscaleObjective {
    /// Side of the large pictures, in pixels.
    pub side: u32,
    /// Side of the random crops of the small ones, in pixels.
    pub crop: u32,
    /// Weight of the absolute difference of gradients.
    pub gradient: f64,
    /// Weight of the squared difference.
    pub squared: f64,
    /// Weight of the difference of how steep outlines are.
    pub steepness: f64,
    /// The model that makes small pictures, or whose autoencoder they go through; none do if
    /// `None`.
    pub model: Option<PathBuf>,
    /// Share of the small pictures that the model makes of prompts.
    pub flow_made: f64,
    /// Share of the small pictures that go through the model's autoencoder.
    pub decoded: f64,
    /// Largest share of their blurred selves in latents.
    pub blur: f64,
    /// Largest deviation of the noise in latents.
    pub latent_noise: f64,
    /// Largest deviation of the noise in the other small pictures, of a range of 1.
    pub noise: f64,
}

impl Default for UpscaleObjective {
    fn default() -> Self {
        Self {
            side: 256,
            crop: 32,
            gradient: 0.5,
            squared: 0.0,
            steepness: 0.0,
            model: None,
            flow_made: 0.0,
            decoded: 0.5,
            blur: 0.3,
            latent_noise: 0.1,
            noise: 0.02,
        }
    }
}

/// Trains a Compact.
#[derive(Clone)]
pub struct UpscaleTrainTask {
    /// What it learns.
    pub objective: UpscaleObjective,
    /// How many times larger it makes pictures.
    pub scale: usize,
    /// The autoencoder of the model whose pictures will be enlarged, on a device without
    /// gradients.
    pub autoencoder: Option<Autoencoder>,
    /// The flow of that model, if it makes some of the small pictures.
    pub flow: Option<FlowMade>,
    /// Where the arithmetic happens, with gradients.
    pub device: Device,
    /// Examples for validation.
    pub validation: Option<ValidationSet>,
    /// How many of them are used.
    pub validation_examples: usize,
}

/// Large pictures and the same in small, as they wait, each with what a flow may be asked for if
/// the run has one.
pub struct Sizes(Vec<([RgbImage; 2], Option<Asked>)>);

/// A target in both sizes.
fn sizes(picture: &RgbImage, side: u32, scale: usize, filter: Filter) -> [RgbImage; 2] {
    let large = center_crop(picture, side);
    let small = side / scale as u32;
    let small = resize(&large, small, small, filter);
    [large, small]
}

impl UpscaleTrainTask {
    /// The same task on another device, which takes a share of every batch and validates nothing.
    #[must_use]
    pub fn on(&self, device: &Device) -> Self {
        Self {
            device: device.clone(),
            validation: None,
            ..self.clone()
        }
    }

    /// Small pictures `[b, 3, h, w]` in [-1, 1] as the model would have made them.
    fn remade(&self, x: Tensor<4>, rng: &mut BatchRng) -> Tensor<4> {
        let Some(autoencoder) = &self.autoencoder else {
            return x;
        };
        let weights = Reconstruction {
            blur: self.objective.blur,
            noise: self.objective.latent_noise,
            ..Reconstruction::default()
        };
        let latent = disturbed(autoencoder.encode(x).mode(), &weights, rng);
        autoencoder.decode(latent).clamp(-1.0, 1.0)
    }

    /// Small pictures of a batch in [0, 1], `[b, 3, h, w]`, on the device without gradients: first
    /// those that the flow makes, then those that go through the autoencoder.
    fn small(
        &self,
        pictures: &[RgbImage],
        asked: &[Option<Asked>],
        rng: &mut BatchRng,
    ) -> Tensor<4> {
        let device = self.device.clone().inner();
        let share = |share: f64| (share * pictures.len() as f64).round() as usize;
        let made = self
            .flow
            .as_ref()
            .map_or(0, |_| share(self.objective.flow_made));
        let decoded = match &self.autoencoder {
            Some(_) => share(self.objective.decoded),
            None => 0,
        };
        let made = made.min(pictures.len());
        let (remade, plain) = pictures[made..].split_at(decoded.min(pictures.len() - made));
        let mut parts = vec![];
        if let (Some(flow), 1..) = (&self.flow, made) {
            let asked: Vec<&Asked> = asked[..made].iter().flatten().collect();
            parts.push(flow.pictures(&asked, rng));
        }
        if !remade.is_empty() {
            let x = structure_pixels(remade, &device);
            parts.push(self.remade(x, rng));
        }
        if !plain.is_empty() {
            let x = structure_pixels(plain, &device);
            // One deviation a picture; twice, for a range of 2.
            let amounts = rng.uniforms(plain.len()).into_iter();
            let amounts: Vec<f32> = amounts
                .map(|u| 2.0 * self.objective.noise as f32 * u)
                .collect();
            let amounts = TensorData::new(amounts, [plain.len(), 1, 1, 1]);
            let amounts = Tensor::<4>::from_data(amounts, &device);
            let noise = rng.noise(x.dims(), &device) * amounts;
            parts.push((x + noise).clamp(-1.0, 1.0));
        }
        Tensor::cat(parts, 0).add_scalar(1.0).mul_scalar(0.5)
    }

    /// A random square of each small picture, and the same of the large ones.
    fn crops(&self, small: &Tensor<4>, large: &Tensor<4>, rng: &mut BatchRng) -> [Tensor<4>; 2] {
        let [count, _, height, _] = small.dims();
        let side = (self.objective.crop as usize).min(height);
        let corners = rng.below(height - side + 1, 2 * count);
        let cut = |x: &Tensor<4>, scale: usize| {
            let rows = corners.chunks(2).enumerate().map(|(item, corner)| {
                let x = x.clone().narrow(0, item, 1);
                let x = x.narrow(2, scale * corner[0], scale * side);
                x.narrow(3, scale * corner[1], scale * side)
            });
            let x = Tensor::cat(rows.collect(), 0);
            Tensor::from_data(x.into_data(), &self.device)
        };
        [cut(small, 1), cut(large, self.scale)]
    }
}

/// What a network makes of small pictures in [0, 1].
fn enlarged(model: &Compact, small: Tensor<4>) -> Tensor<4> {
    let mut go_on = |_| true;
    let mut watch = Watch::new(&mut go_on);
    let made = model.forward(small, Dtype::F32, &mut watch);
    made.expect("nobody stops it")
}

impl TrainTask for UpscaleTrainTask {
    type Model = Compact;
    type Batch = Sizes;

    fn device(&self) -> Device {
        self.device.clone()
    }

    fn batcher(&self) -> Batcher<Sizes> {
        let (side, scale) = (self.objective.side, self.scale);
        let asked = self.flow.is_some();
        Box::new(move |examples| {
            let examples = examples.iter().enumerate();
            let both = examples.map(|(at, example)| {
                // Small pictures come from either filter.
                let filters = [Filter::Box, Filter::Bicubic];
                let both = sizes(&example.output, side, scale, filters[at % 2]);
                (both, asked.then(|| Asked::of(example)))
            });
            Ok(Sizes(both.collect()))
        })
    }

    fn train_step(&self, model: &Compact, batch: Sizes, rng: &mut BatchRng) -> Losses {
        let (pictures, asked): (Vec<_>, Vec<_>) = batch.0.into_iter().unzip();
        let (large, small): (Vec<_>, Vec<_>) = pictures
            .into_iter()
            .map(|[large, small]| (large, small))
            .unzip();
        let device = self.device.clone().inner();
        let large = structure_pixels(&large, &device);
        let large = large.add_scalar(1.0).mul_scalar(0.5); // [b, 3, s h, s w] in [0, 1]
        let small = self.small(&small, &asked, rng);
        let [small, large] = self.crops(&small, &large, rng);
        let apart = (small.clone() - means(large.clone(), self.scale)).abs();
        let apart = apart.mean_dims(&[1, 2, 3]); // [b, 1, 1, 1]
        let learned = apart.lower_elem(MOST_APART).float();
        let made = enlarged(model, small);
        let difference = (made.clone() - large.clone()) * learned.clone();
        let mut losses = errors(difference, self.objective.gradient, self.objective.squared);
        if self.objective.steepness > 0.0 {
            let apart = ((steepness(made) - steepness(large)) * learned)
                .abs()
                .mean();
            losses.total = losses.total + apart.clone().mul_scalar(self.objective.steepness);
            losses.parts.push(("steepness", apart));
        }
        losses
    }

    fn validate(
        &self,
        model: &Compact,
        step: u64,
        folder: &Path,
    ) -> Result<Vec<(String, f64)>, Error> {
        let Some(validation) = &self.validation else {
            return Ok(vec![]);
        };
        let device = self.device.clone().inner();
        let model = model.clone().to_device(&device);
        let side = self.objective.side;
        let kinds = ["target", "lanczos", "enlarged", "remade, enlarged"];
        let mut sheet = ContactSheet::new(kinds, side).across(2);
        let mut decibels = [vec![], vec![], vec![], vec![]];
        let examples = validation.examples(self.validation_examples)?;
        for (number, example) in examples.iter().enumerate() {
            let [large, small] = sizes(&example.output, side, self.scale, Filter::Box);
            let rng = &mut BatchRng::new(1, number as u64);
            let x = structure_pixels([&small], &device);
            let remade = match &self.flow {
                Some(flow) => flow.pictures(&[&Asked::of(example)], rng),
                None => self.remade(x.clone(), rng),
            };
            let enlarge = |x: Tensor<4>| -> Result<RgbImage, Error> {
                let y = enlarged(&model, x.add_scalar(1.0).mul_scalar(0.5));
                Ok(to_pictures(y.mul_scalar(2.0).sub_scalar(1.0))?.remove(0))
            };
            let lanczos = |small: &RgbImage| resize(small, side, side, Filter::Lanczos);
            let of_remade = to_pictures(remade.clone())?.remove(0);
            let made = [
                lanczos(&small),
                enlarge(x)?,
                lanczos(&of_remade),
                enlarge(remade)?,
            ];
            for (decibels, made) in decibels.iter_mut().zip(&made) {
                decibels.push(psnr(&large, made));
            }
            if number < 12 {
                sheet.push(caption(example), [&large, &made[0], &made[1], &made[3]]);
            }
        }
        write_picture(&folder.join(format!("step-{step:08}.png")), &sheet.render())?;
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
        let names = ["psnr_lanczos", "psnr", "psnr_remade_lanczos", "psnr_remade"];
        let named = names.iter().zip(&decibels);
        Ok(named
            .map(|(name, values)| (name.to_string(), mean(values)))
            .collect())
    }
}
