//! Preparing prompt pictures on the host.

use criterion::{Criterion, criterion_group, criterion_main};
use flowinone_benches::picture;
use flowinone_encoder::janus_square;
use flowinone_image::center_crop;

fn pictures(criterion: &mut Criterion) {
    let picture = picture();
    let mut group = criterion.benchmark_group("pictures");
    group.bench_function("janus_square_384", |b| {
        b.iter(|| janus_square(&picture, 384));
    });
    group.bench_function("center_crop_256", |b| b.iter(|| center_crop(&picture, 256)));
    group.finish();
}

criterion_group!(benches, pictures);
criterion_main!(benches);
