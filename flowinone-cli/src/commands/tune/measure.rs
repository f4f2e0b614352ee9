//! Errors and costs: each picture solved by itself, and compared with its converged solution.

use std::time::Instant;

use anyhow::Result;
use burn::tensor::Tensor;
use flowinone_sampler::State;
use flowinone_tasks::{Error, FlowInOne, Item, Settings, Start};
use image::RgbImage;

use crate::interrupt;

/// Pictures with their converged solutions.
pub(super) struct Subjects {
    subjects: Vec<Subject>,
}

struct Subject {
    start: Start,
    latent: Vec<f64>,
    picture: RgbImage,
    evaluations: usize,
}

/// What a setting gave, as means over the pictures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Row {
    pub(super) settings: Settings,
    /// Relative error of the latent in the L2 norm.
    pub(super) error: f64,
    /// The largest of them.
    pub(super) worst: f64,
    /// Peak signal-to-noise ratio of all pixels together, in dB; infinite for equal pictures.
    pub(super) psnr: f64,
    /// Network evaluations of one branch.
    pub(super) evaluations: f64,
    /// Seconds of solving.
    pub(super) seconds: f64,
}

impl Subjects {
    /// Solves `items` to convergence; `None` if someone asked to stop.
    pub(super) fn solved(
        pipeline: &FlowInOne,
        items: &[Item],
        truth: &Settings,
    ) -> Result<Option<Self>> {
        let mut subjects = vec![];
        for item in items {
            let start = pipeline.start(std::slice::from_ref(item), truth.noise);
            let Some(last) = solve(pipeline, &start, truth)? else {
                return Ok(None);
            };
            subjects.push(Subject {
                latent: values(&last.x),
                picture: pipeline.decode_item(&last.x, &start, 0)?,
                start,
                evaluations: last.evaluations.branches,
            });
        }
        Ok(Some(Self { subjects }))
    }

    /// Mean evaluations of the converged solutions.
    pub(super) fn evaluations(&self) -> f64 {
        let sum: usize = self.subjects.iter().map(|s| s.evaluations).sum();
        sum as f64 / self.subjects.len() as f64
    }

    /// Solves every picture with `settings`; `None` if someone asked to stop.
    pub(super) fn measure(&self, pipeline: &FlowInOne, settings: &Settings) -> Result<Option<Row>> {
        let mut row = Row {
            settings: *settings,
            error: 0.0,
            worst: 0.0,
            psnr: 0.0,
            evaluations: 0.0,
            seconds: 0.0,
        };
        let (mut squares, mut count) = (0.0, 0.0);
        for subject in &self.subjects {
            let begin = Instant::now();
            let Some(last) = solve(pipeline, &subject.start, settings)? else {
                return Ok(None);
            };
            let latent = values(&last.x); // waits for the device
            row.seconds += begin.elapsed().as_secs_f64();
            row.evaluations += last.evaluations.branches as f64;
            let error = relative_error(&latent, &subject.latent);
            row.error += error;
            row.worst = row.worst.max(error);
            let picture = pipeline.decode_item(&last.x, &subject.start, 0)?;
            for (a, b) in picture.as_raw().iter().zip(subject.picture.as_raw()) {
                squares += f64::from(a.abs_diff(*b)).powi(2);
                count += 1.0;
            }
        }
        let pictures = self.subjects.len() as f64;
        row.error /= pictures;
        row.evaluations /= pictures;
        row.seconds /= pictures;
        row.psnr = psnr(squares / count);
        Ok(Some(row))
    }
}

fn solve(
    pipeline: &FlowInOne,
    start: &Start,
    settings: &Settings,
) -> Result<Option<State<4>>, Error> {
    pipeline.solve(start, settings, |_| Ok(!interrupt::asked()))
}

fn values(latent: &Tensor<4>) -> Vec<f64> {
    latent.clone().into_data().iter::<f64>().collect()
}

/// `|x - truth| / |truth|`.
fn relative_error(x: &[f64], truth: &[f64]) -> f64 {
    let difference: f64 = x.iter().zip(truth).map(|(a, b)| (a - b) * (a - b)).sum();
    let length: f64 = truth.iter().map(|b| b * b).sum();
    (difference / length).sqrt()
}

/// dB of a mean squared difference of 8-bit values.
fn psnr(mean_square: f64) -> f64 {
    10.0 * (255.0f64.powi(2) / mean_square).log10()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_relative_and_ratios_in_decibel() {
        assert_eq!(relative_error(&[3.0, 4.5], &[3.0, 4.0]), 0.1);
        assert!((psnr(65.025) - 30.0).abs() < 1e-9);
        assert_eq!(psnr(0.0), f64::INFINITY);
    }
}
