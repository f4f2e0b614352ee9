//! Functions of a vector: `exp`, and the tail of the normal distribution that GELU is made of,
//!
//! ```text
//! Q(z) = erfc(z / sqrt(2)) / 2 = exp(-z^2 / 2) * t * P(t),   t = 1 / (1 + 0.3 z),   z >= 0
//! ```
//!
//! with a polynomial of degree 9 whose relative error is 3.5e-9 (a Remez fit over 0 <= z <= 13.5).
//! Not a number in, not a number out.

use crate::cpu::simd::Lanes;

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
fn polynomial<L: Lanes, const N: usize>(
    lanes: L,
    x: L::Float,
    coefficients: &[f32; N],
) -> L::Float {
    let mut value = lanes.splat(coefficients[0]);
    for coefficient in &coefficients[1..] {
        value = lanes.fma(value, x, lanes.splat(*coefficient));
    }
    value
}

/// `exp(x)`; 0 below -87.7 and infinity above 88.3.
#[inline(always)]
pub(crate) fn exp<L: Lanes>(lanes: L, x: L::Float) -> L::Float {
    exp_of_sum(lanes, x, lanes.splat(0.0))
}

/// `exp(x + rest)` for a small `rest` that would be lost in the rounding of the sum.
#[inline(always)]
fn exp_of_sum<L: Lanes>(lanes: L, x: L::Float, rest: L::Float) -> L::Float {
    let x = lanes.min(lanes.splat(104.0), lanes.max(lanes.splat(-104.0), x));
    let n = lanes.round(lanes.mul(x, lanes.splat(LOG2_E)));
    let r = lanes.fma(n, lanes.splat(-LN_2[0]), x);
    let r = lanes.add(lanes.fma(n, lanes.splat(-LN_2[1]), r), rest);
    let squared = lanes.mul(r, r);
    let y = lanes.fma(polynomial(lanes, r, &EXP), squared, r);
    let n = lanes.min(lanes.splat(128.0), lanes.max(lanes.splat(-127.0), n));
    lanes.mul(lanes.add(y, lanes.splat(1.0)), lanes.exp2_integer(n))
}

/// The sigmoid `s = 1 / (1 + exp(-x))` and its slope `s (1 - s)`, each with all its digits.
#[inline(always)]
pub(crate) fn sigmoid<L: Lanes>(lanes: L, x: L::Float) -> (L::Float, L::Float) {
    let one = lanes.splat(1.0);
    let e = exp(lanes, lanes.sub(lanes.splat(0.0), lanes.abs(x))); // never above 1
    let larger = lanes.div(one, lanes.add(one, e));
    let smaller = lanes.mul(e, larger);
    let s = lanes.where_negative(x, smaller, larger);
    (s, lanes.mul(smaller, larger))
}

/// The standard normal distribution at `x`: the probability below it, and the density times
/// `sqrt(2 pi)`.
#[inline(always)]
pub(crate) fn normal<L: Lanes>(lanes: L, x: L::Float) -> (L::Float, L::Float) {
    let (one, half) = (lanes.splat(1.0), lanes.splat(-0.5));
    let z = lanes.min(lanes.splat(FARTHEST), lanes.abs(x));
    // -z^2 / 2 in two parts: rounded once, its error would grow with its size under exp.
    let upper = lanes.upper_half(z);
    let exact = lanes.mul(lanes.mul(upper, upper), half);
    let rest = lanes.mul(lanes.mul(lanes.sub(z, upper), lanes.add(z, upper)), half);
    let density = exp_of_sum(lanes, exact, rest);
    let t = lanes.div(one, lanes.fma(z, lanes.splat(0.3), one));
    let tail = lanes.mul(lanes.mul(density, t), polynomial(lanes, t, &TAIL));
    let below = lanes.where_negative(x, tail, lanes.sub(one, tail));
    (below, density)
}
