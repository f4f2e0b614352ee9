//! The commands, one file each.

pub(crate) mod batch;
pub(crate) mod convert;
pub(crate) mod data;
pub(crate) mod devices;
pub(crate) mod generate;
pub(crate) mod init;
pub(crate) mod inspect;
#[cfg(feature = "judge")]
pub(crate) mod judge;
#[cfg(feature = "train")]
pub(crate) mod plot;
pub(crate) mod prompt;
pub(crate) mod replay;
pub(crate) mod score;
#[cfg(feature = "serve")]
pub(crate) mod serve;
#[cfg(feature = "train")]
pub(crate) mod train;
#[cfg(feature = "train")]
pub(crate) mod train_upscale;
#[cfg(feature = "train")]
pub(crate) mod train_vae;
#[cfg(feature = "train")]
pub(crate) mod tune;
pub(crate) mod upscale;
pub(crate) mod verify;
