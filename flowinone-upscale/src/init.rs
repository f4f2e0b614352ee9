//! Random weights to train from: convolutions keep the size of their values (He), the last one
//! gives nothing, so that training begins with the small picture enlarged to the nearest.

use burn::tensor::{Device, FloatDType, TensorData};
use flowinone_weights::{Init, ParamSpec, fill};

use crate::{Compact, CompactConfig, Error};

/// Slope of every PReLU.
const SLOPE: f32 = 0.25;

/// A Compact with random weights that follow `seed`.
///
/// # Errors
/// None that can occur: the signature is that of filling a module.
pub fn initialised(config: &CompactConfig, seed: u64, device: &Device) -> Result<Compact, Error> {
    let last = format!("convs.{}.weight", config.convolutions + 1);
    let draw = |param: &ParamSpec| {
        let constant = |value: f32| {
            let count = param.shape.iter().product();
            TensorData::new(vec![value; count], param.shape.clone())
        };
        Ok(match param.path.as_str() {
            path if path.starts_with("slopes") => constant(SLOPE),
            path if path.ends_with("bias") || path == last => constant(0.0),
            _ => {
                let fan: usize = param.shape[1..].iter().product();
                let std = (2.0 / ((1.0 + SLOPE * SLOPE) * fan as f32)).sqrt();
                Init::Normal { std }.draw(param, seed, FloatDType::F32)
            }
        })
    };
    Ok(fill(config.init(device), draw)?)
}
