//! The two forms of Winograd's minimal filtering, `F(M, 3)` along one axis:
//!
//! ```text
//! y = A^T ((G g) (B^T d)),   y: M results, g: 3 weights, d: M + 2 values
//! ```
//!
//! by the values of both polynomials at 0, some points and infinity (Lavin and Gray, "Fast
//! algorithms for convolutional neural networks"). `F(4, 3)` takes the points `±1/√2, ±√2`, not
//! their `±1, ±2`: the values of the transforms stay closer to one (Alam, Anderson, Barabasz and
//! Gregg, "Winograd convolution for deep neural networks: efficient point selection").

use crate::cpu::simd::Simd;

/// Values of the longest transformed line.
pub(super) const LONGEST: usize = 6;

/// Transforms of lines; of arrays the first values count, [`LINE`](Self::LINE) of them or as said.
pub(super) trait Form: Copy + Send + Sync {
    /// Results of a tile along one axis.
    const RESULTS: usize;

    /// Values of a tile along one axis, and of its transform.
    const LINE: usize = Self::RESULTS + 2;

    /// `B^T d`.
    fn of_input<V: Simd>(simd: V, d: [V::Float; LONGEST]) -> [V::Float; LONGEST];

    /// `A^T m`, [`RESULTS`](Self::RESULTS) values.
    fn of_product<V: Simd>(simd: V, m: [V::Float; LONGEST]) -> [V::Float; 4];

    /// `G g`, number by number.
    fn of_weights<const N: usize>(g: [[f32; N]; 3]) -> [[f32; N]; LONGEST];
}

/// Two results by four products instead of six.
#[derive(Debug, Clone, Copy)]
pub(super) struct Two;

impl Form for Two {
    const RESULTS: usize = 2;

    #[inline(always)]
    fn of_input<V: Simd>(simd: V, [a, b, c, d, ..]: [V::Float; LONGEST]) -> [V::Float; LONGEST] {
        let none = simd.splat(0.0);
        [
            simd.sub(a, c),
            simd.add(b, c),
            simd.sub(c, b),
            simd.sub(b, d),
            none,
            none,
        ]
    }

    #[inline(always)]
    fn of_product<V: Simd>(simd: V, [a, b, c, d, ..]: [V::Float; LONGEST]) -> [V::Float; 4] {
        let none = simd.splat(0.0);
        let (sum, difference) = (simd.add(b, c), simd.sub(b, c));
        [simd.add(a, sum), simd.sub(difference, d), none, none]
    }

    #[inline(always)]
    fn of_weights<const N: usize>([a, b, c]: [[f32; N]; 3]) -> [[f32; N]; LONGEST] {
        let half = |f: fn(f32, f32, f32) -> f32| std::array::from_fn(|i| f(a[i], b[i], c[i]));
        [
            a,
            half(|a, b, c| 0.5 * (a + c + b)),
            half(|a, b, c| 0.5 * (a + c - b)),
            c,
            [0.0; N],
            [0.0; N],
        ]
    }
}

/// Four results by six products instead of twelve.
#[derive(Debug, Clone, Copy)]
pub(super) struct Four;

/// The points: `±P` and `±Q`, with `P^2 = 1/2`, `Q^2 = 2` and `P Q = 1`.
const P: f32 = std::f32::consts::FRAC_1_SQRT_2;
const Q: f32 = std::f32::consts::SQRT_2;

impl Form for Four {
    const RESULTS: usize = 4;

    #[inline(always)]
    fn of_input<V: Simd>(simd: V, [a, b, c, d, e, f]: [V::Float; LONGEST]) -> [V::Float; LONGEST] {
        let times = |factor: f32, x, y| simd.fma(simd.splat(factor), x, y);
        // At ±P: e - Q^2 c ± (P d - P Q^2 b); at ±Q: e - P^2 c ± (Q d - Q P^2 b).
        let (even, odd) = (
            times(-2.0, c, e),
            simd.mul(simd.splat(P), times(-2.0, b, d)),
        );
        let (even_q, odd_q) = (
            times(-0.5, c, e),
            simd.mul(simd.splat(Q), times(-0.5, b, d)),
        );
        [
            simd.add(times(-2.5, c, e), a),
            simd.add(even, odd),
            simd.sub(even, odd),
            simd.add(even_q, odd_q),
            simd.sub(even_q, odd_q),
            simd.add(times(-2.5, d, f), b),
        ]
    }

    #[inline(always)]
    fn of_product<V: Simd>(simd: V, [a, b, c, d, e, f]: [V::Float; LONGEST]) -> [V::Float; 4] {
        let times = |factor: f32, x, y| simd.fma(simd.splat(factor), x, y);
        let (sum, difference) = (simd.add(b, c), simd.mul(simd.splat(P), simd.sub(b, c)));
        let (sum_q, difference_q) = (simd.add(d, e), simd.mul(simd.splat(Q), simd.sub(d, e)));
        [
            simd.add(simd.add(a, sum), sum_q),
            simd.add(difference, difference_q),
            times(2.0, sum_q, simd.mul(simd.splat(0.5), sum)),
            simd.add(
                times(2.0, difference_q, simd.mul(simd.splat(0.5), difference)),
                f,
            ),
        ]
    }

    #[inline(always)]
    fn of_weights<const N: usize>([a, b, c]: [[f32; N]; 3]) -> [[f32; N]; LONGEST] {
        let each = |f: fn(f32, f32, f32) -> f32| std::array::from_fn(|i| f(a[i], b[i], c[i]));
        [
            a,
            each(|a, b, c| (a + 0.5 * c + P * b) * (-2.0 / 3.0)),
            each(|a, b, c| (a + 0.5 * c - P * b) * (-2.0 / 3.0)),
            each(|a, b, c| (a + 2.0 * c + Q * b) * (1.0 / 6.0)),
            each(|a, b, c| (a + 2.0 * c - Q * b) * (1.0 / 6.0)),
            c,
        ]
    }
}
