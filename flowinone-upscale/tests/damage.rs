//! Damaged checkpoints end in an error that names the file, or load as another network of sane
//! sizes: never a panic.
#![cfg(feature = "cpu")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use burn::tensor::Device;
use flowinone_kernels::Dtype;
use flowinone_parity::mutated;
use flowinone_upscale::Upscaler;

/// Of each of four files: 20,000 in all.
const MUTATIONS: u64 = 5_000;

#[test]
fn twenty_thousand_mutations_never_panic() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    // In memory where there is such a folder: a disk takes longer than all the rest.
    let memory = Path::new("/dev/shm");
    let temporary = match memory.is_dir() {
        true => tempfile::tempdir_in(memory).unwrap(),
        false => tempfile::tempdir().unwrap(),
    };
    let device = Device::flex();
    for file in [
        "compact_x2.pth",
        "compact_x1.safetensors",
        "span/span_gray_x1.pth",
        "span/span_x2_merged.safetensors",
    ] {
        let whole = std::fs::read(folder.join(file)).unwrap();
        let file = Path::new(file).file_name().unwrap().to_str().unwrap();
        let path = temporary.path().join(file);
        let (mut refused, mut loaded) = (0, 0);
        for seed in 0..MUTATIONS {
            std::fs::write(&path, mutated(&whole, seed)).unwrap();
            let open = || Upscaler::open(&path, &device, Dtype::F32);
            match catch_unwind(AssertUnwindSafe(open)) {
                Ok(Ok(_)) => loaded += 1,
                Ok(Err(error)) => {
                    let text = error.to_string();
                    assert!(text.contains(file), "seed {seed}: {text}");
                    refused += 1;
                }
                Err(_) => panic!("{file}, seed {seed}: panicked"),
            }
        }
        println!("{file}: {refused} refused, {loaded} loaded");
        assert!(refused > MUTATIONS / 10, "{refused} of {MUTATIONS} noticed");
    }
}
