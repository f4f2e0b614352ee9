//! Pictures inside prompts: an empty canvas, pixels in memory, or a file that is read when the
//! prompt is drawn.

use std::fmt;
use std::path::{Path, PathBuf};

use flowinone_image::center_crop;
use image::RgbImage;
use serde::de::{self, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser};

use super::surface::Surface;
use super::{Background, Frame, PROMPT_SIDE, PromptError};

/// The picture that a prompt is drawn on. In files it is a path, or a [`Background`] for an empty
/// canvas (`{"plain": "#ffffff"}`); pixels cannot be written there.
#[derive(Debug, Clone, PartialEq)]
pub enum Picture {
    /// An empty canvas; places on it are those of a picture of 512 x 512 pixels.
    Blank(Background),
    /// A file, read by [`read_picture`](flowinone_image::read_picture) each time the prompt is
    /// drawn.
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
            Self::File(path) => Ok(flowinone_image::read_picture(path)?),
            Self::Pixels(pixels) => Ok(pixels.clone()),
            Self::Blank(ground) => Ok(ground.paint(PROMPT_SIDE)),
        }
    }

    /// The canvas over the square in the picture's middle, and where its points lie on it.
    pub(crate) fn surface(&self, side: u32) -> Result<(Surface, Frame), PromptError> {
        Surface::check(side)?;
        let read;
        let pixels = match self {
            Self::Blank(ground) => {
                let frame = Frame::new(PROMPT_SIDE, PROMPT_SIDE);
                return Ok((Surface::over(&ground.paint(side)), frame));
            }
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
        Ok((Surface::over(&canvas), Frame::new(width, height)))
    }
}

impl From<RgbImage> for Picture {
    fn from(pixels: RgbImage) -> Self {
        Self::Pixels(pixels)
    }
}

impl From<Background> for Picture {
    fn from(ground: Background) -> Self {
        Self::Blank(ground)
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
            // JSON is Unicode: of a name that is not, what is seen of it is kept.
            Self::File(path) => path.to_string_lossy().serialize(to),
            Self::Blank(ground) => ground.serialize(to),
            Self::Pixels(_) => Err(ser::Error::custom(
                "pixels in memory cannot be written with a prompt; save them and name the file",
            )),
        }
    }
}

impl<'de> Deserialize<'de> for Picture {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Picture;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "the path of a picture, or an empty canvas such as {\"plain\": \"#ffffff\"}",
                )
            }
            fn visit_str<E: de::Error>(self, path: &str) -> Result<Picture, E> {
                Ok(Picture::File(path.into()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Picture, A::Error> {
                Background::deserialize(MapAccessDeserializer::new(map)).map(Picture::Blank)
            }
        }
        from.deserialize_any(Reader)
    }
}
