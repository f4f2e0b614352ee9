//! A model directory: `config.json`, `manifest.json` and one safetensors file a component. What
//! it says about itself is checked against what it holds before a picture is made.

use std::path::{Path, PathBuf};
use std::thread;

use burn::module::Module;
use burn::tensor::{Device, FloatDType, TensorData};
use flowinone_files::{sha256_of, text_of, write_atomically};
use flowinone_kernels::packs;
use flowinone_lora::{Adapter, Adapters, Choice, Layers};
use flowinone_weights::{ParamSpec, Plan, fill};
use serde::de::DeserializeOwned;

use crate::config::FORMAT;
use crate::files::Files;
use crate::manifest::tensor_type;
use crate::models_folder::{is_name, models_folder, named_model};
use crate::{
    Component, Dtype, Error, FlowInOne, Manifest, ModelConfig, Origin, Pipeline, Provenance,
    Settings, Student,
};

const CONFIG: &str = "config.json";
const MANIFEST: &str = "manifest.json";
/// Longest accepted `config.json` or `manifest.json`, in bytes.
const MAX_JSON: u64 = 16 << 20;

/// An opened model directory; weights are still on disk.
#[derive(Debug, Clone)]
pub struct ModelDirectory {
    files: Files,
    config: ModelConfig,
    manifest: Manifest,
    adapters: Adapters,
}

