//! Functions of a vector: `exp`, and the tail of the normal distribution that GELU is made of,
//!
//! ```text
//! Q(z) = erfc(z / sqrt(2)) / 2 = exp(-z^2 / 2) * t * P(t),   t = 1 / (1 + 0.3 z),   z >= 0
//! ```
//!
//! with a polynomial of degree 9 whose relative error is 3.5e-9 (a Remez fit over 0 <= z <= 13.5).
//! Not a number in, not a number out.

use crate::cpu::simd::Simd;

const LOG2_E: f32 = std::f32::consts::LOG2_E;
/// `ln 2` in two parts, the upper one so short that its product with an exponent is exact.
const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
/// `(exp(r) - 1 - r) / r^2` for `|r| <= ln(2) / 2`, highest power first (Cephes' `expf`).
const EXP: [f32; 6] = [
    1.987_569_1e-4,
    1.398_199_9e-3,
    8.333_452e-3,
    4.166_579_6e-2,
    0.166_666_66,
    0.5,
];
/// `P`, highest power first.
const TAIL: [f32; 10] = [
    -0.020_592_334,
    0.112_261_36,
    -0.227_790_19,
    0.191_199_366,
    -0.078_917_556,
    0.095_873_63,
    0.078_492_06,
    0.110_212_4,
    0.119_574_727,
    0.119_686_53,
];
/// Beyond it the tail is 0 in single precision.
const FARTHEST: f32 = 14.0;

/// `coefficients[0] x^n + ... + coefficients[n]`.
#[inline(always)]
fn polynomial<V: Simd, const N: usize>(simd: V, x: V::Float, coefficients: &[f32; N]) -> V::Float {
    let mut value = simd.splat(coefficients[0]);
    for coefficient in &coefficients[1..] {
        value = simd.fma(value, x, simd.splat(*coefficient));
    }
    value
}

/// `exp(x)`; 0 below -87.7 and infinity above 88.3.
#[inline(always)]
pub(crate) fn exp<V: Simd>(simd: V, x: V::Float) -> V::Float {
    exp_of_sum(simd, x, simd.splat(0.0))
}

/// `exp(x + rest)` for a small `rest` that would be lost in the rounding of the sum.
#[inline(always)]
fn exp_of_sum<V: Simd>(simd: V, x: V::Float, rest: V::Float) -> V::Float {
    let x = simd.min(simd.splat(104.0), simd.max(simd.splat(-104.0), x));
    let n = simd.round(simd.mul(x, simd.splat(LOG2_E)));
    let r = simd.fma(n, simd.splat(-LN_2[0]), x);
    let r = simd.add(simd.fma(n, simd.splat(-LN_2[1]), r), rest);
    let squared = simd.mul(r, r);
    let y = simd.fma(polynomial(simd, r, &EXP), squared, r);
    let n = simd.min(simd.splat(128.0), simd.max(simd.splat(-127.0), n));
    simd.mul(simd.add(y, simd.splat(1.0)), simd.exp2_integer(n))
}

/// The sigmoid `s = 1 / (1 + exp(-x))` and its slope `s (1 - s)`, each with all its digits.
#[inline(always)]
pub(crate) fn sigmoid<V: Simd>(simd: V, x: V::Float) -> (V::Float, V::Float) {
    let one = simd.splat(1.0);
    let e = exp(simd, simd.sub(simd.splat(0.0), simd.abs(x))); // never above 1
    let larger = simd.div(one, simd.add(one, e));
    let smaller = simd.mul(e, larger);
    let s = simd.where_negative(x, smaller, larger);
    (s, simd.mul(smaller, larger))
}

/// The standard normal distribution at `x`: the probability below it, and the density times
/// `sqrt(2 pi)`.
#[inline(always)]
pub(crate) fn normal<V: Simd>(simd: V, x: V::Float) -> (V::Float, V::Float) {
    let (one, half) = (simd.splat(1.0), simd.splat(-0.5));
    let z = simd.min(simd.splat(FARTHEST), simd.abs(x));
    // -z^2 / 2 in two parts: rounded once, its error would grow with its size under exp.
    let upper = simd.upper_half(z);
    let exact = simd.mul(simd.mul(upper, upper), half);
    let rest = simd.mul(simd.mul(simd.sub(z, upper), simd.add(z, upper)), half);
    let density = exp_of_sum(simd, exact, rest);
    let t = simd.div(one, simd.fma(z, simd.splat(0.3), one));
    let tail = simd.mul(simd.mul(density, t), polynomial(simd, t, &TAIL));
    let below = simd.where_negative(x, tail, simd.sub(one, tail));
    (below, density)
}
