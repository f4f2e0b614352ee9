//! Training the flow: vision tower, source encoder and velocity network, or some of them.
//!
//! ```text
//! loss = objective(network, tokens, x1, structure) + a |mean(x0) - x1|^2 + b labels(tokens)
//!      + c mean(detail(x1) (v - u)^2)
//! ```
//!
//! A run that trains no velocity network leaves the flow's own error out and costs a third.

use std::path::Path;
use std::sync::Arc;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use flowinone_encoder::{VisualEncoder, center_crop, janus_square};
use flowinone_flow::Structure;
use flowinone_flow::train::{Objective, Teacher, TrainingBatch, divergence};
use flowinone_tasks::data::{ContactSheet, Example, Truth};
use flowinone_tasks::{Item, ModelConfig, Pipeline, Precision, Settings};
use flowinone_vae::{Autoencoder, LatentCodec};
use image::RgbImage;

use crate::aids::{Aids, detail};
use crate::autoencoder::{images, pixels, psnr, save};
use crate::frozen::{Coming, Frozen};
use crate::held_out::caption;
use crate::labels::JUDGEMENTS;
use crate::{
    Cache, Chance, DataConfig, Error, FlowConfig, FlowModel, HeldOut, Labels, Lesson, Losses, Part,
    Vocabulary,
};

/// The flow as a lesson.
pub struct FlowLesson {
    objective: Objective,
    aids: Aids,
    velocity: bool,
    model: ModelConfig,
    settings: Settings,
    /// Whether the encoder stays as it is.
    tokens_stay: bool,
    frozen: Frozen,
    vocabulary: Option<Arc<Vocabulary>>,
    held_out: Option<HeldOut>,
    judged: usize,
    device: Device,
}

/// A batch as it waits in memory.
#[derive(Debug)]
pub struct FlowBatch {
    /// What the vision tower sees.
    vision: Vec<RgbImage>,
    /// What the structure path sees.
    structure: Vec<RgbImage>,
    /// What is to come out.
    target: Vec<RgbImage>,
    /// Whether each item keeps the structure of its prompt.
    keeps: Vec<bool>,
    /// What each prompt asks for.
    labels: Option<Vec<Labels>>,
}

impl FlowLesson {
    /// For a model on `device`, which computes gradients; `autoencoder` stays as it is.
    ///
    /// # Errors
    /// A cache that cannot be opened.
    pub fn new(
        config: &FlowConfig,
        model: ModelConfig,
        autoencoder: &Autoencoder,
        classes: Vec<String>,
        held_out: Option<HeldOut>,
        device: &Device,
    ) -> Result<Self, Error> {
        let coming = match config.data.iter().any(DataConfig::repeats) {
            true => {
                let cache = config.cache.as_deref().map(Cache::open).transpose()?;
                Coming::Again(cache.map(Arc::new))
            }
            false => Coming::Once,
        };
        Ok(Self {
            objective: config.objective,
            aids: config.aids,
            velocity: config.trains(Part::Velocity),
            settings: config.sampling.unwrap_or(model.sampling),
            tokens_stay: !config.trains(Part::Encoder),
            frozen: Frozen::new(autoencoder, coming, &model, config.run.products, device),
            model,
            vocabulary: (config.aids.labels > 0.0).then(|| Arc::new(Vocabulary::new(classes))),
            held_out,
            judged: config.run.evaluations.examples,
            device: device.clone(),
        })
    }

    /// The same lesson on another device, which takes a share of every batch and judges nothing.
    #[must_use]
    pub fn on(&self, device: &Device) -> Self {
        Self {
            objective: self.objective,
            aids: self.aids,
            velocity: self.velocity,
            model: self.model.clone(),
            settings: self.settings,
            tokens_stay: self.tokens_stay,
            frozen: self.frozen.on(device),
            vocabulary: self.vocabulary.clone(),
            held_out: None,
            judged: 0,
            device: device.clone(),
        }
    }

    /// The cache of what the networks that do not change say, if there is one.
    pub fn cache(&self) -> Option<&Cache> {
        self.frozen.cache()
    }

    /// The latents of pictures, outside of any gradient, ready for those that have one.
    fn latents(&self, pictures: &[RgbImage]) -> Tensor<4> {
        Tensor::from_inner(self.frozen.latents(pictures))
    }