impl ModelDirectory {
    /// Opens a directory that `convert` or `init` wrote and checks configuration, manifest and the
    /// sizes of its files.
    ///
    /// # Errors
    /// Names the file that is missing, damaged, of another version, or does not match.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, Error> {
        let path = path.into();
        if !path.is_dir() {
            let named = match models_folder().filter(|_| is_name(&path)) {
                Some(folder) => format!(", and no model of that name in {}", folder.display()),
                None => String::new(),
            };
            return Err(Error::directory(
                &path,
                format!(
                    "there is no such directory{named}; `flowinone models` lists what is there, `flowinone pull` fetches the published model, `flowinone convert` makes a directory from published weights, `flowinone init` one with random weights"
                ),
            ));
        }
        Self::of(Files::Directory(path))
    }

    /// Opens a model directory, by its path or by its name in the [models
    /// folder](crate::models_folder()), or with the feature `mini` the built-in model by its name
    /// `built-in:mini`. A path that is there comes first.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn named(model: impl AsRef<Path>) -> Result<Self, Error> {
        #[cfg(feature = "mini")]
        if model.as_ref() == Path::new(flowinone_mini::NAME) {
            return Self::held(flowinone_mini::NAME, flowinone_mini::FILES);
        }
        let model = model.as_ref();
        match named_model(model) {
            Some(path) if !model.is_dir() => Self::open(path),
            _ => Self::open(model),
        }
    }

    /// Opens a model whose files lie in memory, as those of a model that is part of the program;
    /// `name` is what errors and records call it.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn held(
        name: &'static str,
        files: &'static [(&'static str, &'static [u8])],
    ) -> Result<Self, Error> {
        Self::of(Files::Held { name, files })
    }

    fn of(files: Files) -> Result<Self, Error> {
        let config: ModelConfig = json_of(&files, CONFIG)?;
        config
            .validate()
            .map_err(|reason| Error::directory(&files.path().join(CONFIG), reason))?;
        let manifest: Manifest = json_of(&files, MANIFEST)?;
        let directory = Self {
            files,
            config,
            manifest,
            adapters: Adapters::default(),
        };
        directory.check_manifest()?;
        Ok(directory)
    }

    /// The directory itself, or the name of a model that lies in memory.
    pub fn path(&self) -> &Path {
        self.files.path()
    }

    /// Its configuration.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Its manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The same model with adapters, which are added to its weights whenever these are read. With
    /// the adapter of a distilled student the model is that student.
    ///
    /// # Errors
    /// An adapter that cannot be read or does not fit the flow; a student at another weight than 1,
    /// or two of them.
    pub fn adapted(self, choices: &[Choice], device: &Device) -> Result<Self, Error> {
        let layers = Layers::of(&self.config.flow, device);
        let open = |choice: &Choice| Ok((Adapter::open(&choice.path, &layers)?, choice.weight));
        let adapters: Result<Vec<_>, Error> = choices.iter().map(open).collect();
        let adapters = Adapters::new(adapters?);
        let config = self.with_student(&adapters)?;
        Ok(Self {
            adapters,
            config,
            ..self
        })
    }

    /// The configuration with the student among `adapters`, if there is one.
    fn with_student(&self, adapters: &Adapters) -> Result<ModelConfig, Error> {
        let mut config = self.config.clone();
        let mut students = 0;
        for (adapter, weight) in adapters.iter() {
            let Some(student) = adapter.student() else {
                continue;
            };
            let refused = |reason: String| {
                let path = adapter.path().display();
                Error::Settings(format!(
                    "adapter {path} is of a distilled student: {reason}"
                ))
            };
            students += 1;
            if weight != 1.0 {
                return Err(refused(format!(
                    "at weight {weight} it is neither student nor teacher; leave the weight out"
                )));
            }
            if students > 1 || config.flow.two_times.is_some() {
                return Err(refused(
                    "the model is one already; use it with the model that it was trained on".into(),
                ));
            }
            let student: Student = serde_json::from_value(student.clone())
                .map_err(|e| refused(format!("its description is damaged: {e}")))?;
            config = student.of(&config).map_err(refused)?;
        }
        Ok(config)
    }

    /// What is added to the weights.
    pub fn adapters(&self) -> &Adapters {
        &self.adapters
    }

    /// Name, components with their sources, what the model knows, and configuration, in words for
    /// people.
    pub fn description(&self) -> String {
        let config = &self.config;
        let state = match config.trained {
            true => "trained",
            false => "untrained",
        };
        let mut text = format!("{} ({state})\n", config.name);
        if let Some(distilled) = &config.distilled {
            text += &format!(
                "distilled at guidance {} from the model {}: {}\n",
                distilled.guidance, distilled.teacher, config.sampling
            );
        }
        for (component, record) in &self.manifest.components {
            let source = match &record.source {
                Origin::Checkpoint { file, names } => format!("{} tensors of {file}", names.len()),
                Origin::Trained { steps } => format!("trained for {steps} steps"),
                Origin::Random { seed } => format!("random, seed {seed}"),
                Origin::Merged { base, adapters } => {
                    format!("the model {base} with {} adapters", adapters.len())
                }
            };
            text += &format!(
                "{component}\t{}\t{} bytes\t{source}\tsha256 {}\n",
                record.precision, record.bytes, record.sha256
            );
        }
        let provenance = Provenance::read(self.path()).unwrap_or_default();
        for file in &provenance.files {
            text += &format!("from {file}\n");
        }
        for licence in &provenance.licences {
            let address = licence.address.as_deref().unwrap_or_default();
            text += &format!("licence {} {address}\n", licence.name);
        }
        text + &config.prompts.vocabulary() + &String::from_utf8_lossy(&json(config))
    }

    /// One digest over networks, weights and adapters: two models with the same digest are the
    /// same.
    pub fn digest(&self) -> String {
        self.adapters.digest(&self.base_digest())
    }

    /// The same without adapters.
    pub fn base_digest(&self) -> String {
        let parts = self.manifest.components.values();
        let weights: Vec<&str> = parts.map(|part| part.sha256.as_str()).collect();
        sha256_of(format!("{} {}", self.manifest.networks_sha256, weights.join(" ")).as_bytes())
    }

    /// Reads every file of weights and compares its SHA-256 with the manifest.
    ///
    /// # Errors
    /// Names the first file that differs.
    pub fn verify(&self) -> Result<(), Error> {
        Component::ALL
            .into_iter()
            .try_for_each(|component| self.verify_component(component))
    }

    /// Stores a fast setting in `config.json`, which is replaced whole or not at all. Weights,
    /// manifest and digest stay as they are.
    ///
    /// # Errors
    /// A setting that makes no sense, a model that lies in memory, or a file that cannot be
    /// written.
    pub fn store_fast(&mut self, fast: Settings) -> Result<(), Error> {
        fast.validate()?;
        self.config.check(&fast)?;
        let Files::Directory(path) = &self.files else {
            return Err(Error::directory(
                self.path(),
                "it is part of the program and cannot be changed; use a model directory",
            ));
        };
        let config = ModelConfig {
            fast: Some(fast),
            // As the file has it now, which someone may have edited.
            ..json_of(&self.files, CONFIG)?
        };
        write_atomically(path.join(CONFIG), &json(&config))?;
        self.config = config;
        Ok(())
    }

    /// Loads the model onto `device` with weights of the given type, to train, to save or to
    /// compute with.
    ///
    /// Every file is also compared with its digest, on a second thread. One tensor is in memory
    /// besides the model, so that the peak stays near the weights' own size.
    ///
    /// # Errors
    /// Names the file or tensor that is damaged or does not fit the configuration; and for int8,
    /// which [`prepare`](Self::prepare) packs weights into.
    pub fn load(&self, device: &Device, dtype: Dtype) -> Result<FlowInOne, Error> {
        self.networks(device, tensor_type(dtype)?, None)
    }

    /// Loads the model onto `device` to make pictures only: on the CPU each linear layer is packed
    /// for the kernels as soon as it is read, whatever type is stored, and never there twice.
    ///
    /// # Errors
    /// As [`load`](Self::load), or [`Error::Settings`] if the device cannot compute so.
    pub fn prepare(&self, device: &Device, dtype: Dtype) -> Result<FlowInOne, Error> {
        check(dtype, device)?;
        match dtype.is_packed_on(device) {
            true => self.networks(device, FloatDType::F32, Some(dtype)),
            false => self.load(device, dtype),
        }
    }

    fn networks(
        &self,
        device: &Device,
        dtype: FloatDType,
        packing: Option<Dtype>,
    ) -> Result<FlowInOne, Error> {
        let config = &self.config;
        let (mut encoder, mut flow) = (config.encoder.init(device), config.flow.init(device));
        let mut vae = config.vae.init(device);
        if let Some(packing) = packing {
            (encoder, flow) = (encoder.packed(packing), flow.packed(packing));
            vae = vae.in_precision(packing);
        }
        thread::scope(|scope| {
            let verified = scope.spawn(|| self.verify());
            let encoder = self.fill(Component::Encoder, encoder, dtype)?;
            let vae = self.fill(Component::Vae, vae, dtype)?;
            let flow = self.fill(Component::Flow, flow, dtype)?;
            match verified.join() {
                Ok(result) => result?,
                Err(panic) => std::panic::resume_unwind(panic),
            }
            Ok(Pipeline::new(
                encoder,
                vae,
                flow,
                config.picture_side,
                device,
                dtype,
            ))
        })
    }

    fn fill<M: Module>(
        &self,
        component: Component,
        module: M,
        dtype: FloatDType,
    ) -> Result<M, Error> {
        let read = self.reader(component, &module, dtype)?;
        Ok(fill(module, read)?)
    }

    /// What reads the values of the parameters of a component, adapters added.
    pub(crate) fn reader<'a, M: Module>(
        &'a self,
        component: Component,
        module: &M,
        dtype: FloatDType,
    ) -> Result<
        impl Fn(&ParamSpec) -> Result<TensorData, flowinone_weights::Error> + use<'a, M>,
        Error,
    > {
        let plan = Plan::saved(module, &self.files.weights(&component.file())?)?;
        Ok(move |param: &ParamSpec| {
            let layer = param.path.strip_suffix(".weight");
            let changed =
                layer.filter(|layer| component == Component::Flow && self.adapters.change(layer));
            match changed {
                Some(layer) => {
                    plan.read_changed(param, dtype, |values| self.adapters.add(layer, values))
                }
                None => plan.read(param, dtype),
            }
        })
    }

    fn verify_component(&self, component: Component) -> Result<(), Error> {
        if self.files.sha256(&component.file())? == self.manifest.components[&component].sha256 {
            return Ok(());
        }
        Err(Error::directory(
            &self.path().join(component.file()),
            "its SHA-256 is not the one in manifest.json: the file is damaged or was replaced; convert it again",
        ))
    }

    fn check_manifest(&self) -> Result<(), Error> {
        let bad = |reason: String| Err(Error::directory(&self.path().join(MANIFEST), reason));
        if self.manifest.format != FORMAT {
            return bad(format!(
                "format {} is not the {FORMAT} that this version reads",
                self.manifest.format
            ));
        }
        if self.manifest.networks_sha256 != networks_sha256(&self.config) {
            return bad(
                "config.json describes other networks than these weights were written for; its encoder, vae, flow and picture_side must stay as they were".into(),
            );
        }
        for component in Component::ALL {
            let Some(record) = self.manifest.components.get(&component) else {
                return bad(format!("it has no entry for {component}"));
            };
            let size = self.files.size(&component.file())?;
            if size != record.bytes {
                let reason = format!(
                    "it has {size} bytes instead of {}: truncated or replaced; convert it again",
                    record.bytes
                );
                return Err(Error::directory(
                    &self.path().join(component.file()),
                    reason,
                ));
            }
        }
        Ok(())
    }
}

