//! Targets at coarser scales: sums over squares of `k x k` values, `ratio` apart, divided by `k`.
//!
//! ```text
//! even sides: k = ratio;   odd sides: k = ratio + 1, zeros around
//! ```
//!
//! Divided by `k`, and not by `k * k`, a coarse value of independent numbers has the variance of a
//! fine one: with `ratio` 2 it is twice the mean.

use burn::tensor::Tensor;
use burn::tensor::module::avg_pool2d;
use burn::tensor::ops::AvgPoolOptions;

/// What the sum over a square of `k x k` values is divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coarsening {
    /// By `k`: independent values keep their variance. The objective's.
    KeepVariance,
    /// By `k * k`: the mean.
    Mean,
}

/// Maps `[batch, channels, height, width]`, `ratio` times coarser:
/// `[batch, channels, height / ratio, width / ratio]` for even sides,
/// `[.., (height - 1) / ratio + 1, ..]` for odd ones.
///
/// # Panics
/// If a side is even and not divisible by `ratio`, if one side is even and the other odd, or if
/// `ratio` is odd or zero and not 1.
pub fn coarser(x: Tensor<4>, ratio: usize, coarsening: Coarsening) -> Tensor<4> {
    if ratio == 1 {
        return x;
    }
    let [.., height, width] = x.dims();
    assert!(
        ratio >= 2 && ratio.is_multiple_of(2),
        "a map cannot be {ratio} times coarser: the ratio must be 1 or even"
    );
    let odd = [height, width].map(|side| side % 2 == 1);
    let (kernel, padding) = match odd {
        [true, true] => (ratio + 1, ratio / 2),
        [false, false] => (ratio, 0),
        _ => panic!("a map of {height} x {width}: both sides must be even or both odd"),
    };
    assert!(
        padding > 0 || (height.is_multiple_of(ratio) && width.is_multiple_of(ratio)),
        "a map of {height} x {width} cannot be {ratio} times coarser"
    );
    let options = AvgPoolOptions::new([kernel, kernel])
        .with_stride([ratio, ratio])
        .with_padding([padding, padding]);
    let mean = avg_pool2d(x, options);
    match coarsening {
        Coarsening::KeepVariance => mean.mul_scalar(kernel as f64),
        Coarsening::Mean => mean,
    }
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn a_coarse_value_is_half_the_sum_of_four() {
        let x = Tensor::<4>::from_floats([[[[1.0, 2.0], [3.0, 6.0]]]], &Device::flex());
        let value = |coarsening| coarser(x.clone(), 2, coarsening).into_scalar::<f32>();
        assert_eq!(value(Coarsening::KeepVariance), 6.0);
        assert_eq!(value(Coarsening::Mean), 3.0);
    }

    #[test]
    #[should_panic(expected = "6 x 6 cannot be 4 times coarser")]
    fn an_even_side_must_be_divisible() {
        let x = Tensor::<4>::ones([1, 1, 6, 6], &Device::flex());
        coarser(x, 4, Coarsening::Mean);
    }
}
