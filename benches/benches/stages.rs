//! One bench for each stage of the pipeline, and one for a whole guided step.

use burn::tensor::{Device, Distribution, Tensor};
use criterion::{Criterion, criterion_group, criterion_main};
use flowinone_benches::{model, picture};
use flowinone_flow::{FlowModel, Structure};
use flowinone_sampler::{Branch, BranchedField, Grid, GuidanceRule, Solver};
use flowinone_tasks::{Item, Settings};
use flowinone_vae::LatentCodec;

fn stages(criterion: &mut Criterion) {
    let device = Device::flex();
    let (config, pipeline) = model(&device);
    let mut group = criterion.benchmark_group(config.name);
    group.sample_size(10);

    let prompt = picture();
    group.bench_function("vision", |b| {
        b.iter(|| pipeline.tokens(&prompt).into_data());
    });

    let tokens = pipeline.tokens(&prompt);
    let source = || pipeline.flow().source(tokens.clone()).mean.into_data();
    group.bench_function("source", |b| b.iter(source));
    let x = pipeline.flow().source(tokens.clone()).mean;

    let encode = || pipeline.structure(&prompt, None).into_data();
    group.bench_function("vae_encode", |b| b.iter(encode));
    let latent = pipeline.structure(&prompt, None);
    let decode = || pipeline.codec().decode(latent.clone()).into_data();
    group.bench_function("vae_decode", |b| b.iter(decode));

    let velocity = &pipeline.flow().velocity;
    let stage = &config.flow.transformer;
    let both = Distribution::Normal(0.0, 1.0);
    let both = Tensor::random([2, 1 + stage.side * stage.side, stage.width], both, &device);
    for (label, structure) in [
        (
            "with_structure",
            velocity.structure_tokens(&Structure::new(latent.clone())),
        ),
        ("without_structure", None),
    ] {
        let block = || {
            let y = velocity.first_block(both.clone(), 0.3, structure.as_ref());
            y.into_data()
        };
        group.bench_function(format!("block_2_{label}"), |b| b.iter(block));
    }

    for (label, structure) in [
        ("with_structure", Some(Structure::new(latent.clone()))),
        ("without_structure", None),
    ] {
        let field = pipeline.flow().field(structure);
        let one = || {
            field
                .branch(x.clone(), 0.3.into(), Branch::Conditional)
                .into_data()
        };
        group.bench_function(format!("velocity_1_{label}"), |b| b.iter(one));
        let two = || field.both(x.clone(), 0.3.into()).0.into_data();
        group.bench_function(format!("velocity_2_{label}"), |b| b.iter(two));
    }

    let item = Item {
        prompt,
        structure: true,
        seed: 0,
        number: 0,
    };
    let start = pipeline.start(&[item], 1.0);
    let settings = Settings {
        steps: 1,
        guidance: GuidanceRule::Constant { scale: 7.0 },
        solver: Solver::Euler,
        grid: Grid::Reference,
        ..Settings::published()
    };
    let step = || -> Tensor<4> {
        let last = pipeline.solve(&start, &settings);
        last.expect("random weights of realistic scale stay finite")
            .x
    };
    group.bench_function("guided_step", |b| b.iter(|| step().into_data()));
    group.finish();
}

criterion_group!(benches, stages);
criterion_main!(benches);
