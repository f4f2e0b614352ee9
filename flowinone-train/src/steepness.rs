//! How steep the outlines of a picture are, wherever in a square they lie:
//!
//! ```text
//! e(x) = sqrt(mean of (dx/du)^2 + (dx/dv)^2 over channels and the pixels of a square)
//! ```
//!
//! A step that is spread over n pixels has an nth of the square of its slope in n times as many.

use burn::tensor::Tensor;
use flowinone_vae::means;

/// Side of the squares, in pixels.
pub(crate) const SQUARE: usize = 16;
/// Mean square of gradients below which a square has no outline, so that the root has a slope.
const LEAST: f64 = 1e-6;

/// How steep the outlines of pictures `[b, c, h, w]` are, in squares of [`SQUARE`] pixels, of which
/// those at the right and lower edge that are not whole are left out.
pub(crate) fn steepness(x: Tensor<4>) -> Tensor<4> {
    let [_, _, height, width] = x.dims();
    let [rows, columns] = [height, width].map(|side| (side - 1) / SQUARE * SQUARE);
    let part = |down, right| x.clone().narrow(2, down, rows).narrow(3, right, columns);
    let along = |down, right| (part(down, right) - part(0, 0)).square();
    let squares = (along(0, 1) + along(1, 0)).mean_dim(1);
    means(squares, SQUARE).add_scalar(LEAST).sqrt()
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};

    #[test]
    fn a_soft_outline_is_less_steep_and_a_moved_one_as_steep() {
        // One row of squares; black up to `at`, white from `at + soft` on.
        let outline = |at: i32, soft: i32| {
            let level = |x: usize| ((x as i32 - at) as f32 / soft as f32).clamp(0.0, 1.0);
            let row: Vec<f32> = (0..2 * SQUARE + 1).map(level).collect();
            let rows = row.repeat(SQUARE + 1);
            let shape = [1, 1, SQUARE + 1, 2 * SQUARE + 1];
            let found = steepness(Tensor::from_data(
                TensorData::new(rows, shape),
                &Device::flex(),
            ));
            assert_eq!(found.dims(), [1, 1, 1, 2]);
            let found: Vec<f32> = found.into_data().try_to_vec().unwrap();
            found
        };
        let [step, moved, soft] = [outline(4, 1), outline(9, 1), outline(4, 4)];
        assert!((step[0] - 0.25).abs() < 1e-3, "{step:?}"); // sqrt(1 / 16)
        assert!((moved[0] - step[0]).abs() < 1e-6, "{moved:?}");
        assert!((soft[0] - 0.125).abs() < 1e-3, "{soft:?}"); // sqrt(4 / 16 / 16)
        assert!(step[1] < 2e-3, "{step:?}");
    }
}
