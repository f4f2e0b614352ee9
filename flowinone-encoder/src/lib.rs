#![doc = include_str!("../README.md")]

mod aligner;
mod attention;
mod block;
mod config;
mod encoder;
mod error;
mod keys;
mod preprocess;
mod stem;
mod tower;

pub use aligner::Aligner;
pub use attention::Attention;
pub use block::{Block, Mlp};
pub use config::EncoderConfig;
pub use encoder::{JanusEncoder, VisualEncoder};
pub use error::Error;
pub use keys::map_key;
pub use preprocess::{janus_pixels, janus_square, structure_pixels};
pub use stem::StemLevel;
pub use tower::{PatchEmbed, VisionTower};
