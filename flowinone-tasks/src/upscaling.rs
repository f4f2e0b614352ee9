//! Pictures made larger: which model does it and how, what the record says of it, and the record of
//! a picture that was only enlarged.

use std::path::{Path, PathBuf};

use flowinone_files::absolute;
use flowinone_image::{PictureWithAlpha, read_text, write_with_alpha};
use flowinone_upscale::{Error as UpscaleError, KNOWN, Settings, Upscaler};
use image::RgbImage;
use serde::{Deserialize, Serialize};

use crate::device::NamedDevice;
use crate::record::{KEYWORD, as_seen, read, text};
use crate::{Dtype, Error};

/// A model that enlarges pictures, with the settings that it does so by.
#[derive(Debug)]
pub struct Upscaling {
    upscaler: Upscaler,
    model: PathBuf,
    settings: Settings,
    dtype: Dtype,
    device: String,
}

/// How a picture was enlarged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UpscaleRecord {
    /// The file of the model, or the name of a built-in one.
    #[serde(serialize_with = "as_seen")]
    pub model: PathBuf,
    /// SHA-256 of that file.
    pub model_digest: String,
    /// Everything else that decides the pixels.
    pub settings: Settings,
}

impl UpscaleRecord {
    /// The same wherever the model lies.
    pub(crate) fn anywhere(&self) -> Self {
        Self {
            model: PathBuf::new(),
            ..self.clone()
        }
    }
}

impl Upscaling {
    /// Opens a model by its file, or with the feature `mini` the built-in one by its name
    /// `animevideov3`. What is computed in 16 or 8 bits elsewhere takes bfloat16 on the CPU.
    ///
    /// # Errors
    /// A name that is neither, with where a published model of that name is to be had; a file of
    /// another network, or a damaged one.
    pub fn open(
        model: impl AsRef<Path>,
        settings: Settings,
        device: &NamedDevice,
        dtype: Dtype,
    ) -> Result<Self, Error> {
        let model = model.as_ref();
        let precision = match dtype {
            Dtype::F32 | Dtype::F16 => Dtype::F32,
            Dtype::Bf16 | Dtype::Int8 => Dtype::Bf16,
        };
        let (upscaler, model) = match built_in(model) {
            Some((name, bytes)) => (
                Upscaler::held(name, bytes, &device.device, precision)?,
                name.into(),
            ),
            None if model.exists() => (
                Upscaler::open(model, &device.device, precision)?,
                absolute(model),
            ),
            None => return Err(UpscaleError::Name(not_there(model)).into()),
        };
        Ok(Self {
            upscaler,
            model,
            settings,
            dtype,
            device: format!("{} ({})", device.choice, device.name),
        })
    }

    /// The model.
    pub fn upscaler(&self) -> &Upscaler {
        &self.upscaler
    }

    /// Its file, or the name of a built-in one.
    pub fn model(&self) -> &Path {
        &self.model
    }

    /// What a record says of it.
    pub fn record(&self) -> UpscaleRecord {
        UpscaleRecord {
            model: self.model.clone(),
            model_digest: self.upscaler.digest().into(),
            settings: self.settings,
        }
    }

    /// Checks, before any work is done, that pictures of that width and height can be enlarged.
    ///
    /// # Errors
    /// A size beyond the limits, tiles that are too small, or more memory than there is.
    pub fn check(&self, size: [u32; 2]) -> Result<[u32; 2], Error> {
        Ok(self.upscaler.check(size, &self.settings)?)
    }

    /// Enlarges a picture; `look` is told the share of the work that is done, and stops it by
    /// false.
    ///
    /// # Errors
    /// As [`check`](Self::check); a result that is not finite; that it was stopped.
    pub fn enlarge(
        &self,
        picture: &RgbImage,
        look: &mut dyn FnMut(f64) -> bool,
    ) -> Result<RgbImage, Error> {
        Ok(self.upscaler.enlarge(picture, &self.settings, look)?)
    }

