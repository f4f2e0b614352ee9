//! What network a checkpoint holds, told by the names and shapes of its tensors: all sizes are read
//! from the shapes. Other networks are refused by their name.

use std::collections::BTreeMap;

use flowinone_weights::Checkpoint;

use crate::{CompactConfig, Config, Error, Naming, RrdbConfig, SpanConfig};

/// Limits of sizes: far above what there is, far below what no machine holds.
const MOST_FEATURES: usize = 1024;
const MOST_LAYERS: usize = 256;
const MOST_VALUES: f64 = 2.7e8;
/// Most times that a network enlarges.
const MOST_SCALE: usize = 16;
/// Most times that SPAN's convolutions are wider inside while they are trained.
const MOST_GAIN: usize = 8;

/// What a checkpoint was found to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recognised {
    /// The network's sizes.
    pub config: Config,
    /// What stands before the names of its tensors: a wrapper such as `params_ema.`, or nothing.
    pub prefix: String,
    /// How the tensors of an RRDBNet are called; of no meaning for others.
    pub naming: Naming,
    /// How many times wider the convolutions of a SPAN are inside, as it is trained. If `None`, it
    /// is merged, or another network.
    pub gain: Option<usize>,
}

/// A network by the names of its tensors.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Compact,
    Rrdb(Naming),
    Span,
}

/// Ends of names by which other networks are known.
const OTHERS: [(&str, &str); 10] = [
    ("feats.1.block_1.c1_r.eval_conv.weight", "SPANPlus"),
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
                "it is {name}; Compact (SRVGGNetCompact), ESRGAN (RRDBNet) and SPAN are read"
            )));
        }
    }
    let mut found = vec![];
    for name in shapes.keys() {
        for (end, kind) in [
            ("body.0.weight", Kind::Compact),
            ("body.0.rdb1.conv1.weight", Kind::Rrdb(Naming::New)),
            ("RRDB_trunk.0.RDB1.conv1.weight", Kind::Rrdb(Naming::Middle)),
            ("model.1.sub.0.RDB1.conv1.0.weight", Kind::Rrdb(Naming::Old)),
            ("block_1.c1_r.sk.weight", Kind::Span),
            ("block_1.c1_r.eval_conv.weight", Kind::Span),
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
            "its tensors have names of none of Compact (SRVGGNetCompact), ESRGAN (RRDBNet) and SPAN"
                .into(),
        ));
    };
    let tensors = Tensors { shapes, prefix };
    let read = match *kind {
        Kind::Compact => tensors
            .compact()
            .map(|config| (Config::Compact(config), Naming::New, None)),
        Kind::Rrdb(naming) => tensors
            .rrdb(naming)
            .map(|config| (Config::Rrdb(config), naming, None)),
        Kind::Span => tensors
            .span()
            .map(|(config, gain)| (Config::Span(config), Naming::New, gain)),
    };
    let (config, naming, gain) = read.map_err(&fail)?;
    within(&config).map_err(&fail)?;
    Ok(Recognised {
        config,
        prefix: prefix.to_string(),
        naming,
        gain,
    })
}

/// Shapes by name, below a prefix.
struct Tensors<'a> {
    shapes: BTreeMap<&'a str, &'a [usize]>,
    prefix: &'a str,
}

impl Tensors<'_> {
    /// Outputs and inputs of a 3x3 convolution.
    fn convolution(&self, name: &str) -> Result<[usize; 2], String> {
        self.convolution_of(3, name)
    }

    /// Outputs and inputs of a convolution with kernels of that side.
    fn convolution_of(&self, side: usize, name: &str) -> Result<[usize; 2], String> {
        let name = format!("{}{name}", self.prefix);
        match self.shapes.get(name.as_str()) {
            Some([output, input, rows, columns]) if [*rows, *columns] == [side; 2] => {
                Ok([*output, *input])
            }
            Some(shape) => Err(format!(
                "its tensor {name} has the shape {shape:?}, not that of a {side}x{side} convolution"
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
        Ok(CompactConfig {
            channels: input,
            features,
            convolutions: convolutions - 2,
            scale: scale_of(input, output)?,
        })
    }

    /// The sizes of a SPAN, and how many times wider its convolutions are inside as it is trained.
    fn span(&self) -> Result<(SpanConfig, Option<usize>), String> {
        let trained = self.has("conv_1.sk.weight");
        let ([features, channels], blocks, gain) = match trained {
            true => {
                let [wide, input] = self.convolution_of(1, "conv_1.conv.0.weight")?;
                let gain = (1..=MOST_GAIN).find(|gain| input.checked_mul(*gain) == Some(wide));
                let gain = gain.ok_or_else(|| {
                    format!(
                        "its first convolution has {wide} channels inside for {input}; 1 to {MOST_GAIN} times as many are read"
                    )
                })?;
                let sizes = self.convolution_of(1, "conv_1.sk.weight")?;
                let blocks = self.count(|index| format!("block_{}.c1_r.sk.weight", index + 1));
                (sizes, blocks, Some(gain))
            }
            false => {
                let merged = |index| format!("block_{}.c1_r.eval_conv.weight", index + 1);
                let sizes = self.convolution("conv_1.eval_conv.weight")?;
                (sizes, self.count(merged), None)
            }
        };
        let [output, _] = self.convolution("upsampler.0.weight")?;
        let config = SpanConfig {
            channels,
            features,
            blocks,
            scale: scale_of(channels, output)?,
            normalised: !self.has("no_norm"),
        };
        if config.normalised && channels != 3 {
            return Err(format!(
                "it takes the mean of three colours off pictures of {channels} channels, having no tensor {}no_norm",
                self.prefix
            ));
        }
        Ok((config, gain))
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
            .find(|u| channels.checked_mul(u * u) == Some(inputs))
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

/// By how much a pixel shuffle of `output` channels to those of a picture enlarges.
fn scale_of(channels: usize, output: usize) -> Result<usize, String> {
    let scale = (1..=MOST_SCALE).find(|scale| channels.checked_mul(scale * scale) == Some(output));
    scale.ok_or_else(|| {
        format!("{channels} channels of a picture do not become {output} at any scale up to {MOST_SCALE}")
    })
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
        Config::Span(c) => (vec![c.features], c.blocks),
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
