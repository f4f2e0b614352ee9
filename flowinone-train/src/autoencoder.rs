//! Training the autoencoder: `|x - y| + a |dx - dy| + b (x - y)^2 + c KL(posterior)`, means over
//! all values, `d` the differences of neighbouring pixels, on random crops.

use std::path::Path;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use flowinone_data::{ContactSheet, Example, Mixer};
use flowinone_encoder::structure_pixels;
use flowinone_image::psnr;
use flowinone_tasks::to_pictures;
use flowinone_vae::{Autoencoder, LatentCodec};
use image::{RgbImage, imageops};
use serde::{Deserialize, Serialize};

use crate::validation_set::caption;
use crate::{
    AutoencoderTrainingConfig, BatchRng, Batcher, Error, Half, Losses, TrainTask, ValidationSet,
};

/// What makes a reconstruction good.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reconstruction {
    /// Weight of the absolute difference of gradients.
    pub gradient: f64,
    /// Weight of the squared difference.
    pub squared: f64,
    /// Weight of the KL divergence of the posterior from a standard normal one, a mean over all
    /// latent values.
    #[serde(alias = "divergence")]
    pub kl: f64,
    /// Side of the random crops in pixels. If `None`, whole pictures.
    pub crop: Option<u32>,
    /// One of every `prompts` pictures is a prompt, the others are targets.
    pub prompts: u64,
}

impl Default for Reconstruction {
    fn default() -> Self {
        Self {
            gradient: 0.5,
            squared: 0.5,
            kl: 1e-3,
            crop: None,
            prompts: 4,
        }
    }
}

impl AutoencoderTrainingConfig {
    /// The autoencoder to be trained, from one on a device with gradients; a half that is not
    /// trained has none.
    #[must_use]
    pub fn freeze(&self, mut autoencoder: Autoencoder) -> Autoencoder {
        if !self.trains(Half::Encoder) {
            autoencoder.encoder = autoencoder.encoder.no_grad();
            autoencoder.quant_conv = autoencoder.quant_conv.no_grad();
        }
        if !self.trains(Half::Decoder) {
            autoencoder.decoder = autoencoder.decoder.no_grad();
            autoencoder.post_quant_conv = autoencoder.post_quant_conv.no_grad();
        }
        autoencoder
    }
}

/// Trains the autoencoder.
#[derive(Clone)]
pub struct AutoencoderTrainTask {
    /// What makes a reconstruction good.
    pub reconstruction: Reconstruction,
    /// Side of the pictures, in pixels.
    pub side: u32,
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

/// Pictures as they wait: whole squares of 8-bit RGB.
pub type Pictures = Vec<RgbImage>;

impl TrainTask for AutoencoderTrainTask {
    type Model = Autoencoder;
    type Batch = Pictures;

    fn device(&self) -> Device {
        self.device.clone()
    }

    fn batcher(&self) -> Batcher<Pictures> {
        let (side, prompts) = (self.side, self.reconstruction.prompts.max(1) as usize);
        Box::new(move |examples| {
            let picture = |(at, example): (usize, Example)| match at % prompts {
                0 => flowinone_image::center_crop(&example.input, side),
                _ => flowinone_image::center_crop(&example.output, side),
            };
            Ok(examples.into_iter().enumerate().map(picture).collect())
        })
    }

    fn train_step(&self, model: &Autoencoder, batch: Pictures, rng: &mut BatchRng) -> Losses {
        let weights = &self.reconstruction;
        let batch = crops(&batch, weights.crop, rng);
        let x = structure_pixels(&batch, &self.device); // [b, 3, side, side]
        let posterior = model.encode(x.clone());
        let (mean, log_var) = (posterior.mean(), posterior.log_var());
        let noise = rng.noise(mean.dims(), &self.device);
        let y = model.decode(posterior.sample(noise));
        let difference = y - x;
        let absolute = difference.clone().abs().mean();
        let squared = difference.clone().square().mean();
        let gradient = edges(difference);
        let kl = (mean.clone().square() + log_var.clone().exp() - log_var.add_scalar(1.0))
            .mean()
            .mul_scalar(0.5);
        let total = absolute.clone()
            + gradient.clone().mul_scalar(weights.gradient)
            + squared.clone().mul_scalar(weights.squared)
            + kl.clone().mul_scalar(weights.kl);
        Losses {
            total,
            parts: vec![
                ("absolute", absolute),
                ("squared", squared),
                ("gradient", gradient),
                ("divergence", kl),
                ("latent_square", mean.square().mean()),
            ],
        }
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
        let mut sheet =
            ContactSheet::new(["target", "decoded", "prompt", "decoded"], 128).across(4);
        let mut decibels = [vec![], vec![]];
        for (number, example) in validation
            .examples(self.validation_examples)?
            .iter()
            .enumerate()
        {
            let pictures = [&example.output, &example.input]
                .map(|picture| flowinone_image::center_crop(picture, self.side));
            let x = structure_pixels(&pictures, &device);
            let y = model.decode(model.encode(x).mode());
            let decoded = to_pictures(y)?;
            for (which, picture) in pictures.iter().enumerate() {
                decibels[which].push(psnr(picture, &decoded[which]));
            }
            if number < 24 {
                let [target, prompt] = &pictures;
                sheet.push(caption(example), [target, &decoded[0], prompt, &decoded[1]]);
            }
        }
        let path = folder.join(format!("step-{step:08}.png"));
        save(&path, &sheet.render())?;
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
        Ok(vec![
            ("psnr_targets".into(), mean(&decibels[0])),
            ("psnr_prompts".into(), mean(&decibels[1])),
        ])
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

/// Mean absolute difference of neighbouring pixels, `[1]`.
fn edges(x: Tensor<4>) -> Tensor<1> {
    let [_, _, height, width] = x.dims();
    let across = x.clone().narrow(3, 1, width - 1) - x.clone().narrow(3, 0, width - 1);
    let down = x.clone().narrow(2, 1, height - 1) - x.narrow(2, 0, height - 1);
    (across.abs().mean() + down.abs().mean()).mul_scalar(0.5)
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

/// Writes a picture for people.
pub(crate) fn save(path: &Path, picture: &RgbImage) -> Result<(), Error> {
    let mut bytes = std::io::Cursor::new(vec![]);
    picture
        .write_to(&mut bytes, image::ImageFormat::Png)
        .map_err(|e| Error::file(path, format!("cannot be encoded: {e}")))?;
    Ok(flowinone_files::write_atomically(path, bytes.get_ref())?)
}
