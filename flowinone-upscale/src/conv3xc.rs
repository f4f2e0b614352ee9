//! SPAN's convolutions as they are trained, each as three behind each other beside a shortcut, and
//! how they become one (structural re-parameterisation):
//!
//! ```text
//! conv(x) = w_3 (w_2 * (w_1 x + b_1) + b_2) + b_3 + s x + t        w_2 of 3x3, the others of 1x1
//!         = W * x + B
//! W = w_3 w_2 w_1, and s at its middle
//! B = w_3 (w_2 b_1 + b_2) + b_3 + t         zeros around x before all, so that this holds at edges
//! ```
//!
//! Files also hold `eval_conv`, the merged one as it was when it was last computed. Training leaves
//! it as it was drawn, so that it counts only where it is alone, as in the reference.

use burn::module::{Module, Param};
use burn::nn::conv::Conv2d;
use burn::tensor::{Device, Tensor, TensorData};
use flowinone_weights::{Checkpoint, Key, LoadOptions, load};

use crate::Error;
use crate::layers::{conv1x1, conv3x3};
use crate::span::{Span, SpanBlock, SpanConfig};

/// A convolution as it is trained.
#[derive(Module, Debug)]
struct Conv3Xc {
    /// The shortcut.
    sk: Conv2d,
    /// The three.
    conv: Vec<Conv2d>,
}

impl Conv3Xc {
    /// From `input` channels to `output`, with `gain` times as many in between.
    fn new(input: usize, output: usize, gain: usize, device: &Device) -> Self {
        Self {
            sk: conv1x1(input, output, device),
            conv: vec![
                conv1x1(input, gain * input, device),
                conv3x3(gain * input, gain * output, device),
                conv1x1(gain * output, output, device),
            ],
        }
    }

    /// The one that computes the same.
    fn merged(&self) -> Conv2d {
        let parts = |conv: &Conv2d| {
            let bias = conv.bias.as_ref().expect("made with a bias").val();
            (conv.weight.val(), bias)
        };
        let [(w_1, b_1), (w_2, b_2), (w_3, b_3)] = [0, 1, 2].map(|index| parts(&self.conv[index]));
        let (s, t) = parts(&self.sk);
        let ([wide_in, input, ..], [output, wide_out, ..]) = (w_1.dims(), w_3.dims());
        let device = s.device();
        let w_1 = w_1.reshape([wide_in, input]);
        let w_3 = w_3.reshape([output, wide_out]);

        let w_2 = w_2.permute([0, 2, 3, 1]); // [wide output, 3, 3, wide input]
        let w = w_2.clone().reshape([9 * wide_out, wide_in]).matmul(w_1);
        let w = w_3.clone().matmul(w.reshape([wide_out, 9 * input]));
        let w = w.reshape([output, 3, 3, input]).permute([0, 3, 1, 2]);
        let mut middle = [0.0; 9];
        middle[4] = 1.0;
        let middle = TensorData::new(middle.to_vec(), [1, 1, 3, 3]);
        let w = w + s * Tensor::<4>::from_data(middle, &device);

        let sums = w_2.reshape([wide_out, 9, wide_in]).sum_dim(1);
        let b = sums
            .reshape([wide_out, wide_in])
            .matmul(b_1.reshape([wide_in, 1]));
        let b = w_3.matmul(b + b_2.reshape([wide_out, 1]));
        let b = b.reshape([output]) + b_3 + t;

        let mut merged = conv3x3(input, output, &device);
        merged.weight = Param::from_tensor(w);
        merged.bias = Some(Param::from_tensor(b));
        merged
    }
}

/// A block as it is trained.
#[derive(Module, Debug)]
struct Block {
    c1_r: Conv3Xc,
    c2_r: Conv3Xc,
    c3_r: Conv3Xc,
}

/// The network as it is trained, which is only loaded and merged.
#[derive(Module, Debug)]
struct Trained {
    conv_1: Conv3Xc,
    blocks: Vec<Block>,
    conv_2: Conv3Xc,
    conv_cat: Conv2d,
    upsampler: Conv2d,
}

