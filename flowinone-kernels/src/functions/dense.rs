//! A linear layer of a model: parameters to train, load and save, or packed weights to compute
//! with.

use burn::module::{Content, Devices, Module, ModuleDisplay, ModuleDisplayDefault};
use burn::module::{ModuleMapper, ModuleVisitor};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{DType, Device, Tensor};

use super::linear::linear;
use super::low_rank::LowRank;
use super::packed::{PackedLinear, packs};
use crate::dtype::Dtype;

/// A linear layer `y = x w + b` on the last axis, as a module.
///
/// It begins as Burn's [`Linear`] and is one to everything that walks over modules: the same names,
/// the same parameters. [`pack`](Self::pack) turns it into a [`PackedLinear`], which has no
/// parameters any more: a packed model makes pictures and can be neither trained nor saved. An
/// adapter may stand [beside](Self::beside) either.
#[derive(Debug, Clone)]
pub struct Dense {
    held: Held,
    parts: usize,
    /// How to pack the parameters as soon as they have been filled.
    when_filled: Option<Dtype>,
    /// What is added to the result.
    beside: Option<LowRank>,
}

#[derive(Debug, Clone)]
enum Held {
    Parameters(Box<Linear>),
    Packed(PackedLinear),
}

impl Dense {
    /// A layer with bias, its parameters made when they are first used.
    pub fn new(input: usize, output: usize, device: &Device) -> Self {
        LinearConfig::new(input, output).init(device).into()
    }

    /// A layer without bias.
    pub fn without_bias(input: usize, output: usize, device: &Device) -> Self {
        let config = LinearConfig::new(input, output).with_bias(false);
        config.init(device).into()
    }

    /// For an input that comes in `parts` equal parts.
    #[must_use]
    pub fn in_parts(self, parts: usize) -> Self {
        Self { parts, ..self }
    }

    /// Puts an adapter beside the weights, in place of any that stands there.
    ///
    /// # Panics
    /// If its factors are not of the layer's inputs and outputs.
    pub fn beside(&mut self, adapter: LowRank) {
        let ([input, _], [_, output]) = (adapter.down.dims(), adapter.up.dims());
        let sizes = self.dims();
        assert_eq!(
            [input, output],
            sizes,
            "an adapter for a layer of {sizes:?}"
        );
        self.beside = Some(adapter);
    }

    /// Packs the weights, or marks the layer if they are not there yet: it is then packed as soon
    /// as a [mapper](ModuleMapper) has filled it, so that a model is packed layer by layer while it
    /// is loaded. On a device that does not [pack](packs), nothing happens.
    pub fn pack(&mut self, precision: Dtype) {
        if let Held::Parameters(layer) = &self.held
            && packs(&layer.weight.lazy_device())
        {
            self.when_filled = Some(precision);
            self.pack_if_filled();
        }
    }

    fn pack_if_filled(&mut self) {
        let (Held::Parameters(layer), Some(precision)) = (&mut self.held, self.when_filled) else {
            return;
        };
        let filled = layer.weight.is_initialized()
            && layer.bias.as_ref().is_none_or(|bias| bias.is_initialized());
        if filled {
            // Out of the layer, so that the weights are not copied and go when they are packed.
            let nothing = LinearConfig::new(0, 0).init(&layer.weight.lazy_device());
            let Linear { weight, bias } = std::mem::replace(&mut **layer, nothing);
            let bias = bias.map(|bias| bias.into_value());
            let packed = PackedLinear::in_parts(weight.into_value(), bias, precision, self.parts);
            self.held = Held::Packed(packed);
        }
    }

    /// How the weights are kept: [`F32`](Dtype::F32) until they are packed otherwise.
    pub fn precision(&self) -> Dtype {
        match &self.held {
            Held::Parameters(_) => Dtype::F32,
            Held::Packed(layer) => layer.precision(),
        }
    }

    /// Whether the weights are packed.
    pub fn is_packed(&self) -> bool {
        matches!(self.held, Held::Packed(_))
    }

    /// The parameters, unless they are packed.
    pub fn parameters(&self) -> Option<&Linear> {
        match &self.held {
            Held::Parameters(layer) => Some(layer),
            Held::Packed(_) => None,
        }
    }

    /// The same, to change them.
    pub fn parameters_mut(&mut self) -> Option<&mut Linear> {
        match &mut self.held {
            Held::Parameters(layer) => Some(layer),
            Held::Packed(_) => None,
        }
    }

    /// Inputs and outputs.
    pub fn dims(&self) -> [usize; 2] {
        match &self.held {
            Held::Parameters(layer) => layer.weight.lazy_shape().dims(),
            Held::Packed(layer) => layer.dims(),
        }
    }

