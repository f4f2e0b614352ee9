//! What network a checkpoint holds, told by the names and shapes of its tensors: all sizes are read
//! from the shapes. Other networks are refused by their name.

use std::collections::BTreeMap;

use flowinone_weights::Checkpoint;

use crate::{CompactConfig, Config, Error, Naming, RrdbConfig};

/// Limits of sizes: far above what there is, far below what no machine holds.
const MOST_FEATURES: usize = 1024;
const MOST_LAYERS: usize = 256;
const MOST_VALUES: f64 = 2.7e8;
/// Most times that a network enlarges.
const MOST_SCALE: usize = 16;

/// What a checkpoint was found to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recognised {
    /// The network's sizes.
    pub config: Config,
    /// What stands before the names of its tensors: a wrapper such as `params_ema.`, or nothing.
    pub prefix: String,
    /// How its tensors are called; of no meaning for Compact.
    pub naming: Naming,
}

/// Ends of names by which other networks are known.
const OTHERS: [(&str, &str); 10] = [
    ("block_1.c1_r.sk.weight", "SPAN"),
    (
        "residual_group.blocks.0.attn.relative_position_index",
        "SwinIR",
    ),
    ("residual_group.overlap_attn.qkv.weight", "HAT"),
    ("blocks.0.attn.attns.0.rpe_biases", "DAT"),
    (
        "residual_layer.0.residual_layer.0.layer.0.fn.0.weight",
        "OmniSR",
    ),
    ("feats.1.refine.weight", "PLKSR"),
    ("body.0.body.0.body.0.weight", "RCAN"),
    ("unet1.conv1.conv.0.weight", "Real-CUGAN"),
    ("RDB1.conv1x1.weight", "ESRGAN+"),
    ("rdb1.conv1x1.weight", "ESRGAN+"),
];

/// Finds the network of a checkpoint, whatever its tensors are wrapped in; averaged weights first.
///
/// # Errors
/// Names the network that is not one of these, or the size that is out of its range.
pub fn recognise(checkpoint: &Checkpoint) -> Result<Recognised, Error> {
    let fail = |reason: String| Error::architecture(checkpoint.path(), reason);
    let shapes: BTreeMap<&str, &[usize]> = checkpoint
        .entries()
        .map(|entry| (entry.name(), entry.shape()))
        .collect();
    for (end, name) in OTHERS {
        if shapes.keys().any(|key| key.ends_with(end)) {
            return Err(fail(format!(
                "it is {name}; Compact (SRVGGNetCompact) and ESRGAN (RRDBNet) are read"
            )));
        }
    }
    let mut found = vec![];
    for name in shapes.keys() {
        for (end, kind) in [
            ("body.0.weight", None),
            ("body.0.rdb1.conv1.weight", Some(Naming::New)),
            ("RRDB_trunk.0.RDB1.conv1.weight", Some(Naming::Middle)),
            ("model.1.sub.0.RDB1.conv1.0.weight", Some(Naming::Old)),
        ] {
            let prefix = name.strip_suffix(end);
            let prefix = prefix.filter(|p| p.is_empty() || p.ends_with('.'));
            if let Some(prefix) = prefix {
                found.push((prefix, kind));
            }
        }
    }
    found.sort_by_key(|(prefix, _)| (!prefix.contains("ema"), prefix.len()));
    let Some((prefix, kind)) = found.first() else {
        return Err(fail(
            "its tensors have names of neither Compact (SRVGGNetCompact) nor ESRGAN (RRDBNet)"
                .into(),
        ));
    };
    let tensors = Tensors { shapes, prefix };
    let config = match kind {
        None => tensors.compact().map(Config::Compact),
        Some(naming) => tensors.rrdb(*naming).map(Config::Rrdb),
    };
    let config = config.map_err(&fail)?;
    within(&config).map_err(&fail)?;
    Ok(Recognised {
        config,
        prefix: prefix.to_string(),
        naming: kind.unwrap_or(Naming::New),
    })
}

/// Shapes by name, below a prefix.
struct Tensors<'a> {
    shapes: BTreeMap<&'a str, &'a [usize]>,
    prefix: &'a str,
}

