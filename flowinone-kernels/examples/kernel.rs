//! One kernel, repeated: for a profiler, or to count instructions.
//!
//! ```text
//! kernel linear|linear_int8|convolution|attention|geglu TIMES
//! ```

use burn::tensor::{Device, Distribution, Tensor};
use flowinone_kernels::{Dtype, PackedLinear, convolution, geglu, self_attention};

fn main() -> Result<(), String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, times] = arguments.as_slice() else {
        return Err("which kernel, and how many times?".into());
    };
    let times: usize = times
        .parse()
        .map_err(|error| format!("{times:?}: {error}"))?;
    let run = kernel(name).ok_or(format!("{name:?} is no kernel that this program knows"))?;
    (0..times).for_each(|_| run());
    Ok(())
}

/// The kernel of that name, on random numbers.
fn kernel(name: &str) -> Option<Box<dyn Fn()>> {
    let linear = |precision| -> Box<dyn Fn()> {
        let layer = PackedLinear::new(random([256, 768]), None, precision);
        let x = random([128, 256]);
        Box::new(move || drop(layer.forward(x.clone())))
    };
    Some(match name {
        "linear" => linear(Dtype::F32),
        "linear_int8" => linear(Dtype::Int8),
        "convolution" => {
            let (x, weight, bias) = (
                random([1, 64, 32, 32]),
                random([64, 64, 3, 3]),
                random([64]),
            );
            Box::new(move || {
                let (x, weight, bias) = (x.clone(), weight.clone(), bias.clone());
                drop(convolution(x, weight, bias, Dtype::F32));
            })
        }
        "attention" => {
            let qkv = random([1, 65, 3 * 256]);
            Box::new(move || drop(self_attention(qkv.clone(), 4, Dtype::F32)))
        }
        "geglu" => {
            let (a, b) = (random([1, 65, 2048]), random([1, 65, 2048]));
            Box::new(move || drop(geglu(a.clone(), b.clone())))
        }
        _ => return None,
    })
}

fn random<const D: usize>(shape: [usize; D]) -> Tensor<D> {
    Tensor::random(shape, Distribution::Normal(0.0, 1.0), &Device::flex())
}
