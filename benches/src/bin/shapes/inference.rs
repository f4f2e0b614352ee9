//! What a picture costs, at the published sizes.

use burn::tensor::{Device, Distribution, Tensor};
use flowinone_encoder::{EncoderConfig, VisualEncoder};
use flowinone_flow::{FlowConfig, FlowModel, Structure};
use flowinone_kernels::Dtype;
use flowinone_sampler::BranchedField;
use flowinone_vae::{LatentCodec, VaeConfig};
use flowinone_weights::{Init, randomize};

use crate::Computation;

pub(crate) fn normal<const D: usize>(shape: [usize; D]) -> Tensor<D> {
    Tensor::random(shape, Distribution::Normal(0.0, 1.0), &Device::flex())
}

/// One transformer block on both branches of guidance: `[2, 257, 1024]`.
pub(crate) fn block(precision: Dtype) -> Computation {
    let mut config = FlowConfig::flowinone_256();
    config.transformer.blocks = 1; // the one that is measured
    config.convnext.blocks = 1;
    config.source.layers = 0;
    let network = config.init(&Device::flex());
    let network = network.packed(precision); // each layer as soon as it is filled
    let network = randomize(network, 1, flowinone_flow::default_init).expect("random weights");
    let latent = Structure::new(normal([1, 4, 32, 32]));
    let structure = network.velocity.structure_tokens(&latent);
    let x = normal([2, 257, 1024]);
    Box::new(move || {
        let y = network
            .velocity
            .first_block(x.clone(), 0.3, structure.as_ref());
        y.into_data();
    })
}

/// One guided Euler step: both branches, their combination, and the new state.
pub(crate) fn step(precision: Dtype) -> Computation {
    let network = FlowConfig::flowinone_256().init(&Device::flex());
    let network = network.packed(precision); // each layer as soon as it is filled
    let network = randomize(network, 1, flowinone_flow::default_init).expect("random weights");
    let latent = Structure::new(normal([1, 4, 32, 32]));
    let x = normal([1, 4, 32, 32]);
    Box::new(move || {
        let field = network.field(Some(latent.clone()));
        let (with, without) = field.both(x.clone(), 0.3.into());
        let velocity = without.clone() + (with - without) * 7.0;
        (x.clone() + velocity * 0.02).into_data();
    })
}

/// Vision tower and aligner on one picture of 384 x 384.
pub(crate) fn vision(precision: Dtype) -> Computation {
    let encoder = EncoderConfig::flowinone_256().init(&Device::flex());
    let encoder = encoder.packed(precision);
    let encoder = randomize(encoder, 1, Init::by_fan_in).expect("random weights");
    let pixels = normal([1, 3, 384, 384]);
    Box::new(move || {
        encoder.encode(pixels.clone()).into_data();
    })
}

/// A picture of 256 x 256 to its latent and back.
pub(crate) fn vae(precision: Dtype) -> Computation {
    let vae = VaeConfig::flowinone_256().init(&Device::flex());
    let vae = randomize(vae, 1, Init::by_fan_in).expect("random weights");
    let vae = vae.in_precision(precision);
    let picture = normal([1, 3, 256, 256]);
    Box::new(move || {
        vae.decode(vae.encode(picture.clone()).mode()).into_data();
    })
}
