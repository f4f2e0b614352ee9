//! Training the flow: vision tower, source encoder and velocity network, or some of them.
//!
//! ```text
//! loss = objective(network, tokens, x1, structure) + a |mean(x0) - x1|^2 + b labels(tokens)
//!      + c mean(detail(x1) (v - u)^2) + d layout(tokens, x0) + e |mean(x0) - layout_start(x1)|^2
//! ```
//!
//! A run that does not train the velocity network leaves out the flow matching loss and costs a
//! third.

mod from_layouts;
mod losses;

use std::path::Path;
use std::sync::Arc;

use burn::module::Module;
use burn::tensor::{Device, FloatDType, Tensor};
use flowinone_data::{ContactSheet, Example};
use flowinone_encoder::{VisualEncoder, janus_pixels};
use flowinone_flow::train::Objective;
use flowinone_image::{center_crop, psnr, write_picture};
use flowinone_tasks::{Item, ModelConfig, Pipeline, Settings, to_pictures};
use flowinone_vae::{Autoencoder, LatentCodec};
use image::RgbImage;

use self::from_layouts::FromLayouts;
use crate::auxiliary_losses::AuxiliaryLosses;
use crate::flow_batch::{Readings, prepared};
use crate::frozen_features::{FrozenFeatures, Reuse};
use crate::labels::VALIDATION_METRICS;
use crate::layout::{START_PARTS, TOKEN_PARTS, codes_loss};
use crate::layout_grid::SQUARE;
use crate::letters::SEEN_LETTERS;
use crate::scene::{RIGHT_POINT, RIGHT_SUBJECT, SCENE_PARTS};
use crate::spelling::SPELLING_METRICS;
use crate::validation_set::caption;
use crate::ways::WAY_OFF;
use crate::{
    BatchRng, Batcher, Cache, DataConfig, Error, FlowBatch, FlowTrainingConfig, Losses, Part,
    TrainTask, TrainableFlow, Trained, ValidationSet, Vocabulary,
};

/// Trains the flow.
pub struct FlowTrainTask {
    objective: Objective,
    auxiliary: AuxiliaryLosses,
    velocity: bool,
    model: ModelConfig,
    settings: Settings,
    /// Whether the encoder is not trained.
    encoder_frozen: bool,
    frozen: FrozenFeatures,
    readings: Readings,
    /// Whether the tower alone learns, and only to read.
    reading_only: bool,
    from_layouts: Option<FromLayouts>,
    validation: Option<ValidationSet>,
    validation_examples: usize,
    device: Device,
}

impl FlowTrainTask {
    /// For a model on `device`, which computes gradients; `autoencoder` is not trained.
    ///
    /// # Errors
    /// A cache that cannot be opened; a deviation to be learned where the model states one; a
    /// codebook with fewer codes than what it is to say.
    pub fn new(
        config: &FlowTrainingConfig,
        model: ModelConfig,
        autoencoder: &Autoencoder,
        classes: Vec<String>,
        validation: Option<ValidationSet>,
        device: &Device,
    ) -> Result<Self, Error> {
        if config.auxiliary_losses.deviation.is_some()
            && let Some(stated) = model.flow.source.deviation
        {
            return Err(Error::Config(format!(
                "auxiliary_losses.deviation has nothing to fix: the model's source.deviation is \
                 {stated} for every value; leave it out"
            )));
        }
        let reuse = match config.data.iter().any(DataConfig::repeats) {
            true => {
                let cache = config.cache.as_deref().map(Cache::open).transpose()?;
                Reuse::Repeated(cache.map(Arc::new))
            }
            false => Reuse::Streaming,
        };
        if let Some(book) = model.flow.source.codebook
            && config.auxiliary_losses.layout > 0.0
            && book.codes <= classes.len()
        {
            return Err(Error::Config(format!(
                "auxiliary_losses.layout needs a code for each of {} classes and one for none, and \
                 the model's flow.source.codebook has {}; give it more codes",
                classes.len(),
                book.codes
            )));
        }
        let from_layouts = FromLayouts::new(config, &model)?;
        let tokens = model.encoder.tokens().isqrt();
        let squares = model.flow.latent_side / SQUARE;
        Ok(Self {
            objective: config.objective,
            auxiliary: config.auxiliary_losses,
            velocity: config.trains(Part::Velocity) || config.adapter().is_some(),
            settings: config.sampling.unwrap_or(model.sampling),
            encoder_frozen: !config.trains(Part::Encoder),
            frozen: FrozenFeatures::new(
                autoencoder,
                reuse,
                &model,
                config.run.matmul_precision,
                device,
            ),
            model,
            readings: Readings {
                vocabulary: Arc::new(Vocabulary::new(classes)),
                labels: config.auxiliary_losses.labels > 0.0,
                spelling: config.auxiliary_losses.spelling > 0.0,
                letters: (config.auxiliary_losses.letters > 0.0).then_some(tokens),
                scene: (config.auxiliary_losses.scene > 0.0).then_some(tokens),
                ways: (config.auxiliary_losses.ways > 0.0).then_some(tokens),
                layout: config
                    .auxiliary_losses
                    .asks_for_layouts()
                    .then_some([tokens, squares]),
                untold_apart: from_layouts.is_some_and(|from| !from.alone),
            },
            reading_only: config.train == Trained::Parts(vec![Part::Encoder])
                && config.auxiliary_losses.anchor == 0.0,
            from_layouts,
            validation,
            validation_examples: config.run.validation.examples,
            device: device.clone(),
        })
    }

