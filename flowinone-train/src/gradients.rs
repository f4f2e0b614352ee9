//! Gradients of a whole module: summed over several batches and devices, their common norm clipped,
//! `g <- g * min(1, limit / |g|)`, `|g|^2` the sum of all squares.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::{GradientsAccumulator, GradientsParams, MultiGradientsParams};
use burn::tensor::{Device, Tensor};

/// Gradients summed over the batches of a step.
pub struct AccumulatedGradients<M> {
    sum: GradientsAccumulator<M>,
}

impl<M: Module> Default for AccumulatedGradients<M> {
    fn default() -> Self {
        Self {
            sum: GradientsAccumulator::new(),
        }
    }
}

impl<M: Module> AccumulatedGradients<M> {
    /// Adds the gradients of one batch.
    pub fn add(&mut self, model: &M, gradients: GradientsParams) {
        self.sum.accumulate(model, gradients);
    }

    /// The sum.
    pub fn sum(mut self) -> GradientsParams {
        self.sum.grads()
    }
}

/// The gradients with their common norm clipped to `limit`, and the norm before.
pub fn clip_grad_norm<M: Module>(
    model: &M,
    gradients: GradientsParams,
    limit: Option<f64>,
) -> (GradientsParams, f64) {
    let norm = grad_norm(model, &gradients);
    match limit {
        Some(limit) if norm > limit => (scaled(model, gradients, limit / norm), norm),
        _ => (gradients, norm),
    }
}

/// The sum of the gradients of several devices, on the first of them. The additions are spread over
/// all devices, parameter by parameter, as in Burn's own training.
pub fn all_reduce<M: Module>(model: &M, parts: Vec<(GradientsParams, Device)>) -> GradientsParams {
    let Some((_, home)) = parts.first() else {
        return GradientsParams::new();
    };
    let mut gather = Gather {
        home: home.clone(),
        parts: MultiGradientsParams { grads: parts },
        sum: GradientsParams::new(),
    };
    model.visit(&mut gather);
    gather.sum
}

/// The common norm of all gradients of a module.
pub fn grad_norm<M: Module>(model: &M, gradients: &GradientsParams) -> f64 {
    let mut squares = Squares {
        gradients,
        sums: vec![],
    };
    model.visit(&mut squares);
    let sums = squares.sums.into_iter();
    let numbers = sums.map(|sum| f64::from(sum.into_scalar::<f32>()));
    numbers.sum::<f64>().sqrt()
}

fn scaled<M: Module>(model: &M, gradients: GradientsParams, factor: f64) -> GradientsParams {
    let mut scale = Scale { gradients, factor };
    model.visit(&mut scale);
    scale.gradients
}

struct Gather {
    home: Device,
    parts: MultiGradientsParams,
    sum: GradientsParams,
}

impl ModuleVisitor for Gather {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some((gradient, _)) = self.parts.remove::<D>(param.id) {
            self.sum.register(param.id, gradient.to_device(&self.home));
        }
    }
}

struct Squares<'a> {
    gradients: &'a GradientsParams,
    sums: Vec<Tensor<1>>,
}

impl ModuleVisitor for Squares<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.get::<D>(param.id) {
            self.sums.push(gradient.square().sum());
        }
    }
}

struct Scale {
    gradients: GradientsParams,
    factor: f64,
}

impl ModuleVisitor for Scale {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.remove::<D>(param.id) {
            let scaled = gradient.mul_scalar(self.factor);
            self.gradients.register(param.id, scaled);
        }
    }
}
