//! A session: one model, opened and verified once, on one device. Every front end (program, server,
//! notebook) makes its pictures through one.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use flowinone_files::absolute;
use flowinone_image::Profiles;
use flowinone_lora::Choice;
use flowinone_prompts::{Prompt, PromptStyle};

use crate::device::NamedDevice;
use crate::directory::check;
use crate::{
    AdapterRecord, Dtype, Error, FlowInOne, Input, Job, ModelConfig, ModelDirectory, Record,
    Routing, Settings, Source, Upscaling,
};

/// A model on a device; its weights are loaded when they are first needed.
#[derive(Debug)]
pub struct Session {
    directory: ModelDirectory,
    digest: String,
    device: NamedDevice,
    dtype: Dtype,
    networks: OnceLock<FlowInOne>,
    upscaling: Option<Upscaling>,
}

impl Session {
    /// Opens a model by its directory or its name, as [`ModelDirectory::named`] does. Everything
    /// but the weights is read and checked here.
    ///
    /// # Errors
    /// Names the file that is missing, damaged, of another version, or does not match; a device
    /// that does not compute in `dtype`.
    pub fn open(
        model: impl AsRef<Path>,
        device: &NamedDevice,
        dtype: Dtype,
    ) -> Result<Self, Error> {
        Self::of(ModelDirectory::named(model)?, device, dtype)
    }

    /// The same of a model with adapters, which are added to its weights.
    ///
    /// # Errors
    /// As [`open`](Self::open); an adapter that cannot be read or does not fit the flow.
    pub fn adapted(
        model: impl AsRef<Path>,
        adapters: &[Choice],
        device: &NamedDevice,
        dtype: Dtype,
    ) -> Result<Self, Error> {
        let directory = ModelDirectory::named(model)?;
        Self::of(directory.adapted(adapters, &device.device)?, device, dtype)
    }

    /// A session of an opened model directory.
    ///
    /// # Errors
    /// A device that does not compute in `dtype`.
    pub fn of(
        directory: ModelDirectory,
        device: &NamedDevice,
        dtype: Dtype,
    ) -> Result<Self, Error> {
        check(dtype, &device.device)?;
        Ok(Self {
            digest: directory.digest(),
            directory,
            device: device.clone(),
            dtype,
            networks: OnceLock::new(),
            upscaling: None,
        })
    }

    /// The same whose finished pictures are enlarged; their records say how.
    ///
    /// # Errors
    /// Pictures that would become too large, or take more memory than there is.
    pub fn upscaled(self, upscaling: Upscaling) -> Result<Self, Error> {
        let side = self.config().picture_side as u32;
        upscaling.check([side; 2])?;
        Ok(Self {
            upscaling: Some(upscaling),
            ..self
        })
    }

    /// What enlarges the finished pictures, if anything does.
    pub fn upscaling(&self) -> Option<&Upscaling> {
        self.upscaling.as_ref()
    }

    /// What the model is made of, its defaults of sampling among it.
    pub fn config(&self) -> &ModelConfig {
        self.directory.config()
    }

    /// The model directory.
    pub fn directory(&self) -> &ModelDirectory {
        &self.directory
    }

    /// The device that computes.
    pub fn device(&self) -> &NamedDevice {
        &self.device
    }

    /// What the networks multiply with.
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// One digest over networks and weights.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// How the model wants its prompts, and what it knows.
    pub fn style(&self) -> &PromptStyle {
        &self.config().prompts
    }

    /// A job of a prompt, drawn as the model wants it: what was left as it comes follows the model,
    /// what was chosen stays.
    pub fn job(&self, prompt: impl Into<Prompt>) -> Job {
        let style = self.style();
        Job {
            source: Source::Prompt {
                prompt: Box::new(style.applied(prompt.into())),
                side: style.side,
            },
            seed: 0,
            number: 0,
            profiles: Profiles::Convert,
        }
    }

    /// The networks; the first call loads them.
    ///
    /// # Errors
    /// Names the file or tensor that is damaged or does not fit the configuration.
    pub fn networks(&self) -> Result<&FlowInOne, Error> {
        Ok(self.load()?.0)
    }

    /// The networks, and the time that loading them took if that was now.
    pub(crate) fn load(&self) -> Result<(&FlowInOne, Option<Duration>), Error> {
        if let Some(loaded) = self.networks.get() {
            return Ok((loaded, None));
        }
        let begin = Instant::now();
        let loaded = self.directory.prepare(&self.device.device, self.dtype)?;
        Ok((self.networks.get_or_init(|| loaded), Some(begin.elapsed())))
    }

    /// The record of a picture that is to be made.
    pub(crate) fn record(
        &self,
        routing: Routing,
        seed: u64,
        number: u64,
        input: Input,
        settings: &Settings,
    ) -> Record {
        Record {
            version: env!("CARGO_PKG_VERSION").into(),
            input,
            model: self.place(),
            model_digest: self.digest.clone(),
            task: routing.task,
            structure: routing.structure,
            seed,
            item: number,
            settings: *settings,
            preview: None,
            ignore_profiles: false,
            upscale: self.upscaling.as_ref().map(Upscaling::record),
            adapters: self
                .directory
                .adapters()
                .iter()
                .map(AdapterRecord::of)
                .collect(),
            precision: self.dtype,
            device: format!("{} ({})", self.device.choice, self.device.name),
        }
    }

    /// The model's path wherever the program is started, or the name of one in memory.
    fn place(&self) -> PathBuf {
        let path = self.directory.path();
        match path.exists() {
            true => absolute(path),
            false => path.to_path_buf(),
        }
    }
}