impl Tensors<'_> {
    /// Outputs and inputs of a convolution.
    fn convolution(&self, name: &str) -> Result<[usize; 2], String> {
        let name = format!("{}{name}", self.prefix);
        match self.shapes.get(name.as_str()) {
            Some([output, input, 3, 3]) => Ok([*output, *input]),
            Some(shape) => Err(format!(
                "its tensor {name} has the shape {shape:?}, not that of a 3x3 convolution"
            )),
            None => Err(format!("it has no tensor {name}")),
        }
    }

    fn has(&self, name: &str) -> bool {
        let name = format!("{}{name}", self.prefix);
        self.shapes.contains_key(name.as_str())
    }

    /// How many of the names that `name` makes from 0 on are there.
    fn count(&self, name: impl Fn(usize) -> String) -> usize {
        (0..)
            .take_while(|index| *index <= MOST_LAYERS && self.has(&name(*index)))
            .count()
    }

    fn compact(&self) -> Result<CompactConfig, String> {
        let convolutions = self.count(|index| format!("body.{}.weight", 2 * index));
        let [features, input] = self.convolution("body.0.weight")?;
        if convolutions < 2 {
            return Err("it has a single convolution".into());
        }
        let last = format!("body.{}.weight", 2 * (convolutions - 1));
        let [output, _] = self.convolution(&last)?;
        let scale = (1..=MOST_SCALE).find(|scale| input * scale * scale == output);
        let scale = scale.ok_or_else(|| {
            format!("{input} channels of a picture do not become {output} at any scale up to {MOST_SCALE}")
        })?;
        Ok(CompactConfig {
            channels: input,
            features,
            convolutions: convolutions - 2,
            scale,
        })
    }

    fn rrdb(&self, naming: Naming) -> Result<RrdbConfig, String> {
        let (first, dense, doublings) = match naming {
            Naming::New => (
                "conv_first.weight",
                "body.{}.rdb1.conv1.weight",
                self.count(|index| format!("conv_up{}.weight", index + 1)),
            ),
            Naming::Middle => (
                "conv_first.weight",
                "RRDB_trunk.{}.RDB1.conv1.weight",
                self.count(|index| format!("upconv{}.weight", index + 1)),
            ),
            Naming::Old => {
                let end = (4..=4 + 3 * MOST_SCALE)
                    .rev()
                    .find(|number| self.has(&format!("model.{number}.weight")));
                let doublings = end.filter(|end| end % 3 == 1).map(|end| (end - 4) / 3);
                let doublings = doublings
                    .ok_or("its last convolution is none of model.4, model.7, model.10, ..")?;
                (
                    "model.0.weight",
                    "model.1.sub.{}.RDB1.conv1.0.weight",
                    doublings,
                )
            }
        };
        let last = match naming {
            Naming::Old => format!("model.{}.weight", 4 + 3 * doublings),
            _ => "conv_last.weight".into(),
        };
        let at = |index: usize| dense.replace("{}", &index.to_string());
        let [features, inputs] = self.convolution(first)?;
        let [growth, _] = self.convolution(&at(0))?;
        let [channels, _] = self.convolution(&last)?;
        let unshuffle = [1, 2, 4, 8]
            .into_iter()
            .find(|u| channels * u * u == inputs)
            .ok_or_else(|| {
                format!(
                    "its first convolution has {inputs} inputs for a picture of {channels} channels"
                )
            })?;
        let enlarged = 1usize.checked_shl(doublings as u32).unwrap_or(0);
        if enlarged < unshuffle {
            return Err(format!(
                "it makes pictures smaller: reduced {unshuffle} times, then doubled {doublings} times"
            ));
        }
        Ok(RrdbConfig {
            channels,
            features,
            growth,
            blocks: self.count(at),
            doublings,
            unshuffle,
        })
    }
}

/// Refuses sizes that no machine holds, before anything is made of them.
fn within(config: &Config) -> Result<(), String> {
    let (channels, scale) = (config.channels(), config.scale());
    if !matches!(channels, 1 | 3 | 4) {
        return Err(format!(
            "its pictures have {channels} channels; 1, 3 and 4 are read"
        ));
    }
    if !(1..=MOST_SCALE).contains(&scale) {
        return Err(format!(
            "it enlarges {scale} times; 1 to {MOST_SCALE} are read"
        ));
    }
    let (widths, layers) = match config {
        Config::Compact(c) => (vec![c.features], c.convolutions),
        Config::Rrdb(c) => (vec![c.features, c.growth], c.blocks),
    };
    for width in widths {
        if !(1..=MOST_FEATURES).contains(&width) {
            return Err(format!(
                "it has {width} features; 1 to {MOST_FEATURES} are read"
            ));
        }
    }
    if layers >= MOST_LAYERS {
        return Err(format!(
            "it has {layers} layers or more; up to {MOST_LAYERS} are read"
        ));
    }
    let values = config.work();
    if values > MOST_VALUES {
        return Err(format!("it has about {values:.0} weights, too many"));
    }
    Ok(())
}