    /// A standard normal number for the time of each item, shifted as the aids say.
    fn times(&self, chance: &mut Chance, count: usize) -> Vec<f32> {
        let shift = self.aids.time_shift as f32;
        let normals = chance.normals(count).into_iter();
        normals.map(|normal| normal + shift).collect()
    }

    fn tokens(&self, model: &FlowModel, batch: &FlowBatch) -> Tensor<3> {
        if self.tokens_stay {
            return Tensor::from_inner(self.frozen.tokens(&model.encoder, &batch.vision));
        }
        let x = pixels(&batch.vision, None, &mut Chance::new(0, 0), &self.device);
        model.encoder.encode(x)
    }
}

impl Lesson for FlowLesson {
    type Model = FlowModel;
    type Batch = FlowBatch;

    fn device(&self) -> Device {
        self.device.clone()
    }

    fn prepare(&self) -> Box<dyn Fn(Vec<Example>) -> Result<FlowBatch, Error> + Send> {
        let vision = self.model.encoder.image_size as u32;
        let side = self.model.encoder_side() as u32;
        let vocabulary = self.vocabulary.clone();
        Box::new(move |examples| prepared(&examples, vision, side, vocabulary.as_deref()))
    }

    fn losses(&self, model: &FlowModel, batch: FlowBatch, chance: &mut Chance) -> Losses {
        let tokens = self.tokens(model, &batch);
        let target = self.latents(&batch.target);
        let count = batch.target.len();
        let features = target.clone().flatten::<2>(1, 3);
        let noise = chance.noise(target.dims(), &self.device);
        let mut parts = vec![];
        let (source, mut total) = if self.velocity {
            let draws =
                self.objective
                    .draws(noise, &self.times(chance, count), &chance.uniforms(count));
            let structure = batch
                .keeps
                .contains(&true)
                .then(|| Structure::new(self.latents(&batch.structure)).followed_by(&batch.keeps));
            let step = TrainingBatch {
                tokens: tokens.clone(),
                target: target.clone(),
                structure,
            };
            let teacher = self.objective.contrastive_weight.map(|_| Teacher {
                contrast: &model.contrast,
                features,
            });
            let found = self
                .objective
                .evaluate(&model.network, step, draws, teacher);
            parts.push(("fine", found.losses.fine.mean()));
            parts.push(("coarse", found.losses.coarse.mean()));
            parts.push(("divergence", found.losses.divergence.mean()));
            parts.extend(found.losses.contrastive.map(|c| ("contrastive", c)));
            let mut total = found.losses.total.mean();
            if self.aids.detail > 0.0 {
                let path = &self.objective.path;
                let flow = path.velocity(found.start, found.target.clone());
                let error = (found.velocities.fine - flow).square();
                let detail = (error * detail(found.target)).mean();
                total = total + detail.clone().mul_scalar(self.aids.detail);
                parts.push(("detail", detail));
            }
            (found.source, total)
        } else {
            let source = model.network.source.forward(tokens.clone());
            let kept = divergence(&source).mean();
            let mut total = kept.clone().mul_scalar(self.objective.divergence_weight);
            parts.push(("divergence", kept));
            if let Some(weight) = self.objective.contrastive_weight {
                let start = source.sample(noise);
                let loss = model.contrast.loss(start, features);
                total = total + loss.clone().mul_scalar(weight);
                parts.push(("contrastive", loss));
            }
            (source, total)
        };
        parts.push(("start_log_var", source.log_var.clone().mean()));
        let held = self.aids.start(source, target);
        total = total + held.total;
        parts.extend(held.parts);
        if let (Some(heads), Some(labels)) = (&model.heads, &batch.labels) {
            let found = heads.loss(tokens, labels);
            total = total + found.total.mul_scalar(self.aids.labels);
            parts.extend(found.parts);
        }
        Losses { total, parts }
    }

