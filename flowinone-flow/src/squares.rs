//! A latent as squares of values, row by row, and back.

use burn::tensor::Tensor;

/// The values of each square of `square` x `square` in `[batch, channels, side, side]`:
/// `[batch, squares, channels * square * square]`.
///
/// # Panics
/// If the side is not a multiple of `square`.
pub fn values_of(maps: Tensor<4>, square: usize) -> Tensor<3> {
    let [batch, channels, height, width] = maps.dims();
    let [down, across] = [height / square, width / square];
    maps.reshape([batch, channels, down, square, across, square])
        .permute([0, 2, 4, 1, 3, 5])
        .reshape([batch, down * across, channels * square * square])
}

/// The maps `[batch, channels, side, side]` whose squares of `square` x `square` have these
/// values, `[batch, squares, channels * square * square]`: the inverse of [`values_of`] for a
/// square latent.
///
/// # Panics
/// If the number of squares is not a square number.
pub fn maps_of(values: Tensor<3>, square: usize) -> Tensor<4> {
    let [batch, squares, width] = values.dims();
    let (across, channels) = (squares.isqrt(), width / (square * square));
    values
        .reshape([batch, across, across, channels, square, square])
        .permute([0, 3, 1, 4, 2, 5])
        .reshape([batch, channels, across * square, across * square])
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use burn::tensor::{Device, Int};

    #[test]
    fn values_of_a_square_lie_together_and_go_back() {
        let device = Device::flex();
        let maps = Tensor::<1, Int>::arange(0..64, &device).float();
        let maps = maps.reshape([2, 2, 4, 4]);
        let values = values_of(maps.clone(), 2);
        assert_eq!(values.dims(), [2, 4, 8]);
        let first: Vec<f32> = values.clone().into_data().try_to_vec().unwrap();
        assert_eq!(first[..8], [0., 1., 4., 5., 16., 17., 20., 21.]);
        assert_eq!(maps_of(values, 2).into_data(), maps.into_data());
    }
}