/// Whether a device can compute in that type.
///
/// # Errors
/// [`Error::Settings`] for 8 bits on anything but the CPU.
pub(crate) fn check(dtype: Dtype, device: &Device) -> Result<(), Error> {
    match dtype == Dtype::Int8 && !packs(device) {
        true => Err(Error::Settings(
            "int8 is for the CPU; choose f16 or bf16 on this device, or the CPU".into(),
        )),
        false => Ok(()),
    }
}

/// Writes `config.json` and `manifest.json` into a directory that is being made.
pub(crate) fn write_description(
    path: &Path,
    config: &ModelConfig,
    manifest: &Manifest,
) -> Result<(), Error> {
    write_atomically(path.join(CONFIG), &json(config))?;
    Ok(write_atomically(path.join(MANIFEST), &json(manifest))?)
}

/// Reads a configuration that stands alone, for a model of other widths.
///
/// # Errors
/// Names the file and what is wrong with it.
pub fn read_config(path: &Path) -> Result<ModelConfig, Error> {
    let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let config: ModelConfig = json_of(&Files::Directory(folder), &name)?;
    config
        .validate()
        .map_err(|reason| Error::directory(path, reason))?;
    Ok(config)
}

/// SHA-256 of what the weights must match: the networks and the side of the pictures.
pub(crate) fn networks_sha256(config: &ModelConfig) -> String {
    let networks = (
        &config.encoder,
        &config.vae,
        &config.flow,
        config.picture_side,
    );
    sha256_of(&json(&networks))
}

fn json(value: &impl serde::Serialize) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(value).expect("plain data");
    text.push(b'\n');
    text
}

fn json_of<T: DeserializeOwned>(files: &Files, name: &str) -> Result<T, Error> {
    let bad = |reason: String| Error::directory(&files.path().join(name), reason);
    let size = files.size(name)?;
    if size > MAX_JSON {
        return Err(bad(format!("{size} bytes are too many")));
    }
    let text = text_of(files.read(name)?.into_owned()).map_err(&bad)?;
    serde_json::from_str(&text).map_err(|e| bad(format!("damaged: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_that_was_written_is_read_as_the_same() {
        let mut scale = 0.151_234_567_891_234_5_f64;
        for _ in 0..2000 {
            scale = scale.next_up() * 1.000_731;
            let mut config = ModelConfig::mini();
            config.vae.scale = scale;
            let read: ModelConfig = serde_json::from_slice(&json(&config)).unwrap();
            assert_eq!(networks_sha256(&read), networks_sha256(&config), "{scale}");
        }
    }
}
