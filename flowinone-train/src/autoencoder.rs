//! Training the autoencoder: `|x - y| + a |dx - dy| + b (x - y)^2 + c KL(posterior)`, means over
//! all values, `d` the differences of neighbouring pixels, on random crops; where latents stay and
//! the autoencoder has fine levels, as [`finer`](crate::finer) says.

use std::path::Path;

use burn::module::Module;
use burn::tensor::Device;
use flowinone_data::{ContactSheet, Mixer};
use flowinone_encoder::structure_pixels;
use flowinone_image::{psnr, write_picture};
use flowinone_tasks::to_pictures;
use flowinone_vae::{Autoencoder, LatentCodec, enlarged_smoothly};
use image::{RgbImage, imageops};

use crate::extend::works_after_latents;
use crate::finer::{self, Shown};
use crate::reconstruction::errors;
use crate::validation_set::caption;
use crate::{BatchRng, Batcher, Error, FlowMade, Losses, Reconstruction, TrainTask, ValidationSet};

/// Trains the autoencoder.
#[derive(Clone)]
pub struct AutoencoderTrainTask {
    /// What makes a reconstruction good.
    pub reconstruction: Reconstruction,
    /// Side of the pictures, in pixels.
    pub side: u32,
    /// Whether latents stay what they are.
    pub keeps_latents: bool,
    /// The model's flow, if some latents are to be as it makes them.
    pub flow: Option<FlowMade>,
    /// Where the arithmetic happens, with gradients.
    pub device: Device,
    /// Examples for validation.
    pub validation: Option<ValidationSet>,
    /// How many of them are used.
    pub validation_examples: usize,
}

impl AutoencoderTrainTask {
    /// The same task on another device, which takes a share of every batch and validates nothing.
    #[must_use]
    pub fn on(&self, device: &Device) -> Self {
        Self {
            device: device.clone(),
            validation: None,
            ..self.clone()
        }
    }
}

/// Pictures as they wait: whole squares of 8-bit RGB, with the prompts that they answer.
#[derive(Clone)]
pub struct Pictures(Vec<Shown>);

/// Pictures that answer no prompt.
impl FromIterator<RgbImage> for Pictures {
    fn from_iter<I: IntoIterator<Item = RgbImage>>(pictures: I) -> Self {
        let shown = |picture| Shown {
            picture,
            prompt: None,
            asked: None,
        };
        Self(pictures.into_iter().map(shown).collect())
    }
}

impl TrainTask for AutoencoderTrainTask {
    type Model = Autoencoder;
    type Batch = Pictures;

    fn device(&self) -> Device {
        self.device.clone()
    }

    fn batcher(&self) -> Batcher<Pictures> {
        let (side, prompts) = (self.side, self.reconstruction.prompts as usize);
        let asked = self.flow.is_some();
        Box::new(move |examples| {
            let shown = examples.iter().enumerate().map(|(at, example)| {
                let prompt = at.checked_rem(prompts) == Some(0);
                Shown::new(example, side, prompt, asked)
            });
            Ok(Pictures(shown.collect()))
        })
    }

    fn train_step(&self, model: &Autoencoder, batch: Pictures, rng: &mut BatchRng) -> Losses {
        let weights = &self.reconstruction;
        if self.keeps_latents && works_after_latents(model) {
            return finer::losses(model, self, &batch.0, rng);
        }
        let pictures: Vec<_> = batch.0.into_iter().map(|shown| shown.picture).collect();
        let pictures = crops(&pictures, weights.crop, rng);
        let x = structure_pixels(&pictures, &self.device); // [b, 3, side, side]
        let posterior = model.encode(x.clone());
        let (mean, log_var) = (posterior.mean(), posterior.log_var());
        let noise = rng.noise(mean.dims(), &self.device);
        let y = model.decode(posterior.sample(noise));
        let Losses { total, mut parts } = errors(y - x, weights.gradient, weights.squared);
        let kl = (mean.clone().square() + log_var.clone().exp() - log_var.add_scalar(1.0))
            .mean()
            .mul_scalar(0.5);
        let total = total + kl.clone().mul_scalar(weights.kl);
        parts.extend([("divergence", kl), ("latent_square", mean.square().mean())]);
        Losses { total, parts }
    }