    fn evaluate(
        &self,
        model: &FlowModel,
        step: u64,
        folder: &Path,
    ) -> Result<Vec<(String, f64)>, Error> {
        let Some(held_out) = &self.held_out else {
            return Ok(vec![]);
        };
        let device = self.device.clone().inner();
        let mut numbers = vec![];
        let mut sheet = ContactSheet::new(["prompt", "target", "result"], 96).across(4);
        let pipeline = Pipeline::new(
            model.encoder.valid(),
            self.frozen.autoencoder().clone(),
            model.network.valid(),
            self.model.picture_side,
            &device,
            Precision::F32,
        );
        for group in held_out.groups(self.judged)? {
            let item = |(number, example): &(u64, Example)| Item {
                prompt: example.input.clone(),
                structure: example.keeps_structure(),
                seed: 0,
                number: *number,
            };
            let items: Vec<Item> = group.examples.iter().map(item).collect();
            let results = match self.velocity {
                true => pipeline.generate(&items, &self.settings)?,
                // Without a flow: what the mean of its start already shows.
                false => {
                    let mean = |item: &Item| pipeline.start(std::slice::from_ref(item), 0.0).x0;
                    let means: Vec<_> = items.iter().map(mean).collect();
                    let decoded = self.frozen.autoencoder().decode(Tensor::cat(means, 0));
                    images(decoded, self.model.picture_side as u32)
                }
            };
            sheet.heading(&group.name);
            let mut sum = 0.0;
            for ((_, example), result) in group.examples.iter().zip(&results) {
                let target = center_crop(&example.output, self.model.picture_side as u32);
                sum += psnr(&target, result);
                sheet.push(caption(example), [&example.input, &target, result]);
            }
            let count = group.examples.len().max(1) as f64;
            numbers.push((format!("psnr_{}", group.name), sum / count));
        }
        save(&folder.join(format!("step-{step:08}.png")), &sheet.render())?;
        numbers.extend(self.read(model, held_out)?);
        Ok(numbers)
    }
}

impl FlowLesson {
    /// Shares of labels that are read right on held-out pairs, and how far off places are, for each task.
    fn read(&self, model: &FlowModel, held_out: &HeldOut) -> Result<Vec<(String, f64)>, Error> {
        let (Some(heads), Some(vocabulary)) = (&model.heads, &self.vocabulary) else {
            return Ok(vec![]);
        };
        let [vision, side] = [self.model.encoder.image_size, self.model.encoder_side()];
        let mut numbers = vec![];
        for group in held_out.groups(8 * self.judged)? {
            let examples: Vec<Example> = group.examples.into_iter().map(|(_, e)| e).collect();
            let batch = prepared(&examples, vision as u32, side as u32, Some(vocabulary))?;
            let x = pixels(
                &batch.vision,
                None,
                &mut Chance::new(0, 0),
                &self.device.clone().inner(),
            );
            let tokens = model.encoder.valid().encode(x);
            let found = heads
                .valid()
                .loss(tokens, &batch.labels.unwrap_or_default());
            for (name, value) in found.parts {
                if JUDGEMENTS.contains(&name) {
                    let value = f64::from(value.into_scalar::<f32>());
                    numbers.push((format!("{name}_{}", group.name), value));
                }
            }
        }
        Ok(numbers)
    }
}

/// Examples in the sizes that the networks read.
fn prepared(
    examples: &[Example],
    vision: u32,
    side: u32,
    vocabulary: Option<&Vocabulary>,
) -> Result<FlowBatch, Error> {
    let mut batch = FlowBatch {
        vision: vec![],
        structure: vec![],
        target: vec![],
        keeps: vec![],
        labels: vocabulary.map(|_| vec![]),
    };
    for example in examples {
        batch.vision.push(janus_square(&example.input, vision));
        batch.structure.push(center_crop(&example.input, side));
        batch.target.push(center_crop(&example.output, side));
        batch.keeps.push(example.keeps_structure());
        if let (Some(vocabulary), Some(labels)) = (vocabulary, &mut batch.labels) {
            let json = example.json.as_deref().unwrap_or_default();
            let truth: Result<Truth, _> = serde_json::from_str(json);
            let truth = truth.map_err(|e| unlabelled(example, &e.to_string()))?;
            let found = vocabulary.labels(&truth);
            labels.push(found.ok_or_else(|| unlabelled(example, "its class is not known"))?);
        }
    }
    Ok(batch)
}

fn unlabelled(example: &Example, reason: &str) -> Error {
    Error::Config(format!(
        "aids.labels needs ground truth for every example, but {} of {}: {reason}",
        example.key, example.source
    ))
}
