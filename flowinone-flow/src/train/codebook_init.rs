//! The map of a codebook begins as one that is known.

use burn::tensor::Tensor;
use flowinone_kernels::Dense;

use super::sincos_position_init::{TRAINED, set};
use crate::SourceEncoder;

impl SourceEncoder {
    /// The same network, its codebook begun with a map that is `known`, whose rows are codes and
    /// then as many numbers as the codebook has: it makes of its first codes and of its numbers
    /// what that map makes of its own. Its other codes stay.
    ///
    /// A network without a codebook, of fewer codes, or of squares with other values, stays as it
    /// is.
    ///
    /// # Panics
    /// If the weights are packed.
    #[must_use]
    pub fn codebook_init(mut self, known: &Dense) -> Self {
        let codes = self.context_encoder.codes;
        let known = known.parameters().expect(TRAINED);
        let layer = self.context_encoder.linear.parameters_mut().expect(TRAINED);
        let [[said, values], [rows, width]] = [layer.weight.dims(), known.weight.dims()];
        let numbers = said - codes;
        if codes == 0 || values != width || !(numbers..=said).contains(&rows) {
            return self;
        }
        let (map, random) = (known.weight.val(), layer.weight.val());
        let first = rows - numbers;
        let map = Tensor::cat(
            vec![
                map.clone().narrow(0, 0, first),
                random.narrow(0, first, codes - first),
                map.narrow(0, first, numbers),
            ],
            0,
        );
        set(&mut layer.weight, map.into_data());
        if let (Some(bias), Some(known)) = (&mut layer.bias, &known.bias) {
            set(bias, known.val().into_data());
        }
        self
    }
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use crate::{Codebook, FlowConfig};
    use burn::tensor::{DType, Device, Int};
    use flowinone_weights::{Init, randomize};

    #[test]
    fn a_code_makes_what_the_known_map_makes_of_it() {
        let device = Device::flex();
        let mut config = FlowConfig::mini();
        config.source.codebook = Some(Codebook {
            codes: 6,
            numbers: 2,
            temperature: 1.0,
        });
        let values = config.latent_channels * 4;
        let source = SourceEncoder::new(&config, &device);
        let source = randomize(source, 3, Init::by_fan_in).unwrap();
        let known = Dense::new(4 + 2, values, &device);
        let known = randomize(known, 4, |_, _| Init::Normal { std: 0.7 }).unwrap();
        let source = source.codebook_init(&known);

        // All squares are sure of code 3, with the numbers 0.5 and -2.
        let said = Tensor::<1>::from_floats([0., 0., 0., 90., 0., 0., 0.5, -2.], &device);
        let told = Tensor::<1>::from_floats([0., 0., 0., 1., 0.5, -2.], &device);
        let wanted = known.forward(told.reshape([1, 1, 6])); // [1, 1, values]
        let tokens = config.source.compressed_tokens;
        let said = said.reshape([1, 1, 8]).repeat_dim(1, tokens);
        let mean = source.start_of(said, DType::F32).mean;
        let found = crate::squares::values_of(mean, 2).narrow(1, 9, 1);
        let off: f32 = (found - wanted).abs().max().into_scalar();
        assert!(off < 1e-5, "{off}");

        // The codes between stay, and a map of other values changes nothing.
        let weights = |source: &SourceEncoder| {
            let layer = source.context_encoder.linear.parameters().unwrap();
            let rows = Tensor::<1, Int>::from_ints([4, 5], &device);
            layer.weight.val().select(0, rows).into_data()
        };
        let before = weights(&source);
        let other = Dense::new(6, values + 1, &device);
        assert_eq!(weights(&source.codebook_init(&other)), before);
    }
}
