//! What fewer bits and fewer evaluations change, against float32 at the model's own setting.
//!
//! ```text
//! precision MODEL_DIR TASK STEPS GUIDANCE PICTURE...
//! ```
//!
//! For each type, from the start that float32 finds: relative L2 of the first velocity and of the
//! latent after all steps, and the PSNR of the picture; and the relative L2 of the start itself.
//! Then the same for the faster setting (`Settings::faster`) in that type. Prints Markdown.

use std::error::Error;
use std::path::Path;

use burn::tensor::{Device, Tensor};
use flowinone_image::{decibels, mean_square, read_picture};
use flowinone_prompts::Task;
use flowinone_sampler::{Grid, GuidanceRule};
use flowinone_tasks::{Dtype, FlowInOne, Item, ModelDirectory, Settings, Start};
use image::RgbImage;

/// What a run ends with.
struct End {
    first: Tensor<4>,
    last: Tensor<4>,
    pictures: Vec<RgbImage>,
    evaluations: usize,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, task, steps, guidance, pictures @ ..] = arguments.as_slice() else {
        return Err("precision MODEL_DIR TASK STEPS GUIDANCE PICTURE...".into());
    };
    let device = Device::flex();
    let directory = ModelDirectory::open(Path::new(model))?;
    let scale = guidance.parse()?;
    let settings = Settings {
        steps: steps.parse()?,
        guidance: GuidanceRule::Constant { scale },
        ..directory.config().sampling
    };
    let task: Task = task.parse()?;
    let item = |(number, path): (usize, &String)| -> Result<Item, Box<dyn Error>> {
        Ok(Item {
            prompt: read_picture(Path::new(path))?,
            structure: task.keeps_structure(),
            seed: 0,
            number: number as u64,
        })
    };
    let items: Vec<Item> = pictures
        .iter()
        .enumerate()
        .map(item)
        .collect::<Result<_, _>>()?;

    let exact = directory.prepare(&device, Dtype::F32)?;
    let start = exact.start(&items, settings.noise);
    let truth = solved(&exact, &start, &settings)?;
    let moved = truth.first.clone() - start.x0.clone();
    println!("| type | setting | evaluations | start | one evaluation | all steps | PSNR |");
    println!("|---|---|---:|---:|---:|---:|---:|");
    let report = |dtype: Dtype, settings: &Settings, own: &Start, end: &End| {
        let same = settings.grid == Grid::Reference || settings.steps == truth.evaluations;
        let first = match same && end.evaluations == truth.evaluations {
            true => format!(
                "{:.2e}",
                relative(end.first.clone() - truth.first.clone(), moved.clone())
            ),
            false => "-".into(),
        };
        println!(
            "| {dtype} | {settings} | {} | {:.2e} | {first} | {:.2e} | {:.1} dB |",
            end.evaluations,
            relative(own.x0.clone() - start.x0.clone(), start.x0.clone()),
            relative(end.last.clone() - truth.last.clone(), truth.last.clone()),
            psnr(&end.pictures, &truth.pictures),
        );
    };
    let fast = settings.faster();
    report(Dtype::F32, &fast, &start, &solved(&exact, &start, &fast)?);
    drop(exact);
    for dtype in [Dtype::Bf16, Dtype::Int8] {
        let model = directory.prepare(&device, dtype)?;
        let own = model.start(&items, settings.noise);
        for settings in [&settings, &fast] {
            report(dtype, settings, &own, &solved(&model, &start, settings)?);
        }
    }
    Ok(())
}

fn solved(model: &FlowInOne, start: &Start, settings: &Settings) -> Result<End, Box<dyn Error>> {
    let mut first = None;
    let mut last = None;
    for state in model.states(start, settings)? {
        let state = state?;
        first.get_or_insert_with(|| state.x.clone());
        last = Some(state);
    }
    let last = last.ok_or("no step was made")?;
    Ok(End {
        first: first.ok_or("no step was made")?,
        pictures: model.decode_beside(last.x.clone(), start)?,
        last: last.x,
        evaluations: last.evaluations.branches,
    })
}

/// `|difference| / |whole|`.
fn relative(difference: Tensor<4>, whole: Tensor<4>) -> f32 {
    let length = |x: Tensor<4>| x.square().sum().sqrt().into_scalar::<f32>();
    length(difference) / length(whole)
}

/// Of all pictures together, in dB.
fn psnr(pictures: &[RgbImage], truth: &[RgbImage]) -> f64 {
    let squares = pictures.iter().zip(truth).map(|(a, b)| mean_square(a, b));
    decibels(squares.sum::<f64>() / pictures.len() as f64)
}
