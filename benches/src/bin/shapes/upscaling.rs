//! Pictures made larger, at the sizes of Real-ESRGAN's networks.

use burn::module::Module;
use burn::tensor::{Device, Distribution, FloatDType, Tensor};
use flowinone_kernels::Dtype;
use flowinone_upscale::{CompactConfig, Network, RrdbConfig, Watch};
use flowinone_weights::{Init, ParamSpec, fill};

use crate::Computation;

/// Random weights that keep the size of values.
fn random<M: Module>(module: M) -> M {
    let draw = |param: &ParamSpec| {
        let fan: usize = param.shape[1..].iter().product();
        let std = (1.0 / fan.max(100) as f32).sqrt();
        Ok(Init::Normal { std }.draw(param, 1, FloatDType::F32))
    };
    fill(module, draw).expect("random weights")
}

fn computation(network: Network, side: usize, precision: Dtype) -> Computation {
    let uniform = Distribution::Uniform(0.0, 1.0);
    let x = Tensor::<4>::random([1, 3, side, side], uniform, &Device::flex());
    Box::new(move || {
        let mut go_on = |_| true;
        let mut watch = Watch::new(&mut go_on);
        let y = network.forward(x.clone(), precision, &mut watch);
        y.expect("nobody stops it").into_data();
    })
}

fn animevideov3(side: usize, precision: Dtype) -> Computation {
    let config = CompactConfig::animevideov3();
    let network = Network::Compact(config, random(config.init(&Device::flex())));
    computation(network, side, precision)
}

/// animevideov3 on 64 x 64 pixels.
pub(crate) fn small(precision: Dtype) -> Computation {
    animevideov3(64, precision)
}

/// animevideov3 on 256 x 256 pixels.
pub(crate) fn large(precision: Dtype) -> Computation {
    animevideov3(256, precision)
}

/// x4plus-anime on 256 x 256 pixels.
pub(crate) fn esrgan(precision: Dtype) -> Computation {
    let config = RrdbConfig::x4plus_anime();
    let network = Network::Rrdb(config, random(config.init(&Device::flex())));
    computation(network, 256, precision)
}
