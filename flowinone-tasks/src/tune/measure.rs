//! Errors and costs: each picture solved by itself, and compared with its converged solution.

use std::time::Instant;

use burn::tensor::Tensor;
use flowinone_image::mean_square;
use flowinone_sampler::State;
use image::RgbImage;

use crate::{Error, FlowInOne, Item, Settings, Start};

/// Pictures with their converged solutions.
#[derive(Debug)]
pub struct Subjects {
    subjects: Vec<Subject>,
}

#[derive(Debug)]
struct Subject {
    start: Start,
    latent: Vec<f64>,
    picture: RgbImage,
    evaluations: usize,
}

/// What a setting gave, as means over the pictures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measurement {
    /// The setting.
    pub settings: Settings,
    /// Relative error of the latent in the L2 norm.
    pub error: f64,
    /// The largest of them.
    pub worst: f64,
    /// Peak signal-to-noise ratio of all pixels together, in dB; infinite for equal pictures.
    pub psnr: f64,
    /// Network evaluations of one branch.
    pub evaluations: f64,
    /// Seconds of solving.
    pub seconds: f64,
}

impl Subjects {
    /// Solves `items` to convergence; `None` once `stop` asks to end.
    ///
    /// # Errors
    /// As [`Pipeline::states`](crate::Pipeline::states), or a picture that is not finite.
    pub fn solved(
        pipeline: &FlowInOne,
        items: &[Item],
        truth: &Settings,
        stop: &dyn Fn() -> bool,
    ) -> Result<Option<Self>, Error> {
        let mut subjects = vec![];
        for item in items {
            let start = pipeline.start([item], truth.noise);
            let Some(last) = solve(pipeline, &start, truth, stop)? else {
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
    pub fn evaluations(&self) -> f64 {
        let sum: usize = self.subjects.iter().map(|s| s.evaluations).sum();
        sum as f64 / self.subjects.len() as f64
    }

    /// Solves every picture with `settings`; `None` once `stop` asks to end.
    ///
    /// # Errors
    /// As [`solved`](Self::solved).
    pub fn measure(
        &self,
        pipeline: &FlowInOne,
        settings: &Settings,
        stop: &dyn Fn() -> bool,
    ) -> Result<Option<Measurement>, Error> {
        let mut row = Measurement {
            settings: *settings,
            error: 0.0,
            worst: 0.0,
            psnr: 0.0,
            evaluations: 0.0,
            seconds: 0.0,
        };
        let mut squares = 0.0;
        for subject in &self.subjects {
            let begin = Instant::now();
            let Some(last) = solve(pipeline, &subject.start, settings, stop)? else {
                return Ok(None);
            };
            let latent = values(&last.x); // waits for the device
            row.seconds += begin.elapsed().as_secs_f64();
            row.evaluations += last.evaluations.branches as f64;
            let error = relative_error(&latent, &subject.latent);
            row.error += error;
            row.worst = row.worst.max(error);
            let picture = pipeline.decode_item(&last.x, &subject.start, 0)?;
            squares += mean_square(&picture, &subject.picture); // of one size each
        }
        let pictures = self.subjects.len() as f64;
        row.error /= pictures;
        row.evaluations /= pictures;
        row.seconds /= pictures;
        row.psnr = flowinone_image::decibels(squares / pictures);
        Ok(Some(row))
    }
}

/// The last state of a solve; `None` if it was stopped.
fn solve(
    pipeline: &FlowInOne,
    start: &Start,
    settings: &Settings,
    stop: &dyn Fn() -> bool,
) -> Result<Option<State<4>>, Error> {
    let mut last = None;
    for state in pipeline.states_until(start, settings, stop)? {
        match state {
            Err(Error::Sampler(flowinone_sampler::Error::Stopped)) => return Ok(None),
            state => last = Some(state?),
        }
    }
    Ok(last)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_relative() {
        assert_eq!(relative_error(&[3.0, 4.5], &[3.0, 4.0]), 0.1);
    }
}
