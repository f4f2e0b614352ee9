//! A picture into the latent and back, with a tiny network of random weights: the shapes and the
//! calls are those of the real one, the picture that comes back is not.

use burn::tensor::{Device, Tensor, TensorData};
use flowinone_vae::{LatentCodec, VaeConfig, to_bytes};
use flowinone_weights::{Init, randomize};

const SIDE: usize = 64;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let device = Device::flex();
    let vae = randomize(VaeConfig::tiny().init(&device), 1, Init::by_fan_in)?;

    let picture = gradient(&device);
    println!("picture {:?}", picture.dims());

    let posterior = vae.encode(picture);
    println!("mean    {:?}", posterior.mean().dims());

    let latent = posterior.mode();
    println!(
        "latent  {:?}, scaled by {}",
        latent.dims(),
        vae.config().scale
    );

    let decoded = vae.decode(latent);
    println!("decoded {:?}", decoded.dims());

    let bytes = to_bytes(decoded)?;
    println!(
        "bytes   {}, the first pixel {:?}",
        bytes[0].len(),
        &bytes[0][..3]
    );
    Ok(())
}

/// Red grows to the right, green to the bottom, blue is in the middle: `[1, 3, SIDE, SIDE]`.
fn gradient(device: &Device) -> Tensor<4> {
    let ramp = |i: usize| 2.0 * i as f32 / (SIDE - 1) as f32 - 1.0;
    let pixels = (0..SIDE * SIDE).map(|i| (i / SIDE, i % SIDE));
    let red = pixels.clone().map(|(_, x)| ramp(x));
    let green = pixels.clone().map(|(y, _)| ramp(y));
    let blue = pixels.map(|_| 0.0);
    let values: Vec<f32> = red.chain(green).chain(blue).collect();
    Tensor::from_data(TensorData::new(values, [1, 3, SIDE, SIDE]), device)
}