    /// The element type of the input: that of the parameters, or float32 for packed ones.
    pub fn dtype(&self) -> DType {
        match &self.held {
            Held::Parameters(layer) => layer.weight.val().dtype(),
            Held::Packed(_) => DType::F32,
        }
    }

    /// `x w + b` of `[..., input]`, `[..., output]`.
    ///
    /// All axes but the last become the rows of one matrix: a batched product would pack the
    /// weights once for each item.
    ///
    /// # Panics
    /// If the last axis is not that of the weights.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let mut shape = x.dims();
        let rows = rows(x);
        let added = self
            .beside
            .as_ref()
            .map(|adapter| adapter.forward(rows.clone()));
        let y = match &self.held {
            Held::Parameters(layer) => {
                let bias = layer.bias.as_ref().map(|bias| bias.val());
                linear(rows, layer.weight.val(), bias)
            }
            Held::Packed(packed) if packed.parts() == 1 => packed.forward(rows),
            Held::Packed(packed) => {
                let ([_, input], parts) = (rows.dims(), packed.parts());
                let width = input / parts;
                let part = |part| rows.clone().narrow(1, part * width, width);
                packed.forward_parts((0..parts).map(part))
            }
        };
        [_, shape[D - 1]] = y.dims();
        plus(y, added).reshape(shape)
    }

    /// `sum_i x_i w_i + b` of the parts of `[..., input]`, side by side but joined only where the
    /// weights are not packed.
    ///
    /// # Panics
    /// If there are no parts, or not those of the weights.
    pub fn forward_parts<const D: usize>(
        &self,
        parts: impl IntoIterator<Item = Tensor<D>>,
    ) -> Tensor<D> {
        let Held::Packed(packed) = &self.held else {
            return self.forward(Tensor::cat(parts.into_iter().collect(), D - 1));
        };
        let mut parts = parts.into_iter().peekable();
        let mut shape = parts.peek().expect("at least one part").dims();
        let parts = parts.map(rows);
        let y = match &self.beside {
            None => packed.forward_parts(parts),
            Some(adapter) => {
                let parts: Vec<_> = parts.collect();
                let added = adapter.forward_parts(&parts);
                packed.forward_parts(parts) + added
            }
        };
        [_, shape[D - 1]] = y.dims();
        y.reshape(shape)
    }
}

fn plus(y: Tensor<2>, added: Option<Tensor<2>>) -> Tensor<2> {
    match added {
        Some(added) => y + added,
        None => y,
    }
}

/// `[..., width]` as one matrix `[rows, width]`.
fn rows<const D: usize>(x: Tensor<D>) -> Tensor<2> {
    let shape = x.dims();
    let (rows, width) = (shape[..D - 1].iter().product(), shape[D - 1]);
    x.reshape([rows, width])
}

impl From<Linear> for Dense {
    fn from(layer: Linear) -> Self {
        Self {
            held: Held::Parameters(Box::new(layer)),
            parts: 1,
            when_filled: None,
            beside: None,
        }
    }
}

impl Dense {
    /// The same with the parameters under `map`, if it has any.
    fn with(self, map: impl FnOnce(Linear) -> Linear) -> Self {
        let held = match self.held {
            Held::Parameters(layer) => Held::Parameters(Box::new(map(*layer))),
            packed @ Held::Packed(_) => packed,
        };
        Self { held, ..self }
    }
}

impl Module for Dense {
    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        if let Held::Parameters(layer) = &self.held {
            layer.visit(visitor);
        }
    }

    fn map<M: ModuleMapper>(self, mapper: &mut M) -> Self {
        let mut mapped = self.with(|layer| layer.map(mapper));
        mapped.pack_if_filled();
        mapped
    }

    fn collect_devices(&self, devices: Devices) -> Devices {
        match &self.held {
            Held::Parameters(layer) => layer.collect_devices(devices),
            Held::Packed(_) => devices,
        }
    }

    fn fork(self, device: &Device) -> Self {
        self.with(|layer| layer.fork(device))
    }

    fn to_device(self, device: &Device) -> Self {
        self.with(|layer| layer.to_device(device))
    }

    fn train(self) -> Self {
        self.with(Module::train)
    }

    fn valid(&self) -> Self {
        let valid = self.clone().with(|layer| layer.valid());
        Self {
            beside: valid.beside.map(LowRank::valid),
            ..valid
        }
    }

    fn materialize(self) -> Self {
        self.with(Module::materialize)
    }
}

impl ModuleDisplayDefault for Dense {
    fn content(&self, content: Content) -> Option<Content> {
        let [input, output] = self.dims();
        content
            .set_top_level_type("Dense")
            .add("input", &input)
            .add("output", &output)
            .add("packed", &self.is_packed())
            .optional()
    }
}

impl ModuleDisplay for Dense {}
