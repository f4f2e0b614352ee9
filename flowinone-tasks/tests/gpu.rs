//! The GPU path computes what the CPU computes: the tiny pipeline on the first WebGPU device, which
//! may be a software one.
#![cfg(all(feature = "cpu", feature = "wgpu"))]

use burn::tensor::{Device, DeviceType, Tensor};
use flowinone_parity::assert_close;
use flowinone_sampler::GuidanceRule;
use flowinone_tasks::{Dtype, Item, ModelConfig, Settings, untrained};
use image::{Rgb, RgbImage};

/// Rounding through three networks and four guided steps; single operations agree to 3e-5.
const TOLERANCE: f64 = 1e-3;

/// The tiny model on pictures of 64 pixels, since a software device is slow.
fn small() -> ModelConfig {
    let mut config = ModelConfig::tiny();
    config.picture_side = 64;
    config.flow.latent_side = 8;
    config.flow.transformer.side = 4;
    config.flow.convnext.side = 8;
    config
}

#[test]
fn the_tiny_pipeline_agrees_with_the_cpu() {
    let gpu = Device::enumerate(DeviceType::Wgpu)
        .into_iter()
        .next()
        .expect("the feature wgpu is on, but no adapter answers: install a Vulkan driver (mesa-vulkan-drivers has a software one)");
    let cpu = Device::flex();
    println!("{:?}", gpu.identity());

    let prompt = RgbImage::from_fn(100, 80, |x, y| Rgb([(x * 2) as u8, (y * 3) as u8, 90]));
    let items: Vec<Item> = [true, false]
        .into_iter()
        .enumerate()
        .map(|(number, structure)| Item {
            prompt: prompt.clone(),
            structure,
            seed: 3,
            number: number as u64,
        })
        .collect();
    let settings = Settings {
        steps: 3,
        guidance: GuidanceRule::Constant { scale: 3.0 },
        ..Settings::published()
    };
    let run = |device: &Device| {
        let pipeline = untrained(&small(), 3, device, Dtype::F32).unwrap();
        let tokens = pipeline.tokens(&prompt);
        let start = pipeline.start(&items, 1.0);
        let last = pipeline.solve(&start, &settings);
        let last = last.unwrap();
        let pictures = pipeline.decode(last.x.clone()).unwrap();
        (tokens, start.x0, last.x, pictures)
    };
    let (tokens, x0, latent, pictures) = run(&cpu);
    let (gpu_tokens, gpu_x0, gpu_latent, gpu_pictures) = run(&gpu);
    assert_close("gpu.tokens", here(gpu_tokens, &cpu), tokens, TOLERANCE);
    assert_close("gpu.x0", here(gpu_x0, &cpu), x0, TOLERANCE);
    assert_close("gpu.latent", here(gpu_latent, &cpu), latent, TOLERANCE);
    for (a, b) in gpu_pictures.iter().zip(&pictures) {
        let largest = a
            .as_raw()
            .iter()
            .zip(b.as_raw())
            .map(|(a, b)| a.abs_diff(*b))
            .max();
        println!("parity gpu.picture differs by at most {largest:?} of 255");
        assert!(largest <= Some(1));
    }
}

fn here<const D: usize>(tensor: Tensor<D>, device: &Device) -> Tensor<D> {
    Tensor::from_data(tensor.into_data(), device)
}
