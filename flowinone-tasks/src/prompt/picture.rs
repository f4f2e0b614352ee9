//! Pictures inside prompts: pixels in memory, or a file that is read when the prompt is drawn.

use std::path::{Path, PathBuf};

use flowinone_encoder::center_crop;
use image::RgbImage;
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser};

use super::sheet::Sheet;
use super::{Frame, PromptError};

/// The picture that a prompt is drawn on. In files it is a path; pixels cannot be written there.
#[derive(Debug, Clone, PartialEq)]
pub enum Picture {
    /// A file, read by [`read_picture`](crate::read_picture) each time the prompt is drawn.
    File(PathBuf),
    /// Pixels.
    Pixels(RgbImage),
}

impl Picture {
    /// The pixels.
    ///
    /// # Errors
    /// A file that is no usable picture.
    pub fn read(&self) -> Result<RgbImage, PromptError> {
        match self {
            Self::File(path) => Ok(crate::read_picture(path)?),
            Self::Pixels(pixels) => Ok(pixels.clone()),
        }
    }

    /// Makes a relative path one that starts at `folder`, as a batch file beside its pictures needs.
    pub fn resolve(&mut self, folder: &Path) {
        if let Self::File(path) = self {
            *path = folder.join(&path);
        }
    }

    /// The canvas over the square in the picture's middle, and where its points lie on it.
    pub(crate) fn sheet(&self, side: u32) -> Result<(Sheet, Frame), PromptError> {
        Sheet::check(side)?;
        let read;
        let pixels = match self {
            Self::Pixels(pixels) => pixels,
            Self::File(_) => {
                read = self.read()?;
                &read
            }
        };
        let (width, height) = pixels.dimensions();
        if width == 0 || height == 0 {
            return Err(PromptError::Drawing(format!(
                "the picture is {width} x {height} pixels"
            )));
        }
        let canvas = center_crop(pixels, side);
        Ok((Sheet::over(&canvas), Frame::new(width, height)))
    }
}

impl From<RgbImage> for Picture {
    fn from(pixels: RgbImage) -> Self {
        Self::Pixels(pixels)
    }
}

impl From<PathBuf> for Picture {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

impl From<&Path> for Picture {
    fn from(path: &Path) -> Self {
        Self::File(path.to_path_buf())
    }
}

impl From<&str> for Picture {
    fn from(path: &str) -> Self {
        Self::File(path.into())
    }
}

impl Serialize for Picture {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::File(path) => path.serialize(to),
            Self::Pixels(_) => Err(ser::Error::custom(
                "pixels in memory cannot be written with a prompt; save them and name the file",
            )),
        }
    }
}

impl<'de> Deserialize<'de> for Picture {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Self::File(PathBuf::deserialize(from)?))
    }
}
