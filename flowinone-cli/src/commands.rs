//! The commands, one file each.

pub(crate) mod convert;
pub(crate) mod devices;
pub(crate) mod generate;
pub(crate) mod init;
pub(crate) mod inspect;
pub(crate) mod replay;
pub(crate) mod verify;