    /// The same task on another device, which takes a share of every batch and validates nothing.
    #[must_use]
    pub fn on(&self, device: &Device) -> Self {
        Self {
            objective: self.objective,
            auxiliary: self.auxiliary,
            velocity: self.velocity,
            model: self.model.clone(),
            settings: self.settings,
            encoder_frozen: self.encoder_frozen,
            frozen: self.frozen.on(device),
            readings: self.readings.clone(),
            reading_only: self.reading_only,
            from_layouts: self.from_layouts,
            validation: None,
            validation_examples: 0,
            device: device.clone(),
        }
    }

    /// The cache of the frozen networks' features, if there is one.
    pub fn cache(&self) -> Option<&Cache> {
        self.frozen.cache()
    }

    /// The latents of pictures: without gradients, on the device that computes them.
    fn latents(&self, pictures: &[RgbImage]) -> Tensor<4> {
        Tensor::from_inner(self.frozen.latents(pictures))
    }

    /// A normal number for the time of each item, with the configured shift as its mean.
    fn times(&self, rng: &mut BatchRng, count: usize) -> Vec<f32> {
        let shift = self.auxiliary.time_shift as f32;
        let normals = rng.normals(count).into_iter();
        normals.map(|normal| normal + shift).collect()
    }

    /// The losses of pairs whose prompts are read.
    fn prompt_losses(
        &self,
        model: &TrainableFlow,
        batch: &FlowBatch,
        rng: &mut BatchRng,
    ) -> Losses {
        let tokens = self.tokens(model, batch);
        if self.reading_only {
            return self.reading_losses(model, tokens, batch);
        }
        let said = model.network.source.said(tokens.clone());
        let source = model.network.source.start_of(said.clone(), tokens.dtype());
        let target = self.latents(&batch.target);
        let (
            Losses {
                mut total,
                mut parts,
            },
            start,
        ) = match self.velocity {
            true => {
                let source = match self.auxiliary.source_apart {
                    true => source.clone().detach(),
                    false => source.clone(),
                };
                self.flow_losses(model, source, target.clone(), batch, rng)
            }
            false => self.start_losses(model, &source, target.clone(), rng),
        };
        parts.push(("start_log_var", source.log_var.clone().mean()));
        if let (Some(wanted), Some(layouts)) = (&model.layout_start, &batch.layouts) {
            let distance = wanted.distance(source.mean.clone(), &layouts.starts);
            total = total + distance.clone().mul_scalar(self.auxiliary.layout_start);
            parts.push(("layout_start", distance));
        }
        let auxiliary = self.auxiliary.source_losses(source, target);
        total = total + auxiliary.total;
        parts.extend(auxiliary.parts);
        if let (Some(heads), Some(layouts)) = (&model.layout, &batch.layouts) {
            let found = heads.loss(tokens.clone(), start, layouts);
            total = total + found.total.mul_scalar(self.auxiliary.layout);
            parts.extend(found.parts);
            if let Some(book) = self.model.flow.source.codebook {
                let classes = self.readings.vocabulary.count();
                let found = codes_loss(said, book.codes, &layouts.starts, classes);
                total = total + found.total.mul_scalar(self.auxiliary.layout);
                parts.extend(found.parts);
            }
        }
        let read = self.reading_losses(model, tokens, batch);
        total = total + read.total;
        parts.extend(read.parts);
        Losses { total, parts }
    }

    fn tokens(&self, model: &TrainableFlow, batch: &FlowBatch) -> Tensor<3> {
        if self.encoder_frozen {
            return Tensor::from_inner(self.frozen.tokens(&model.encoder, &batch.vision));
        }
        let x = janus_pixels(&batch.vision, &self.device);
        model.encoder.encode(x)
    }
}

