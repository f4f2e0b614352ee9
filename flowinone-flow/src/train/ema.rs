//! The exponential moving average (EMA) of a module's weights over the steps of training:
//! `ema <- ema + (1 - decay) * (weights - ema)` after each step.

use std::collections::VecDeque;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{DType, Tensor};
use serde::{Deserialize, Serialize};

/// How much of the average each update keeps.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmaDecay {
    /// The same share at every update; the reference's is 0.9999.
    Constant(f64),
    /// `min(share, (1 + n) / (10 + n))` at update `n`, counted from 0: the weights that training
    /// started from are forgotten soon.
    Rising(f64),
}

impl EmaDecay {
    /// The reference's: 0.9999 at every update.
    pub fn reference() -> Self {
        Self::Constant(0.9999)
    }

    /// The share kept at update `n`, counted from 0.
    pub fn at(self, n: u64) -> f64 {
        match self {
            Self::Constant(share) => share,
            Self::Rising(share) => share.min((1.0 + n as f64) / (10.0 + n as f64)),
        }
    }
}

/// The exponential moving average of a module's floating-point parameters.
///
/// It is kept outside of any gradient graph and in float32, whatever the element type of the
/// weights: at a decay of 0.9999 a half-precision average would not move. Other parameters and the
/// module's structure are those it was made from. Where a module in training asks for no gradient,
/// the average is the weights themselves and costs nothing.
#[derive(Debug, Clone)]
pub struct Ema<M> {
    /// Always present except during an update, which takes it so that its tensors are overwritten
    /// and not copied.
    module: Option<M>,
    decay: EmaDecay,
    updates: u64,
}

impl<M: Module> Ema<M> {
    /// Starts at the module's present weights.
    pub fn new(module: &M, decay: EmaDecay) -> Self {
        Self::resumed(module.clone(), decay, 0)
    }

    /// Goes on from an average that was saved after `updates` updates.
    pub fn resumed(module: M, decay: EmaDecay, updates: u64) -> Self {
        Self {
            module: Some(module.valid().map(&mut Single)),
            decay,
            updates,
        }
    }

    /// Takes one step towards the module's weights.
    ///
    /// # Panics
    /// If the module has not the parameters, in number and shape, of the one that the average was
    /// made from.
    pub fn update(&mut self, module: &M) {
        let mut weights = Weights(VecDeque::new());
        module.visit(&mut weights);
        let mut step = Step {
            weights: weights.0,
            share: 1.0 - self.decay.at(self.updates),
        };
        self.module = self.module.take().map(|average| average.map(&mut step));
        assert!(
            step.weights.is_empty(),
            "{} parameters more than the average has",
            step.weights.len()
        );
        self.updates += 1;
    }

    /// The module with the averaged weights, ready to evaluate and to save, without gradients.
    pub fn module(&self) -> &M {
        self.module.as_ref().expect(PRESENT)
    }

    /// The module with the averaged weights.
    pub fn into_module(self) -> M {
        self.module.expect(PRESENT)
    }

    /// How many updates there were.
    pub fn updates(&self) -> u64 {
        self.updates
    }
}

/// Why an average always has its module.
const PRESENT: &str = "an update puts the module back, or panics";

/// Turns parameters to float32.
struct Single;

impl ModuleMapper for Single {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|weights| weights.cast(DType::F32))
    }
}

/// All floating-point parameters in the module's order, each as one row of float32, and whether it
/// is frozen in a training that others take part in.
struct Weights(VecDeque<(Tensor<1>, bool)>);

impl ModuleVisitor for Weights {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let value = param.val();
        let frozen = value.device().is_autodiff() && !value.is_require_grad();
        let weights = value.inner().cast(DType::F32);
        let count = weights.shape().num_elements();
        self.0.push_back((weights.reshape([count]), frozen));
    }
}

struct Step {
    weights: VecDeque<(Tensor<1>, bool)>,
    share: f64,
}

impl ModuleMapper for Step {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let weights = self.weights.pop_front();
        let (weights, frozen) = weights.expect("a module has as many parameters as its average");
        param.map(|average| {
            let weights = weights.reshape(average.shape());
            if frozen {
                return weights;
            }
            let difference = weights - average.clone();
            average + difference.mul_scalar(self.share)
        })
    }
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use burn::nn::{Linear, LinearConfig};
    use burn::tensor::{Device, FloatDType};

    fn layer(weight: f64, device: &Device) -> Linear {
        let mut layer = LinearConfig::new(2, 3).init(device);
        layer.weight = layer.weight.map(|w| w.zeros_like().add_scalar(weight));
        layer.bias = layer
            .bias
            .map(|bias| bias.map(|b| b.zeros_like().add_scalar(-weight)));
        layer
    }

    fn first(layer: &Linear) -> (f32, f32) {
        let bias = layer.bias.as_ref().unwrap().val();
        let weight = layer.weight.val().flatten::<1>(0, 1);
        (
            weight.narrow(0, 0, 1).into_scalar(),
            bias.narrow(0, 0, 1).into_scalar(),
        )
    }

    #[test]
    fn every_update_takes_the_same_share_of_the_difference() {
        let device = Device::flex();
        let mut average = Ema::new(&layer(0.0, &device), EmaDecay::Constant(0.75));
        average.update(&layer(1.0, &device));
        assert_eq!(first(average.module()), (0.25, -0.25));
        average.update(&layer(1.0, &device));
        assert_eq!(first(average.module()), (0.4375, -0.4375));
        assert_eq!(average.updates(), 2);
    }

    #[test]
    fn a_rising_decay_forgets_the_start() {
        assert_eq!(EmaDecay::Rising(0.9999).at(0), 0.1);
        assert_eq!(EmaDecay::Rising(0.9999).at(1_000_000), 0.9999);
        assert_eq!(EmaDecay::reference().at(0), 0.9999);
    }

    #[test]
    fn frozen_weights_are_their_own_average() {
        let device = Device::flex().autodiff();
        let mut average = Ema::new(&layer(0.0, &device), EmaDecay::Constant(0.75));
        let mut half_frozen = layer(1.0, &device);
        half_frozen.weight = half_frozen.weight.set_require_grad(false);
        half_frozen.bias = half_frozen.bias.map(|bias| bias.set_require_grad(true));
        average.update(&half_frozen);
        assert_eq!(first(average.module()), (1.0, -0.25));
    }

    #[test]
    fn an_average_resumes_where_it_was_saved() {
        let device = Device::flex();
        let decay = EmaDecay::Rising(0.9);
        let mut whole = Ema::new(&layer(0.0, &device), decay);
        whole.update(&layer(1.0, &device));
        let record = whole.module().clone().into_record();
        let saved = layer(7.0, &device).load_record(record);
        let mut resumed = Ema::resumed(saved, decay, whole.updates());
        for average in [&mut whole, &mut resumed] {
            average.update(&layer(2.0, &device));
        }
        assert_eq!(first(whole.module()), first(resumed.module()));
    }

    #[test]
    fn half_precision_weights_are_averaged_in_single_precision() {
        let device = Device::flex();
        let half = |weight| {
            let layer = layer(weight, &device);
            Linear {
                weight: layer.weight.map(|w| w.cast(FloatDType::BF16)),
                bias: layer.bias,
            }
        };
        let mut average = Ema::new(&half(1.0), EmaDecay::Constant(0.9999));
        average.update(&half(2.0));
        let (weight, _) = first(average.module());
        assert!((weight - 1.0001).abs() < 1e-6, "{weight}");
    }
}
