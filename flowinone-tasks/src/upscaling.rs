//! Pictures made larger: which model does it, and how.

use std::path::{Path, PathBuf};

use flowinone_files::absolute;
use flowinone_image::PictureWithAlpha;
use flowinone_upscale::{Error as UpscaleError, KNOWN, Settings, Upscaler};
use image::RgbImage;

use crate::device::NamedDevice;
use crate::{Dtype, Error, UpscaleRecord};

/// A model that enlarges pictures, with the settings that it does so by.
#[derive(Debug)]
pub struct Upscaling {
    upscaler: Upscaler,
    model: PathBuf,
    settings: Settings,
    dtype: Dtype,
    device: String,
}

impl Upscaling {
    /// Opens a model by its file, or with the feature `mini` a built-in one by its name:
    /// `animevideov3`, or `mini-x4`, which is for pictures of the mini model. What is computed in
    /// 16 or 8 bits elsewhere takes bfloat16 on the CPU.
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

    /// What it computes with, and on what: `cpu (2 cores)`, say.
    pub(crate) fn computed(&self) -> (Dtype, &str) {
        (self.dtype, &self.device)
    }
}

/// The built-in model of that name, `built-in:` before it or not.
fn built_in(model: &Path) -> Option<(&'static str, &'static [u8])> {
    #[cfg(feature = "mini")]
    {
        let name = model.to_str()?;
        let is = |known: &str| {
            name == known || (Some(name) == known.strip_prefix("built-in:") && !model.exists())
        };
        let mut models = flowinone_mini_upscale::MODELS.into_iter();
        models.find(|(known, _)| is(known))
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
    #[cfg(feature = "mini")]
    let built_in = flowinone_mini_upscale::MODELS.map(|(name, _)| name);
    #[cfg(not(feature = "mini"))]
    let built_in: [&str; 0] = [];
    let known = KNOWN.iter().map(|known| known.name);
    let names: Vec<&str> = built_in.into_iter().chain(known).collect();
    format!(
        "there is no upscaling model {name}: name a .pth or .safetensors file, or one of {}",
        names.join(", ")
    )
}
