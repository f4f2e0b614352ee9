//! From a decoded tensor to bytes: `floor(255 * clamp((x + 1) / 2, 0, 1) + 0.5)`.

use burn::tensor::Tensor;

use crate::Error;

/// The pictures of a batch `[b, c, h, w]` in [-1, 1] as bytes, row by row with the channels of a
/// pixel together (`[h, w, c]`), one vector for each picture.
///
/// Halves are rounded up; values outside [-1, 1] become 0 or 255.
///
/// # Errors
/// [`Error::NotFinite`] for a picture that has NaN or infinite values, rather than a black one.
pub fn to_bytes(pictures: Tensor<4>) -> Result<Vec<Vec<u8>>, Error> {
    let [b, c, h, w] = pictures.dims();
    let values: Vec<f32> = pictures
        .permute([0, 2, 3, 1]) // [b, h, w, c]
        .into_data()
        .convert::<f32>()
        .try_to_vec()
        .expect("floats convert to f32");
    let size = c * h * w;
    (0..b)
        .map(|item| picture(item, &values[item * size..][..size]))
        .collect()
}

fn picture(item: usize, values: &[f32]) -> Result<Vec<u8>, Error> {
    let count = values.iter().filter(|value| !value.is_finite()).count();
    if count > 0 {
        return Err(Error::NotFinite { item, count });
    }
    Ok(values.iter().map(|&value| byte(value)).collect())
}

fn byte(value: f32) -> u8 {
    let unit = (0.5 * (value + 1.0)).clamp(0.0, 1.0);
    (255.0 * unit + 0.5) as u8 // truncates, which is floor here
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_round_half_up_and_saturate() {
        assert_eq!([-9.0, -1.0, 1.0, 9.0].map(byte), [0, 0, 255, 255]);
        // 0 lies halfway between bytes 127 and 128.
        assert_eq!([-1e-3, 0.0, 1e-3].map(byte), [127, 128, 128]);
    }

    #[test]
    fn every_byte_comes_back() {
        for expected in 0..=255u8 {
            assert_eq!(byte(f32::from(expected) / 127.5 - 1.0), expected);
        }
    }

    #[test]
    fn nan_is_an_error_that_names_the_picture() {
        let error = picture(3, &[0.0, f32::NAN, f32::INFINITY]).unwrap_err();
        assert_eq!(error, Error::NotFinite { item: 3, count: 2 });
        assert!(
            error
                .to_string()
                .starts_with("picture 3 of the batch has 2 values")
        );
    }

    #[cfg(feature = "cpu")]
    #[test]
    fn channels_of_a_pixel_are_neighbours() {
        use burn::tensor::{Device, TensorData};
        // Two pictures of 1x2 pixels; channel c of pixel x of picture b has byte 100 b + 10 x + c.
        let bytes = [0u8, 10, 1, 11, 2, 12, 100, 110, 101, 111, 102, 112];
        let values = bytes.map(|byte| f32::from(byte) / 127.5 - 1.0).to_vec();
        let data = TensorData::new(values, [2, 3, 1, 2]);
        let pictures = to_bytes(Tensor::from_data(data, &Device::flex())).unwrap();
        assert_eq!(pictures[0], [0, 1, 2, 10, 11, 12]);
        assert_eq!(pictures[1], [100, 101, 102, 110, 111, 112]);
    }
}
