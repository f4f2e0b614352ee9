//! Random weights of the stated scale keep values of order one from end to end.
#![cfg(feature = "cpu")]

use burn::tensor::{Device, Tensor};
use flowinone_vae::{LatentCodec, VaeConfig, to_bytes};
use flowinone_weights::{Init, randomize};

fn rms(x: &Tensor<4>) -> f32 {
    x.clone().square().mean().sqrt().into_scalar()
}

#[test]
fn a_random_network_gives_pictures_of_order_one() {
    let device = Device::flex();
    let wide = VaeConfig {
        channels: 32,
        multipliers: vec![1, 2, 2, 4],
        blocks: 2,
        ..VaeConfig::tiny()
    };
    for config in [VaeConfig::tiny(), wide] {
        let vae = randomize(config.init(&device), 5, Init::by_fan_in).unwrap();
        let values = (0..3 * 64 * 64).map(|i| (i as f32 * 0.11).sin()).collect();
        let picture = flowinone_parity::tensor(values, [1, 3, 64, 64], &device);
        let moments = vae.moments(picture.clone());
        let decoded = vae.decode(vae.encode(picture).mode());
        println!("rms: moments {}, decoded {}", rms(&moments), rms(&decoded));
        assert!((0.1..5.0).contains(&rms(&moments)));
        assert!((0.1..5.0).contains(&rms(&decoded)));
        assert_eq!(to_bytes(decoded).unwrap()[0].len(), 64 * 64 * 3);
    }
}