    /// The same with transparency and colour profile.
    ///
    /// # Errors
    /// As [`enlarge`](Self::enlarge).
    pub fn enlarge_with_alpha(
        &self,
        picture: &PictureWithAlpha,
        look: &mut dyn FnMut(f64) -> bool,
    ) -> Result<PictureWithAlpha, Error> {
        let upscaler = &self.upscaler;
        Ok(upscaler.enlarge_with_alpha(picture, &self.settings, look)?)
    }

    /// The record of a picture that is enlarged from a file with that digest.
    pub(crate) fn enlarged(&self, file: &Path, sha256: String) -> EnlargedRecord {
        let made = read_text(file, KEYWORD).ok();
        EnlargedRecord {
            version: env!("CARGO_PKG_VERSION").into(),
            enlarged: absolute(file),
            enlarged_sha256: sha256,
            upscale: self.record(),
            precision: self.dtype,
            device: self.device.clone(),
            made: made.and_then(|text| serde_json::from_str(&text).ok()),
        }
    }
}

/// The built-in model of that name, `built-in:` before it or not.
fn built_in(model: &Path) -> Option<(&'static str, &'static [u8])> {
    #[cfg(feature = "mini")]
    {
        use flowinone_mini_upscale::{MODEL, NAME};
        let name = model.to_str()?;
        let own = name == NAME || (Some(name) == NAME.strip_prefix("built-in:") && !model.exists());
        own.then_some((NAME, MODEL))
    }
    #[cfg(not(feature = "mini"))]
    {
        let _ = model;
        None
    }
}

/// What to do about a model that is not there.
fn not_there(model: &Path) -> String {
    let name = model.to_string_lossy();
    if let Some(known) = KNOWN.iter().find(|known| known.name == name) {
        return format!(
            "the model {name} is not built in: download {} ({} bytes, SHA-256 {}..) from the releases of https://github.com/xinntao/Real-ESRGAN and name the file",
            known.file, known.bytes, known.sha256
        );
    }
    let names: Vec<&str> = KNOWN.iter().map(|known| known.name).collect();
    format!(
        "there is no upscaling model {name}: name a .pth or .safetensors file, or one of {}",
        names.join(", ")
    )
}

/// How a picture that lay in a file was enlarged; the record of such a picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EnlargedRecord {
    /// Version of the program.
    pub version: String,
    /// The file that was enlarged.
    #[serde(serialize_with = "as_seen")]
    pub enlarged: PathBuf,
    /// SHA-256 of that file.
    pub enlarged_sha256: String,
    /// How.
    pub upscale: UpscaleRecord,
    /// What the network multiplied with.
    pub precision: Dtype,
    /// The device that computed it.
    pub device: String,
    /// The record that the file carried: how the small picture was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<serde_json::Value>,
}

impl EnlargedRecord {
    /// Whether the two describe the same picture, wherever the files lie, whichever program
    /// version and device.
    pub fn same_picture(&self, other: &Self) -> bool {
        let of = |record: &Self| {
            let digest = record.enlarged_sha256.clone();
            (digest, record.upscale.anywhere(), record.precision)
        };
        of(self) == of(other)
    }
}

/// Writes a picture with its record as a PNG; the file appears under its name only when complete.
///
/// # Errors
/// Names the file that cannot be written.
pub fn write_enlarged(
    path: &Path,
    picture: &PictureWithAlpha,
    record: &EnlargedRecord,
) -> Result<(), Error> {
    Ok(write_with_alpha(
        path,
        picture,
        KEYWORD,
        text(path, record)?,
    )?)
}

/// Reads the record of a picture that was enlarged, [`write_enlarged`] having written it.
///
/// # Errors
/// Names the file, and says whether it is no PNG, carries no such record, or a damaged one.
pub fn read_enlarged(path: &Path) -> Result<EnlargedRecord, Error> {
    read(path)
}