    fn validate(
        &self,
        model: &Autoencoder,
        step: u64,
        folder: &Path,
    ) -> Result<Vec<(String, f64)>, Error> {
        let Some(validation) = &self.validation else {
            return Ok(vec![]);
        };
        let device = self.device.clone().inner();
        let kinds = ["target", "decoded", "prompt", "edited"];
        let mut sheet = ContactSheet::new(kinds, self.side.max(128)).across(4);
        let mut decibels = [vec![], vec![], vec![]];
        let mut outlines = Outlines::default();
        for (number, example) in validation
            .examples(self.validation_examples)?
            .iter()
            .enumerate()
        {
            let pictures = [&example.output, &example.input]
                .map(|picture| flowinone_image::center_crop(picture, self.side));
            let scale = match self.keeps_latents {
                true => model.config().compositor_scale,
                false => 1,
            };
            let own = self.side / scale as u32;
            let seen = [&pictures[0], &pictures[1]].map(|p| flowinone_image::center_crop(p, own));
            let latent = model.encode(structure_pixels(&seen, &device)).mode();
            let decoded = to_pictures(model.decode(latent.clone()))?;
            for (which, picture) in seen.iter().enumerate() {
                decibels[which].push(psnr(picture, &decoded[which]));
            }
            outlines.add(&seen[0], &decoded[0]);
            let [target, prompt] = &pictures;
            let mut last = decoded[1].clone();
            if example.keeps_structure() && model.compositor.is_some() {
                let chance = &mut BatchRng::new(1, number as u64);
                let row = latent.clone().narrow(0, 0, 1);
                let latent = finer::disturbed(row, &self.reconstruction, chance);
                let p = structure_pixels([prompt], &device);
                let y = model.decode_beside(latent, p.clone());
                let kept = (scale > 1)
                    .then(|| model.kept(y.clone(), p.clone()))
                    .flatten();
                let composed = match kept {
                    Some(kept) => {
                        let y = enlarged_smoothly(y, scale);
                        y.clone() + kept * (p - y)
                    }
                    None => y,
                };
                last = to_pictures(composed)?.remove(0);
                decibels[2].push(psnr(target, &last));
            }
            if number < 24 {
                sheet.push(caption(example), [target, &decoded[0], prompt, &last]);
            }
        }
        let path = folder.join(format!("step-{step:08}.png"));
        write_picture(&path, &sheet.render())?;
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
        let mut found = vec![
            ("psnr_targets".into(), mean(&decibels[0])),
            ("psnr_prompts".into(), mean(&decibels[1])),
            ("sharpness".into(), outlines.ratio()),
        ];
        if !decibels[2].is_empty() {
            found.push(("psnr_edited".into(), mean(&decibels[2])));
        }
        Ok(found)
    }
}

/// The standard deviation of the latents of the first `count` targets of training, unscaled, on a
/// device without gradients.
///
/// # Errors
/// Data that cannot be read, or none.
pub fn latent_deviation(
    model: &Autoencoder,
    mixer: &mut Mixer,
    side: u32,
    count: usize,
    device: &Device,
) -> Result<f64, Error> {
    let model = model.valid();
    let (mut sum, mut squares, mut seen) = (0.0, 0.0, 0);
    while seen < count {
        let Some(examples) = mixer.batch()? else {
            break;
        };
        for example in examples.iter().take(count - seen) {
            let picture = flowinone_image::center_crop(&example.output, side);
            let x = structure_pixels([&picture], device);
            let mean = model.encode(x).mean();
            sum += f64::from(mean.clone().mean().into_scalar::<f32>());
            squares += f64::from(mean.square().mean().into_scalar::<f32>());
            seen += 1;
        }
    }
    if seen == 0 {
        return Err(Error::Config(
            "the data has no picture to measure latents by".into(),
        ));
    }
    let count = seen as f64;
    Ok((squares / count - (sum / count).powi(2)).sqrt())
}

/// How steep outlines are in a picture and in what is made of it.
#[derive(Default)]
struct Outlines {
    wanted: f64,
    made: f64,
}

impl Outlines {
    /// Bytes by which neighbours differ at an outline.
    const STEEP: f64 = 24.0;

    /// Adds the gradients of `made` and of `picture` where those of `picture` are steep.
    fn add(&mut self, picture: &RgbImage, made: &RgbImage) {
        let gradient = |picture: &RgbImage, x: u32, y: u32| {
            let here = picture.get_pixel(x, y).0.map(f64::from);
            let to = |x, y| {
                let there = picture.get_pixel(x, y).0.map(f64::from);
                (0..3).map(|c| (there[c] - here[c]).powi(2)).sum::<f64>()
            };
            (to(x + 1, y) + to(x, y + 1)).sqrt()
        };
        for y in 0..picture.height() - 1 {
            for x in 0..picture.width() - 1 {
                let wanted = gradient(picture, x, y);
                if wanted >= Self::STEEP {
                    self.wanted += wanted;
                    self.made += gradient(made, x, y);
                }
            }
        }
    }

    /// Mean gradient of what was made over that of the pictures, along their outlines.
    fn ratio(&self) -> f64 {
        self.made / self.wanted.max(f64::MIN_POSITIVE)
    }
}

/// The pictures, or one random crop of each.
fn crops(pictures: &[RgbImage], crop: Option<u32>, rng: &mut BatchRng) -> Vec<RgbImage> {
    let whole = pictures.first().map_or(0, RgbImage::width);
    let side = crop.map_or(whole, |crop| crop.min(whole));
    let room = (whole - side + 1) as usize;
    let corners = rng.below(room, 2 * pictures.len());
    let cropped = |(picture, corner): (&RgbImage, &[usize])| {
        let (x, y) = (corner[0] as u32, corner[1] as u32);
        imageops::crop_imm(picture, x, y, side, side).to_image()
    };
    pictures
        .iter()
        .zip(corners.chunks(2))
        .map(cropped)
        .collect()
}
