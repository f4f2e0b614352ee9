#![doc = include_str!("../README.md")]

mod atomic;
mod companion;
mod digest;
mod error;
mod identity;
mod kind;
mod text;
mod unfinished;

pub use atomic::{
    AtomicFile, AtomicFolder, absolute, has_extension, make_parent, writable, write_atomically,
};
pub use companion::is_companion;
pub use digest::{hexadecimal, sha256, sha256_of};
pub use error::Error;
pub use identity::{Collision, Identity, keep_apart};
pub use kind::recognised;
pub use text::text_of;
pub use unfinished::{abandon, tidy};
