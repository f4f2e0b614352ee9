//! The losses of a batch: of the flow, of its starts where no flow is trained, and of what is read
//! from the visual tokens.

use burn::tensor::Tensor;
use flowinone_flow::train::{ClipFeatures, TrainingBatch, kl};
use flowinone_flow::{Source, Structure};

use super::FlowTrainTask;
use crate::auxiliary_losses::detail;
use crate::things::wrong_share;
use crate::{BatchRng, FlowBatch, Losses, TrainableFlow};

impl FlowTrainTask {
    /// The losses of the flow from `source` to the latents `target`, and its starts.
    pub(super) fn flow_losses(
        &self,
        model: &TrainableFlow,
        source: Source,
        target: Tensor<4>,
        batch: &FlowBatch,
        rng: &mut BatchRng,
    ) -> (Losses, Tensor<4>) {
        let count = batch.target.len();
        let clip = self.objective.contrastive_weight.map(|_| ClipFeatures {
            contrast: &model.contrast,
            features: target.clone().flatten(1, 3),
        });
        let noise = rng.noise(target.dims(), &self.device);
        let times = self.times(rng, count);
        let noise = self
            .objective
            .step_noise(noise, &times, &rng.uniforms(count));
        let structure = batch
            .keeps
            .contains(&true)
            .then(|| Structure::new(self.latents(&batch.structure)).masked(&batch.keeps));
        let step = TrainingBatch { target, structure };
        let found = self
            .objective
            .evaluate(&model.network, source, step, noise, clip);
        let mut total = found.losses.total.mean();
        let mut parts = vec![
            ("fine", found.losses.fine.mean()),
            ("coarse", found.losses.coarse.mean()),
            ("divergence", found.losses.kl.mean()),
        ];
        parts.extend(found.losses.contrastive.map(|c| ("contrastive", c)));
        let path = &self.objective.path;
        let flow = path.velocity(found.start.clone(), found.target.clone());
        let errors = (found.velocities.fine - flow).square();
        if self.auxiliary.detail > 0.0 {
            let detail = (errors.clone() * detail(found.target.clone())).mean();
            total = total + detail.clone().mul_scalar(self.auxiliary.detail);
            parts.push(("detail", detail));
        }
        if let (true, Some(layouts)) = (self.auxiliary.things > 0.0, &batch.layouts) {
            let wrong = wrong_share(errors, found.target, &layouts.starts);
            total = total + wrong.clone().mul_scalar(self.auxiliary.things);
            parts.push(("things", wrong));
        }
        (Losses { total, parts }, found.start)
    }

    /// The losses of starts from `source` where no flow is trained, and the starts.
    pub(super) fn start_losses(
        &self,
        model: &TrainableFlow,
        source: &Source,
        target: Tensor<4>,
        rng: &mut BatchRng,
    ) -> (Losses, Tensor<4>) {
        let kl = kl(source).mean();
        let mut total = kl.clone().mul_scalar(self.objective.kl_weight);
        let mut parts = vec![("divergence", kl)];
        let start = source.sample(rng.noise(target.dims(), &self.device));
        if let Some(weight) = self.objective.contrastive_weight {
            let loss = model.contrast.loss(start.clone(), target.flatten(1, 3));
            total = total + loss.clone().mul_scalar(weight);
            parts.push(("contrastive", loss));
        }
        (Losses { total, parts }, start)
    }

    /// What is read from the tokens `[batch, tokens, width]` of a batch: labels, letters, scene and
    /// ways.
    pub(super) fn reading_losses(
        &self,
        model: &TrainableFlow,
        tokens: Tensor<3>,
        batch: &FlowBatch,
    ) -> Losses {
        let mut total = Tensor::zeros([1], &tokens.device());
        let mut parts = vec![];
        let mut add = |found: Losses, weight: f64| {
            total = total.clone() + found.total.mul_scalar(weight);
            parts.extend(found.parts);
        };
        if let (Some(heads), Some(labels)) = (&model.heads, &batch.labels) {
            add(heads.loss(tokens.clone(), labels), self.auxiliary.labels);
        }
        if let (Some(speller), Some(spellings)) = (&model.speller, &batch.spellings) {
            add(
                speller.loss(tokens.clone(), spellings),
                self.auxiliary.spelling,
            );
        }
        if let (Some(head), Some(grids)) = (&model.letters, &batch.letters) {
            add(head.loss(tokens.clone(), grids), self.auxiliary.letters);
        }
        if let (Some(head), Some(scenes)) = (&model.scene, &batch.scenes) {
            add(head.loss(tokens.clone(), scenes), self.auxiliary.scene);
        }
        if let (Some(head), Some(grids)) = (&model.ways, &batch.ways) {
            add(head.loss(tokens, grids), self.auxiliary.ways);
        }
        Losses { total, parts }
    }
}
