#![doc = include_str!("../README.md")]

mod atomic;
mod digest;
mod error;

pub use atomic::{AtomicFile, write_atomically};
pub use digest::{hexadecimal, sha256, sha256_of};
pub use error::Error;
