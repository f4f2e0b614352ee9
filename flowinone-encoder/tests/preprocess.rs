//! Bytes and floats of both preprocessings against the reference, and the decoders before them.
#![cfg(feature = "cpu")]

use std::path::Path;

use burn::tensor::{Device, Tensor};
use flowinone_encoder::{janus_pixels, janus_square, structure_pixels};
use flowinone_image::{center_crop, read_picture};
use flowinone_parity::{Folder, folders};
use image::RgbImage;

fn open(path: impl AsRef<Path>) -> RgbImage {
    let path = path.as_ref();
    image::open(path)
        .unwrap_or_else(|e| panic!("{}: {e}", path.display()))
        .to_rgb8()
}

/// Largest difference of two bytes, and the share of equal ones.
fn compare(actual: &RgbImage, expected: &RgbImage) -> (u8, f64) {
    assert_eq!(actual.dimensions(), expected.dimensions());
    let pairs = || actual.as_raw().iter().zip(expected.as_raw());
    let largest = pairs().map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0);
    let equal = pairs().filter(|(a, b)| a == b).count();
    (largest, equal as f64 / actual.as_raw().len() as f64)
}

#[test]
fn pictures_become_the_bytes_of_the_reference() {
    for folder in folders() {
        let cases = folder.cases("preprocess")["images"].as_array();
        for case in cases.into_iter().flatten() {
            let file = |key: &str| folder.file(case[key].as_str().expect("a file name"));
            let picture = open(file("image"));
            for (key, actual) in [
                ("vlm384", janus_square(&picture, 384)),
                ("crop256", center_crop(&picture, 256)),
            ] {
                let (largest, equal) = compare(&actual, &open(file(key)));
                println!(
                    "parity {} preprocess {} largest difference {largest}, {:.3} % equal",
                    folder.name(),
                    case[key],
                    100.0 * equal
                );
                assert!(largest == 0 && equal == 1.0, "{}", case[key]);
            }
        }
    }
}

#[test]
fn bytes_become_the_floats_of_the_reference() {
    let device = Device::flex();
    let ramp = RgbImage::from_fn(256, 1, |x, _| image::Rgb([x as u8; 3]));
    let values = |pixels: Tensor<4>| -> Vec<f32> { pixels.into_data().try_to_vec().unwrap() };
    let with_tables = |folder: &Folder| folder.has("preprocess.safetensors");
    for folder in folders().into_iter().filter(with_tables) {
        let tables = folder.tensors("preprocess.safetensors");
        assert_eq!(
            values(janus_pixels([&ramp], &device)),
            tables.floats("vlm_lut").repeat(3)
        );
        assert_eq!(
            values(structure_pixels([&ramp], &device)),
            tables.floats("vae_lut").repeat(3)
        );
    }
}

#[test]
fn a_decoded_jpeg_stays_near_that_of_the_reference() {
    for folder in folders() {
        let case = &folder.cases("preprocess")["jpeg"];
        let (Some(jpeg), Some(decoded)) = (case["file"].as_str(), case["as_decoded"].as_str())
        else {
            continue;
        };
        let (decoded, expected) = (
            read_picture(folder.file(jpeg)).unwrap(),
            open(folder.file(decoded)),
        );
        let (largest, equal) = compare(&decoded, &expected);
        println!(
            "parity {} {jpeg} largest difference {largest}, {:.1} % equal",
            folder.name(),
            100.0 * equal
        );
        // Colour is brought to full size by the same filter; the inverse transform is rounded
        // otherwise, which conversion to RGB makes three at most.
        assert!(largest <= 3 && equal > 0.9);
    }
}
