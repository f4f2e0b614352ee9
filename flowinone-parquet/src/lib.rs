#![doc = include_str!("../README.md")]

mod error;
mod guard;
mod pairs;
mod place;
mod table;

pub use error::Error;
pub use pairs::{LeftOut, Pairs, Row};
pub use place::{container, find, is_parquet, read_picture_file};
