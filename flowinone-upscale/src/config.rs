//! Sizes of one of the networks, and what follows from them.

use crate::{CompactConfig, RrdbConfig, SpanConfig};

/// Sizes of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Config {
    /// Of a Compact.
    Compact(CompactConfig),
    /// Of an RRDBNet.
    Rrdb(RrdbConfig),
    /// Of a SPAN.
    Span(SpanConfig),
}

impl Config {
    /// Channels of a picture: 1, 3 or 4.
    pub fn channels(&self) -> usize {
        match self {
            Self::Compact(config) => config.channels,
            Self::Rrdb(config) => config.channels,
            Self::Span(config) => config.channels,
        }
    }

    /// How many times larger the result is along each side.
    pub fn scale(&self) -> usize {
        match self {
            Self::Compact(config) => config.scale,
            Self::Rrdb(config) => config.scale(),
            Self::Span(config) => config.scale,
        }
    }

    /// Height and width must be multiples of this.
    pub fn multiple(&self) -> usize {
        match self {
            Self::Compact(_) | Self::Span(_) => 1,
            Self::Rrdb(config) => config.unshuffle,
        }
    }

    /// Pixels on each side that a pixel of the result depends on.
    pub fn reach(&self) -> usize {
        match self {
            Self::Compact(config) => config.reach(),
            Self::Rrdb(config) => config.reach(),
            Self::Span(config) => config.reach(),
        }
    }

    /// Multiply-adds for each pixel of the input.
    pub fn work(&self) -> f64 {
        match self {
            Self::Compact(config) => config.work(),
            Self::Rrdb(config) => config.work(),
            Self::Span(config) => config.work(),
        }
    }

    /// Bytes at once for each pixel of the input, about.
    pub fn memory(&self) -> usize {
        match self {
            Self::Compact(config) => config.memory(),
            Self::Rrdb(config) => config.memory(),
            Self::Span(config) => config.memory(),
        }
    }
}

impl std::fmt::Display for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Compact(c) => write!(
                f,
                "Compact x{}, {} features, {} convolutions",
                c.scale,
                c.features,
                c.convolutions + 2
            ),
            Self::Rrdb(c) => write!(
                f,
                "ESRGAN x{}, {} features, {} blocks",
                c.scale(),
                c.features,
                c.blocks
            ),
            Self::Span(c) => write!(
                f,
                "SPAN x{}, {} features, {} blocks",
                c.scale, c.features, c.blocks
            ),
        }
    }
}
