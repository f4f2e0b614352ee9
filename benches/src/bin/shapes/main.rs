//! Our side of `compare.py`: one of the named computations, timed whenever a line comes in.
//!
//! ```text
//! shapes NAME [DTYPE] [--runs N]
//! ```
//!
//! It prints one line of JSON when it is ready, then one for each run. Without `--runs` it runs
//! once for every line that it reads, so that another program can take turns with it. Threads are
//! those of `RAYON_NUM_THREADS`. Weights and inputs are random.

mod adapter;
mod inference;
mod training;
mod upscaling;

use std::io::{BufRead, Write};
use std::time::Instant;

use flowinone_kernels::Dtype;

/// The program's; `MIMALLOC_PURGE_DELAY=-1` lets it keep pages as there.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Something to time.
type Computation = Box<dyn FnMut() + Send>;

/// Makes a computation.
#[derive(Clone, Copy)]
enum Make {
    /// With linear layers packed in any precision.
    Packed(fn(Dtype) -> Computation),
    /// With the products of a step in float32 or bfloat16.
    Learning(fn(Dtype) -> Computation),
}

/// What can be timed, and how it is made.
const NAMES: [(&str, Make); 10] = [
    ("block", Make::Packed(inference::block)),
    ("step", Make::Packed(inference::step)),
    ("vision", Make::Packed(inference::vision)),
    ("vae", Make::Packed(inference::vae)),
    ("upscale_64", Make::Packed(upscaling::small)),
    ("upscale_256", Make::Packed(upscaling::large)),
    ("upscale_esrgan", Make::Packed(upscaling::esrgan)),
    ("lora", Make::Packed(adapter::step)),
    ("train", Make::Learning(training::step)),
    ("train_vae", Make::Learning(training::autoencoder)),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut runs = None;
    if let Some(at) = arguments.iter().position(|argument| argument == "--runs") {
        let count = arguments.get(at + 1).ok_or("--runs needs a number")?;
        runs = Some(count.parse::<usize>()?);
        arguments.drain(at..at + 2);
    }
    let name = arguments.first().map_or("", String::as_str);
    let dtype: Dtype = arguments
        .get(1)
        .map_or(Ok(Dtype::F32), |dtype| dtype.parse())?;
    let Some((name, make)) = NAMES.iter().find(|(known, _)| *known == name) else {
        let known = NAMES.map(|(known, _)| known).join(", ");
        return Err(format!("{name:?} is none of {known}").into());
    };
    let mut computation = match (make, dtype) {
        (Make::Packed(make), Dtype::F32 | Dtype::Bf16 | Dtype::Int8)
        | (Make::Learning(make), Dtype::F32 | Dtype::Bf16) => make(dtype),
        _ => return Err(format!("{name} cannot be measured in {dtype}").into()),
    };
    let level = flowinone_kernels::SimdLevel::current();
    let threads = rayon::current_num_threads();
    say(&format!(
        r#"{{"ready": "{name}", "threads": {threads}, "kernels": "{level:?}"}}"#
    ))?;
    let mut timed = || {
        let begin = Instant::now();
        computation();
        say(&format!(
            r#"{{"seconds": {}}}"#,
            begin.elapsed().as_secs_f64()
        ))
    };
    match runs {
        Some(runs) => (0..runs).try_for_each(|_| timed())?,
        None => std::io::stdin()
            .lock()
            .lines()
            .try_for_each(|line| line.and_then(|_| timed()))?,
    }
    Ok(())
}

/// Flushed at once: the reader is waiting for it.
fn say(line: &str) -> std::io::Result<()> {
    println!("{line}");
    std::io::stdout().flush()
}
