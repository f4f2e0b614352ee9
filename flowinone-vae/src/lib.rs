#![doc = include_str!("../README.md")]

mod attention;
mod autoencoder;
mod bands;
mod codec;
mod compositor;
mod config;
mod decoder;
mod encoder;
mod error;
mod fine;
mod keys;
mod layers;
mod middle;
mod picture;
mod posterior;
mod res_block;
mod resample;

pub use attention::PixelAttention;
pub use autoencoder::{Autoencoder, WHOLE_UP_TO};
pub use codec::LatentCodec;
pub use compositor::Compositor;
pub use config::VaeConfig;
pub use decoder::{Decoder, UpLevel};
pub use encoder::{DownLevel, Encoder};
pub use error::Error;
pub use fine::{FineBlock, FineDecoder, FineLevel, enlarged_smoothly, means};
pub use keys::map_key;
pub use middle::Middle;
pub use picture::to_bytes;
pub use posterior::Posterior;
pub use res_block::ResBlock;
pub use resample::{Downsample, Upsample};
