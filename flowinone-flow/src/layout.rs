//! Tokens `[batch, side * side, width]` and feature maps `[batch, width, side, side]`: the same
//! values, token `row * side + column` being one pixel.

use burn::tensor::Tensor;

/// A feature map as tokens.
pub(crate) fn to_tokens(map: Tensor<4>) -> Tensor<3> {
    map.flatten::<3>(2, 3).swap_dims(1, 2)
}

/// Tokens as a feature map of that side.
pub(crate) fn to_map(tokens: Tensor<3>, side: usize) -> Tensor<4> {
    let [batch, _, width] = tokens.dims();
    tokens.swap_dims(1, 2).reshape([batch, width, side, side])
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn a_map_survives_the_way_there_and_back() {
        let values: Vec<f32> = (0..24).map(|v| v as f32).collect();
        let map = burn::tensor::TensorData::new(values.clone(), [2, 3, 2, 2]);
        let tokens = to_tokens(Tensor::from_data(map, &Device::flex()));
        assert_eq!(tokens.dims(), [2, 4, 3]);
        // Second item, row 1, column 0: that pixel of every channel.
        let pixel = tokens.clone().slice([1..2, 2..3]).into_data();
        assert_eq!(pixel.try_to_vec::<f32>().unwrap(), [14.0, 18.0, 22.0]);
        let back = to_map(tokens, 2).into_data();
        assert_eq!(back.try_to_vec::<f32>().unwrap(), values);
    }
}
