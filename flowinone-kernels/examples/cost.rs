#![allow(missing_docs)]
use burn::tensor::{Device, Distribution, Tensor, activation, module};
use flowinone_kernels as kernels;

fn cpu_ns() -> f64 {
    let mut total = 0.0;
    for entry in std::fs::read_dir("/proc/self/task").unwrap() {
        let p = entry.unwrap().path().join("schedstat");
        if let Ok(s) = std::fs::read_to_string(p) {
            total += s.split_whitespace().next().unwrap().parse::<f64>().unwrap();
        }
    }
    total
}
fn time(name: &str, flops: f64, f: &dyn Fn()) {
    for _ in 0..2 {
        f();
    }
    let mut best = f64::MAX;
    for _ in 0..8 {
        let start = cpu_ns();
        for _ in 0..9 {
            f();
        }
        f();
        best = best.min((cpu_ns() - start) / 10.0);
    }
    println!(
        "{name:40} {:8.3} cpu-ms {:8.1} GF/s",
        best / 1e6,
        flops / best
    );
}
fn parts(x: &Tensor<3>, heads: usize) -> [Tensor<4>; 3] {
    let [b, t, c] = x.dims();
    let all = x
        .clone()
        .reshape([b, t, 3 * heads, c / 3 / heads])
        .swap_dims(1, 2);
    [0, 1, 2].map(|p| all.clone().narrow(1, p * heads, heads))
}
fn main() {
    let filter = std::env::args().nth(1).unwrap_or_default();
    let random = |shape: [usize; 3], ad: bool| {
        let d = if ad {
            Device::flex().autodiff()
        } else {
            Device::flex()
        };
        let t = Tensor::<3>::random(shape, Distribution::Normal(0.0, 1.0), &d);
        if ad { t.require_grad() } else { t }
    };
    for (b, t, w, hid, heads) in [(64, 65, 160, 640, 5), (2, 257, 1024, 2048, 16)] {
        let run = |name: &str,
                   flops: f64,
                   shapes: &[[usize; 3]],
                   fast: &dyn Fn(&[Tensor<3>]) -> Tensor<3>,
                   stock: &dyn Fn(&[Tensor<3>]) -> Tensor<3>| {
            let name = format!("{name} {b}x{t}");
            if !name.contains(&filter) {
                return;
            }
            for (l, f) in [("kernels", fast), ("burn", stock)] {
                if std::env::args().nth(2).is_some_and(|o| o != l) {
                    continue;
                }
                let x: Vec<_> = shapes.iter().map(|s| random(*s, false)).collect();
                time(&format!("{name} fwd {l}"), flops, &|| {
                    f(&x);
                });
                let x: Vec<_> = shapes.iter().map(|s| random(*s, true)).collect();
                time(&format!("{name} fwd+bwd {l}"), 3.5 * flops, &|| {
                    f(&x).sum().backward();
                });
            }
        };
        run(
            "geglu",
            (b * t * hid) as f64,
            &[[b, t, hid]; 2],
            &|x| kernels::geglu(x[0].clone(), x[1].clone()),
            &|x| activation::gelu(x[0].clone()) * x[1].clone(),
        );
        run(
            "rms",
            (b * t * w) as f64,
            &[[b, t, w], [b, 1, w]],
            &|x| kernels::rms_norm(x[0].clone(), x[1].clone()),
            &|x| {
                let rms = x[0].clone().square().mean_dim(2).sqrt();
                x[0].clone() / rms.add_scalar(1e-8) * x[1].clone()
            },
        );
        run(
            "attention",
            (b * t * t * w * 4) as f64,
            &[[b, t, 3 * w]],
            &|x| kernels::self_attention(x[0].clone(), heads),
            &|x| {
                let [q, k, v] = parts(&x[0], heads);
                module::attention(q, k, v, None, None, Default::default())
                    .swap_dims(1, 2)
                    .reshape([b, t, w])
            },
        );
        run(
            "softmax",
            (b * heads * t * t) as f64,
            &[[b * heads, t, t]],
            &|x| kernels::softmax(x[0].clone()),
            &|x| activation::softmax(x[0].clone(), 2),
        );
        let (side, ch) = if b == 64 { (16, 80) } else { (32, 512) };
        run(
            "depthwise",
            (b * side * side * ch * 98) as f64,
            &[[b, side * side, ch], [ch, 7, 7], [1, 1, ch]],
            &|x| {
                kernels::depthwise_convolution(
                    x[0].clone(),
                    side,
                    x[1].clone().reshape([ch, 1, 7, 7]),
                    x[2].clone().reshape([ch]),
                )
            },
            &|x| {
                let map = x[0].clone().swap_dims(1, 2).reshape([b, ch, side, side]);
                let o = burn::tensor::ops::ConvOptions::new([1, 1], [3, 3], [1, 1], ch);
                module::conv2d(
                    map,
                    x[1].clone().reshape([ch, 1, 7, 7]),
                    Some(x[2].clone().reshape([ch])),
                    o,
                )
                .flatten::<3>(2, 3)
                .swap_dims(1, 2)
            },
        );
        run(
            "linear",
            (2 * b * t * w * hid) as f64,
            &[[1, b * t, w], [1, w, hid]],
            &|x| x[0].clone().matmul(x[1].clone()),
            &|x| x[0].clone().matmul(x[1].clone()),
        );
    }
}
