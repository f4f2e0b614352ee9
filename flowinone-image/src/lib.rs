#![doc = include_str!("../README.md")]

mod alpha;
mod animation;
mod crop;
mod error;
mod lab;
mod psnr;
mod read;
mod resample;
mod webp;
mod write;

pub use alpha::{PictureWithAlpha, decode_with_alpha, write_with_alpha};
pub use animation::{Animation, FrameRate, write_animation};
pub use crop::center_crop;
pub use error::Error;
pub use lab::{Lab, lab, lab_distance};
pub use psnr::{MOST_DECIBELS, decibels, largest_difference, mean_square, psnr};
pub use read::{
    EXTENSIONS, MAX_FILE, MAX_PIXELS, MAX_SIDE, Profiles, decode_picture, decode_picture_with,
    is_picture, read_picture, read_picture_file,
};
pub use resample::{Filter, resize};
pub use write::{png_with_text, read_text, text_of_png, write_picture, write_with_text};