impl Trained {
    fn new(config: &SpanConfig, gain: usize, device: &Device) -> Self {
        let features = config.features;
        let Span {
            conv_cat,
            upsampler,
            ..
        } = config.init(device);
        let inner = || Conv3Xc::new(features, features, gain, device);
        let block = |_| Block {
            c1_r: inner(),
            c2_r: inner(),
            c3_r: inner(),
        };
        Self {
            conv_1: Conv3Xc::new(config.channels, features, gain, device),
            blocks: (0..config.blocks).map(block).collect(),
            conv_2: inner(),
            conv_cat,
            upsampler,
        }
    }

    fn merged(self, config: &SpanConfig, device: &Device) -> Span {
        let block = |block: &Block| SpanBlock {
            c1_r: block.c1_r.merged(),
            c2_r: block.c2_r.merged(),
            c3_r: block.c3_r.merged(),
        };
        Span {
            conv_1: self.conv_1.merged(),
            blocks: self.blocks.iter().map(block).collect(),
            conv_2: self.conv_2.merged(),
            conv_cat: self.conv_cat,
            upsampler: self.upsampler,
            ..config.init(device)
        }
    }
}

/// The network of a checkpoint, merged if it comes as it is trained, with `gain` times as many
/// channels inside its convolutions; `key` takes off what stands before names.
pub(crate) fn loaded(
    config: &SpanConfig,
    gain: Option<usize>,
    checkpoint: &Checkpoint,
    key: impl Fn(&str, &dyn Fn(&str) -> Key) -> Key,
    device: &Device,
) -> Result<Span, Error> {
    let options = LoadOptions::default();
    Ok(match gain {
        Some(gain) => {
            let key = |name: &str| key(name, &of_trained);
            let trained = Trained::new(config, gain, device);
            load(trained, checkpoint, key, &options)?.merged(config, device)
        }
        None => {
            let key = |name: &str| key(name, &of_merged);
            load(config.init(device), checkpoint, key, &options)?
        }
    })
}

/// Where a published name belongs in a network as it is trained.
fn of_trained(name: &str) -> Key {
    match name.contains(".eval_conv.") {
        true => Key::Unused,
        false => of_span(name),
    }
}

/// Where a published name belongs in a merged one.
fn of_merged(name: &str) -> Key {
    of_span(&name.replace(".eval_conv.", "."))
}

/// `block_1` is the first of a list, `upsampler.0` a convolution before the shuffle; `no_norm` has
/// been heard.
fn of_span(name: &str) -> Key {
    let path = || {
        if let Some(kind) = name.strip_prefix("upsampler.0.") {
            return Some(format!("upsampler.{kind}"));
        }
        let (number, rest) = name.strip_prefix("block_")?.split_once('.')?;
        let index = number.parse::<usize>().ok()?.checked_sub(1)?;
        Some(format!("blocks.{index}.{rest}"))
    };
    match name {
        "no_norm" => Key::Unused,
        _ => Key::Parameter(path().unwrap_or_else(|| name.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_names_lead_to_their_places() {
        let at = |path: &str| Key::Parameter(path.into());
        for (name, trained, merged) in [
            (
                "block_6.c3_r.conv.2.bias",
                at("blocks.5.c3_r.conv.2.bias"),
                at("blocks.5.c3_r.conv.2.bias"),
            ),
            (
                "block_1.c1_r.eval_conv.weight",
                Key::Unused,
                at("blocks.0.c1_r.weight"),
            ),
            ("conv_1.eval_conv.bias", Key::Unused, at("conv_1.bias")),
            (
                "upsampler.0.bias",
                at("upsampler.bias"),
                at("upsampler.bias"),
            ),
            (
                "conv_cat.weight",
                at("conv_cat.weight"),
                at("conv_cat.weight"),
            ),
            ("no_norm", Key::Unused, Key::Unused),
            ("block_0.c1_r", at("block_0.c1_r"), at("block_0.c1_r")),
        ] {
            assert_eq!(of_trained(name), trained);
            assert_eq!(of_merged(name), merged);
        }
    }
}
