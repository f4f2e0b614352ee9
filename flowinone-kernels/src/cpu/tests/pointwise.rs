use burn::tensor::activation;

use super::{assert_same, at_every_level};
use crate::cpu::pointwise::softmax::softmax;
use crate::cpu::pointwise::{
    Gated, GatedGradient, Geglu, GegluGradient, Gelu, GeluGradient, Silu, SiluGradient, pointwise,
};
use crate::cpu::simd::level::SimdLevel;
use crate::fallback;

/// The standard normal distribution below `x`, and its density.
fn normal(x: f64) -> (f64, f64) {
    let z = x.abs();
    let density = (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let tail = if z < 3.0 {
        let (mut term, mut sum, mut n) = (z, z, 1.0);
        while term > 1e-18 * sum {
            n += 2.0;
            term *= z * z / n;
            sum += term;
        }
        0.5 - density * sum
    } else {
        density / (1..200).rev().fold(z, |f, n| z + f64::from(n) / f)
    };
    (if x < 0.0 { tail } else { 1.0 - tail }, density)
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// Asserts that the relative error is below `tolerance`, or that both values vanish beside the
/// smallest normal one.
#[track_caller]
fn assert_relative(what: &str, x: f32, got: f32, expected: f64, tolerance: f64) {
    let difference = (f64::from(got) - expected).abs();
    assert!(
        difference <= tolerance * expected.abs() || difference < 2e-37,
        "{what}({x}) = {got}, not {expected}: {:.1e} of it",
        difference / expected.abs()
    );
}

/// Arguments over the whole range, finely.
fn arguments() -> Vec<f32> {
    let fine = (-200_000..200_000).map(|n| n as f32 / 10_000.0);
    fine.chain([0.0, -0.0, 1e-30, -1e-30, 90.0, -90.0, 1e30, -1e30])
        .collect()
}

#[test]
fn activations_keep_their_digits_in_the_tails() {
    let x = arguments();
    at_every_level(|level| {
        let [y] = pointwise(level, Gelu, [&x]);
        for (&x, y) in x.iter().zip(y) {
            let exact = f64::from(x) * normal(f64::from(x)).0;
            // In the left tail, too, where 1 + erf would have lost its digits.
            assert_relative("gelu", x, y, exact, 5e-7);
        }
        let [y] = pointwise(level, Silu, [&x]);
        for (&x, y) in x.iter().zip(y) {
            let exact = f64::from(x) * sigmoid(f64::from(x));
            assert_relative("silu", x, y, exact, 3e-7);
        }
    });
}

#[test]
fn slopes_are_those_of_the_exact_functions() {
    let x = arguments();
    let one = vec![1.0; x.len()];
    at_every_level(|level| {
        let [gelu] = pointwise(level, GeluGradient, [&x, &one]);
        let [silu] = pointwise(level, SiluGradient, [&x, &one]);
        for ((&x, gelu), silu) in x.iter().zip(gelu).zip(silu) {
            let exact = f64::from(x);
            let (below, density) = normal(exact);
            // The sum of two terms of opposite signs: exact to the size of the terms.
            let expected = if density == 0.0 {
                below
            } else {
                below + exact * density
            };
            assert!(
                (f64::from(gelu) - expected).abs() < 4e-7,
                "{x}: {gelu} for {expected}"
            );
            let s = sigmoid(exact);
            let expected = if s == 0.0 {
                0.0
            } else {
                s + exact * s * (1.0 - s)
            };
            assert!(
                (f64::from(silu) - expected).abs() < 4e-7,
                "{x}: {silu} for {expected}"
            );
        }
    });
}

#[test]
fn what_is_not_a_number_stays_so() {
    at_every_level(|level| {
        for x in [[f32::NAN; 3], [-f32::NAN; 3]] {
            assert!(pointwise(level, Gelu, [&x])[0].iter().all(|y| y.is_nan()));
            assert!(pointwise(level, Silu, [&x])[0].iter().all(|y| y.is_nan()));
            assert!(softmax(level, &x, 3).iter().all(|y| y.is_nan()));
        }
        let [y] = pointwise(level, Gelu, [&[f32::INFINITY]]);
        assert_eq!(y, [f32::INFINITY]);
    });
}

#[test]
fn every_length_gives_what_each_number_gives_alone() {
    let x = super::random(70, 1);
    at_every_level(|level| {
        let [geglu] = pointwise(level, Geglu, [&x, &x]);
        let of_geglu = pointwise(level, GegluGradient, [&x, &x, &x]);
        let [gated] = pointwise(level, Gated, [&x, &x]);
        let of_gated = pointwise(level, GatedGradient, [&x, &x, &x]);
        for length in 0..=x.len() {
            let part = &x[..length];
            assert_eq!(pointwise(level, Geglu, [part, part]), [&geglu[..length]]);
            assert_eq!(pointwise(level, Gated, [part, part]), [&gated[..length]]);
            let parts = pointwise(level, GegluGradient, [part, part, part]);
            assert_eq!(parts, of_geglu.each_ref().map(|whole| &whole[..length]));
            let parts = pointwise(level, GatedGradient, [part, part, part]);
            assert_eq!(parts, of_gated.each_ref().map(|whole| &whole[..length]));
        }
    });
}

#[test]
fn softmax_of_large_numbers_is_exact() {
    for width in [1, 2, 7, 16, 33, 257] {
        let rows = 3;
        let mut x = super::random(rows * width, width as u64);
        x.iter_mut().for_each(|x| *x *= 50.0);
        at_every_level(|level| {
            let p = softmax(level, &x, width);
            for (x, p) in x.chunks(width).zip(p.chunks(width)) {
                let largest = x.iter().fold(f32::MIN, |m, x| m.max(*x));
                let e: Vec<f64> = x.iter().map(|x| f64::from(x - largest).exp()).collect();
                let sum: f64 = e.iter().sum();
                for (p, e) in p.iter().zip(e) {
                    let exact = e / sum;
                    let error = (f64::from(*p) - exact).abs();
                    assert!(error <= 1e-6 * exact + 1e-38, "{p} for {exact}");
                }
            }
        });
    }
}

#[test]
fn functions_and_gradients_are_those_of_burn() {
    // Three pieces of vectors for all levels, and more values than one thread takes.
    for length in [1, 77, 50_001] {
        assert_same(
            "gelu",
            [length],
            1e-6,
            |[x]| crate::gelu(x),
            |[x]| activation::gelu(x),
        );
        assert_same(
            "silu",
            [length],
            1e-6,
            |[x]| crate::silu(x),
            |[x]| activation::silu(x),
        );
        let lengths = [length, length];
        let fast = |[a, b]: [_; 2]| crate::geglu(a, b);
        assert_same("geglu", lengths, 1e-6, fast, |[a, b]| fallback::geglu(a, b));
        let fast = |[y, x]: [_; 2]| crate::gated_shortcut(y, x);
        let reference = |[y, x]: [_; 2]| fallback::gated_shortcut(y, x);
        assert_same("gated shortcut", lengths, 1e-6, fast, reference);
    }
    for [rows, width] in [[1, 1], [3, 5], [2, 65], [40, 576]] {
        let shape = [1, rows, width];
        let fast = |[x]: [burn::tensor::Tensor<1>; 1]| {
            crate::softmax(x.reshape::<3, _>(shape)).reshape([rows * width])
        };
        let reference = |[x]: [burn::tensor::Tensor<1>; 1]| {
            activation::softmax(x.reshape::<3, _>(shape), 2).reshape([rows * width])
        };
        assert_same("softmax", [rows * width], 2e-6, fast, reference);
    }
}

#[test]
fn views_are_read_in_their_own_order() {
    use burn::tensor::{Device, Tensor};
    let x = Tensor::<1>::from_floats(super::random(30, 1).as_slice(), &Device::flex());
    let x = x.reshape([5, 6]);
    let view = x.clone().swap_dims(0, 1).narrow(0, 2, 3);
    let whole = crate::gelu(x).swap_dims(0, 1).narrow(0, 2, 3);
    whole
        .into_data()
        .assert_eq(&crate::gelu(view).into_data(), true);
    assert!(!SimdLevel::available().is_empty());
}