impl TrainTask for FlowTrainTask {
    type Model = TrainableFlow;
    type Batch = FlowBatch;

    fn device(&self) -> Device {
        self.device.clone()
    }

    fn batcher(&self) -> Batcher<FlowBatch> {
        let vision = self.model.encoder.image_size as u32;
        let side = self.model.encoder_side() as u32;
        let readings = self.readings.clone();
        Box::new(move |examples| prepared(&examples, vision, side, &readings))
    }

    fn train_step(&self, model: &TrainableFlow, batch: FlowBatch, rng: &mut BatchRng) -> Losses {
        if self.layouts_alone() {
            return self.drawing_losses(model, &batch, rng);
        }
        let Some(untold) = &batch.untold else {
            return self.prompt_losses(model, &batch, rng);
        };
        let drawing = self.drawing_losses(model, untold, rng);
        if batch.target.is_empty() {
            return drawing;
        }
        let [read, drawn] = [&batch, untold].map(|part| part.target.len() as f64);
        let mut losses = self.prompt_losses(model, &batch, rng);
        losses.total = (losses.total.mul_scalar(read) + drawing.total.clone().mul_scalar(drawn))
            .div_scalar(read + drawn);
        losses.parts.push(("drawn", drawing.total));
        losses
    }

    fn validate(
        &self,
        model: &TrainableFlow,
        step: u64,
        folder: &Path,
    ) -> Result<Vec<(String, f64)>, Error> {
        let Some(validation) = &self.validation else {
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
            FloatDType::F32,
        );
        for group in validation.groups(self.validation_examples)? {
            let item = |(number, example): &(u64, Example)| Item {
                prompt: example.input.clone(),
                structure: example.keeps_structure(),
                seed: 0,
                number: *number,
            };
            let items: Vec<Item> = group.examples.iter().map(item).collect();
            let results = match (self.velocity, self.layout_source(model, &group)?) {
                (true, None) => pipeline.generate(&items, &self.settings)?,
                (true, Some(source)) => {
                    let mut start = pipeline.start(&items, self.settings.noise);
                    let mut rng = BatchRng::new(0, 0); // the same at every validation
                    let noise = rng.noise(source.mean.dims(), &device);
                    start.x0 = source.sample(noise.mul_scalar(self.settings.noise));
                    pipeline.decode_beside(pipeline.solve(&start, &self.settings)?.x, &start)?
                }
                // If the velocity network is not trained: the picture of the source's mean.
                (false, _) => {
                    let mean = |item: &Item| pipeline.start([item], 0.0).x0;
                    let means: Vec<_> = items.iter().map(mean).collect();
                    let decoded = self.frozen.autoencoder().decode(Tensor::cat(means, 0));
                    to_pictures(decoded)?
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
        write_picture(&folder.join(format!("step-{step:08}.png")), &sheet.render())?;
        numbers.extend(self.label_metrics(model, validation)?);
        Ok(numbers)
    }
}

impl FlowTrainTask {
    /// Accuracies of all heads on the validation set, and distances to the wanted places, by task.
    fn label_metrics(
        &self,
        model: &TrainableFlow,
        validation: &ValidationSet,
    ) -> Result<Vec<(String, f64)>, Error> {
        if !self.readings.any() {
            return Ok(vec![]);
        }
        let model = model.valid();
        let [vision, side] = [self.model.encoder.image_size, self.model.encoder_side()];
        let mut numbers = vec![];
        for group in validation.groups(8 * self.validation_examples)? {
            let examples: Vec<Example> = group.examples.into_iter().map(|(_, e)| e).collect();
            let batch = prepared(&examples, vision as u32, side as u32, &self.readings)?;
            let x = janus_pixels(&batch.vision, &self.device.clone().inner());
            let tokens = model.encoder.encode(x);
            let mut found = self.reading_losses(&model, tokens.clone(), &batch).parts;
            if let (Some(heads), Some(layouts)) = (&model.layout, &batch.layouts) {
                let start = model.network.source.forward(tokens.clone()).mean;
                found.extend(heads.loss(tokens, start, layouts).parts);
            }
            for (name, value) in found {
                let other = [
                    SEEN_LETTERS,
                    SCENE_PARTS[3],
                    RIGHT_POINT,
                    RIGHT_SUBJECT,
                    WAY_OFF,
                    TOKEN_PARTS[3],
                    START_PARTS[3],
                ];
                let read = SPELLING_METRICS.contains(&name) || other.contains(&name);
                if VALIDATION_METRICS.contains(&name) || read {
                    let value = f64::from(value.into_scalar::<f32>());
                    numbers.push((format!("{name}_{}", group.name), value));
                }
            }
        }
        Ok(numbers)
    }
}
