#![doc = include_str!("../README.md")]

mod channels;
mod colours;
mod compact;
mod config;
mod error;
mod init;
mod keys;
mod known;
mod layers;
mod memory;
mod network;
mod picture;
mod planes;
mod recognise;
mod rrdb;
mod settings;
mod target;
mod tiles;
mod upscaler;
mod watch;

pub use compact::{Compact, CompactConfig};
pub use config::Config;
pub use error::Error;
pub use init::initialised;
pub use keys::Naming;
pub use known::{KNOWN, Known};
pub use layers::{shuffled, unshuffled};
pub use network::Network;
pub use planes::Planes;
pub use recognise::{Recognised, recognise};
pub use rrdb::{DenseBlock, ResidualBlock, Rrdb, RrdbConfig};
pub use settings::Settings;
pub use target::{MOST_FACTOR, Target};
pub use tiles::{Tiling, WHOLE_TRUNK};
pub use upscaler::Upscaler;
pub use watch::Watch;
