//! One of the networks, loaded from a checkpoint.

use burn::tensor::{Device, Tensor};
use flowinone_kernels::Dtype;
use flowinone_weights::{Checkpoint, Key, LoadOptions, load};

use crate::conv3xc;
use crate::keys::of_compact;
use crate::{
    Compact, CompactConfig, Config, Error, Recognised, Rrdb, RrdbConfig, Span, SpanConfig, Watch,
    recognise,
};

/// A network with its weights.
#[derive(Debug, Clone)]
#[allow(
    clippy::large_enum_variant,
    reason = "one value a program; the weights are behind pointers"
)]
pub enum Network {
    /// A chain of convolutions.
    Compact(CompactConfig, Compact),
    /// Dense blocks of residuals.
    Rrdb(RrdbConfig, Rrdb),
    /// Blocks that weigh their own results.
    Span(SpanConfig, Span),
}

impl Network {
    /// The network of a checkpoint, its sizes read from the shapes of its tensors.
    ///
    /// # Errors
    /// A checkpoint of another network, or every tensor that is missing, misshapen or unknown.
    pub fn load(checkpoint: &Checkpoint, device: &Device) -> Result<Self, Error> {
        let Recognised {
            config,
            prefix,
            naming,
            gain,
        } = recognise(checkpoint)?;
        // What lies beside belongs to the optimiser, or is another copy of the weights.
        let below = |name: &str, key: &dyn Fn(&str) -> Key| match name.strip_prefix(&prefix) {
            Some(name) => key(name),
            None => Key::Unused,
        };
        let options = LoadOptions::default();
        Ok(match config {
            Config::Compact(config) => {
                let key = |name: &str| below(name, &of_compact);
                let network = load(config.init(device), checkpoint, key, &options)?;
                Self::Compact(config, network)
            }
            Config::Rrdb(config) => {
                let key = |name: &str| below(name, &|name| naming.key(name, &config));
                let network = load(config.init(device), checkpoint, key, &options)?;
                Self::Rrdb(config, network)
            }
            Config::Span(config) => {
                let network = conv3xc::loaded(&config, gain, checkpoint, below, device)?;
                Self::Span(config, network)
            }
        })
    }

    /// Its sizes.
    pub fn config(&self) -> Config {
        match self {
            Self::Compact(config, _) => Config::Compact(*config),
            Self::Rrdb(config, _) => Config::Rrdb(*config),
            Self::Span(config, _) => Config::Span(*config),
        }
    }

    /// Pictures `[b, c, h, w]` with values in [0, 1] to `[b, c, s h, s w]`; not clamped.
    ///
    /// # Errors
    /// [`Error::Stopped`] when the watch says so.
    ///
    /// # Panics
    /// If the channels are not the network's, or height or width no [multiple](Config::multiple).
    pub fn forward(
        &self,
        x: Tensor<4>,
        precision: Dtype,
        watch: &mut Watch<'_>,
    ) -> Result<Tensor<4>, Error> {
        match self {
            Self::Compact(_, network) => network.forward(x, precision, watch),
            Self::Rrdb(_, network) => network.forward(x, precision, watch),
            Self::Span(_, network) => network.forward(x, precision, watch),
        }
    }
}
