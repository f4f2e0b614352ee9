//! A whole pipeline: a prompt picture in, a picture out, from random weights of the tiny model.
//!
//! `cargo run -p flowinone-tasks --features cpu --example pipeline [PROMPT.png]`

use burn::tensor::Device;
use flowinone_image::read_picture;
use flowinone_prompts::Task;
use flowinone_tasks::{Dtype, Item, ModelConfig, Settings, untrained};
use image::{Rgb, RgbImage};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let prompt = match std::env::args().nth(1) {
        Some(path) => read_picture(path)?,
        None => RgbImage::from_fn(320, 240, |x, y| Rgb([x as u8, y as u8, 128])),
    };
    let item = Item {
        prompt,
        structure: Task::Doodle.keeps_structure(),
        seed: 1,
        number: 0,
    };
    let settings = Settings {
        steps: 8,
        ..Settings::published()
    };
    let pipeline = untrained(&ModelConfig::tiny(), 0, &Device::flex(), Dtype::F32)?;
    let start = pipeline.start(&[item], settings.noise);
    let mut latent = start.x0.clone();
    for state in pipeline.states(&start, &settings)? {
        let state = state?; // `break` here would stop the run
        println!("step {} of 8, t = {:.3}", state.step, state.t);
        latent = state.x;
    }
    let picture = &pipeline.decode(latent)?[0];
    picture.save("picture.png")?;
    println!(
        "picture.png, {:?}: noise, as the weights are",
        picture.dimensions()
    );
    Ok(())
}
