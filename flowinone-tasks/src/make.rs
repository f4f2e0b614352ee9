//! Making model directories: from published checkpoints, or with random weights. A directory is
//! built under a temporary name and appears whole.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::{Device, FloatDType, TensorData};
use flowinone_encoder::JanusEncoder;
use flowinone_files::AtomicFolder;
use flowinone_flow::FlowNetwork;
use flowinone_vae::Autoencoder;
use flowinone_weights::{
    Checkpoint, Init, ParamSpec, Plan, Saved, fill, param_specs, save, save_module,
};

use crate::config::FORMAT;
use crate::directory::{networks_sha256, write_description};
use crate::manifest::{ComponentRecord, Origin, tensor_type};
use crate::{Component, Dtype, Error, FlowInOne, Manifest, ModelConfig, ModelDirectory, Pipeline};

/// The published files that make up a model.
#[derive(Debug, Clone)]
pub struct Sources {
    /// The FlowInOne checkpoint: source encoder and velocity network.
    pub flow: PathBuf,
    /// The Stable Diffusion autoencoder, under its original or its diffusers names.
    pub vae: PathBuf,
    /// A Janus-Pro checkpoint, whole or its vision part.
    pub encoder: PathBuf,
}

/// What became of a component.
#[derive(Debug, Clone)]
pub struct Report {
    /// The component.
    pub component: Component,
    /// Parameters (tensors) written.
    pub tensors: usize,
    /// Numbers in them.
    pub values: usize,
    /// Names in the checkpoint that the model does not use.
    pub unused: Vec<String>,
}

/// Writes a model directory at `target` from published checkpoints.
///
/// # Errors
/// Every missing, misshapen or unknown name of a checkpoint (unknown ones unless allowed), a
/// damaged file, a target that exists, or weights of 8 bits.
pub fn convert(
    sources: &Sources,
    config: &ModelConfig,
    dtype: Dtype,
    allow_unknown: bool,
    target: &Path,
    device: &Device,
    mut report: impl FnMut(&Report),
) -> Result<ModelDirectory, Error> {
    let mut build = Build::new(config, dtype, target)?;
    let levels = config.vae.multipliers.len();
    let vae_key = |key: &str| flowinone_vae::map_key(key, levels);
    // All files are matched before the first value is read: a wrong name is told at once.
    let encoder = Plan::new(
        &config.encoder.init(device),
        &Checkpoint::open(&sources.encoder)?,
        flowinone_encoder::map_key,
        allow_unknown,
    )?;
    let vae = Plan::new(
        &config.vae.init(device),
        &Checkpoint::open(&sources.vae)?,
        vae_key,
        allow_unknown,
    )?;
    let flow = Plan::new(
        &config.flow.init(device),
        &Checkpoint::open(&sources.flow)?,
        flowinone_flow::map_key,
        allow_unknown,
    )?;
    for (component, plan) in [
        (Component::Encoder, encoder),
        (Component::Vae, vae),
        (Component::Flow, flow),
    ] {
        report(&build.convert(component, &plan)?);
    }
    build.finish()
}

/// Writes a model directory at `target` with random weights of realistic scale.
///
/// # Errors
/// A target that exists or cannot be written, or weights of 8 bits.
pub fn init(
    config: &ModelConfig,
    seed: u64,
    dtype: Dtype,
    target: &Path,
    device: &Device,
    mut report: impl FnMut(&Report),
) -> Result<ModelDirectory, Error> {
    let config = ModelConfig {
        trained: false,
        ..config.clone()
    };
    let mut build = Build::new(&config, dtype, target)?;
    let encoder = config.encoder.init(device);
    report(&build.random(Component::Encoder, &encoder, Init::by_fan_in, seed)?);
    let vae = config.vae.init(device);
    report(&build.random(Component::Vae, &vae, Init::by_fan_in, seed)?);
    let flow = config.flow.init(device);
    report(&build.random(Component::Flow, &flow, flowinone_flow::default_init, seed)?);
    build.finish()
}

/// The three networks of a model.
#[derive(Debug, Clone, Copy)]
pub struct Networks<'a> {
    /// Vision tower and aligner.
    pub encoder: &'a JanusEncoder,
    /// Autoencoder.
    pub vae: &'a Autoencoder,
    /// Source encoder and velocity network.
    pub flow: &'a FlowNetwork,
}

/// Writes a model directory at `target` from networks in memory, after `steps` steps of training.
///
/// # Errors
/// A target that exists or cannot be written, weights that are not finite in that type, or
/// networks that are not the configuration's or were packed, which leaves them without parameters.
pub fn assemble(
    networks: Networks<'_>,
    config: &ModelConfig,
    steps: u64,
    dtype: Dtype,
    target: &Path,
) -> Result<ModelDirectory, Error> {
    let mut build = Build::new(config, dtype, target)?;
    let Networks { encoder, vae, flow } = networks;
    // Nothing is allocated for them: parameters are only listed.
    let device = vae.devices().remove(0); // it is never packed
    whole(Component::Encoder, encoder, &config.encoder.init(&device))?;
    whole(Component::Vae, vae, &config.vae.init(&device))?;
    whole(Component::Flow, flow, &config.flow.init(&device))?;
    build.held(Component::Encoder, encoder, steps)?;
    build.held(Component::Vae, vae, steps)?;
    build.held(Component::Flow, flow, steps)?;
    build.finish()
}

/// Writes a model directory at `target` with the weights of `model` as they are with its adapters,
/// tensor by tensor.
///
/// # Errors
/// A damaged file, values that are not finite in that type, or a target that exists or cannot be
/// written.
pub fn merge(
    model: &ModelDirectory,
    dtype: Dtype,
    target: &Path,
    device: &Device,
) -> Result<ModelDirectory, Error> {
    let config = model.config();
    let mut build = Build::new(config, dtype, target)?;
    model.verify()?;
    build.merge(Component::Encoder, &config.encoder.init(device), model)?;
    build.merge(Component::Vae, &config.vae.init(device), model)?;
    build.merge(Component::Flow, &config.flow.init(device), model)?;
    build.finish()
}

/// Refuses a network that lacks parameters.
fn whole<M: Module>(component: Component, network: &M, expected: &M) -> Result<(), Error> {
    let (has, should) = (param_specs(network), param_specs(expected));
    let same = |(a, b): (&ParamSpec, &ParamSpec)| a.path == b.path && a.shape == b.shape;
    if has.len() == should.len() && has.iter().zip(&should).all(same) {
        return Ok(());
    }
    Err(Error::Settings(format!(
        "the {component} has {} of the {} parameters of its configuration, or other ones: a packed model cannot be saved; load it with ModelDirectory::load",
        has.len(),
        should.len()
    )))
}

/// A model with random weights, in memory only.
///
/// # Errors
/// A configuration whose parts do not fit, or weights of 8 bits.
pub fn untrained(
    config: &ModelConfig,
    seed: u64,
    device: &Device,
    dtype: Dtype,
) -> Result<FlowInOne, Error> {
    config
        .validate()
        .map_err(|reason| Error::Settings(format!("configuration {}: {reason}", config.name)))?;
    let dtype = tensor_type(dtype)?;
    let draw = |scale: fn(&str, &[usize]) -> Init| {
        move |param: &ParamSpec| Ok(scale(&param.path, &param.shape).draw(param, seed, dtype))
    };
    Ok(Pipeline::new(
        fill(config.encoder.init(device), draw(Init::by_fan_in))?,
        fill(config.vae.init(device), draw(Init::by_fan_in))?,
        fill(config.flow.init(device), draw(flowinone_flow::default_init))?,
        config.picture_side,
        device,
        dtype,
    ))
}

/// A directory in the making.
struct Build {
    config: ModelConfig,
    dtype: Dtype,
    tensors: FloatDType,
    target: PathBuf,
    folder: AtomicFolder,
    components: BTreeMap<Component, ComponentRecord>,
}

impl Build {
    fn new(config: &ModelConfig, dtype: Dtype, target: &Path) -> Result<Self, Error> {
        config.validate().map_err(|reason| {
            Error::Settings(format!("configuration {}: {reason}", config.name))
        })?;
        let tensors = tensor_type(dtype)?;
        let folder = AtomicFolder::create(target).map_err(|source| match source.kind() {
            std::io::ErrorKind::AlreadyExists => Error::directory(
                target,
                "it exists already; choose another name or remove it first",
            ),
            _ => flowinone_files::Error::of("write", target)(source).into(),
        })?;
        Ok(Self {
            config: config.clone(),
            dtype,
            tensors,
            target: target.to_path_buf(),
            folder,
            components: BTreeMap::new(),
        })
    }

    fn convert(&mut self, component: Component, plan: &Plan) -> Result<Report, Error> {
        let name = |param: &ParamSpec| {
            let published = plan.source_name(param)?;
            Some((param.path.clone(), published.to_string()))
        };
        let file = plan.path().file_name().unwrap_or_default();
        let source = Origin::Checkpoint {
            file: file.to_string_lossy().into_owned(),
            names: plan.params().iter().filter_map(name).collect(),
        };
        let dtype = self.tensors;
        let read = |param: &ParamSpec| plan.read(param, dtype);
        let mut report = self.write(component, plan.params(), source, read)?;
        report.unused = plan.unused().to_vec();
        Ok(report)
    }

    fn random<M: Module>(
        &mut self,
        component: Component,
        module: &M,
        scale: fn(&str, &[usize]) -> Init,
        seed: u64,
    ) -> Result<Report, Error> {
        let dtype = self.tensors;
        let draw =
            |param: &ParamSpec| Ok(scale(&param.path, &param.shape).draw(param, seed, dtype));
        self.write(
            component,
            &param_specs(module),
            Origin::Random { seed },
            draw,
        )
    }

    fn merge<M: Module>(
        &mut self,
        component: Component,
        module: &M,
        model: &ModelDirectory,
    ) -> Result<(), Error> {
        let source = match component {
            Component::Flow => Origin::Merged {
                base: model.base_digest(),
                adapters: model
                    .adapters()
                    .iter()
                    .map(|(adapter, weight)| (adapter.sha256().into(), weight))
                    .collect(),
            },
            _ => model.manifest().components[&component].source.clone(),
        };
        let read = model.reader(component, module, self.tensors)?;
        self.write(component, &param_specs(module), source, read)?;
        Ok(())
    }

    fn held<M: Module>(
        &mut self,
        component: Component,
        module: &M,
        steps: u64,
    ) -> Result<(), Error> {
        let path = self.folder.path().join(component.file());
        let saved = save_module(&path, module, self.tensors)?;
        self.record(component, saved, Origin::Trained { steps });
        Ok(())
    }

    fn record(&mut self, component: Component, saved: Saved, source: Origin) {
        let record = ComponentRecord {
            precision: self.dtype,
            sha256: saved.sha256,
            bytes: saved.bytes,
            source,
        };
        self.components.insert(component, record);
    }

    fn write(
        &mut self,
        component: Component,
        params: &[ParamSpec],
        source: Origin,
        read: impl FnMut(&ParamSpec) -> Result<TensorData, flowinone_weights::Error>,
    ) -> Result<Report, Error> {
        let path = self.folder.path().join(component.file());
        let saved = save(&path, params, self.tensors, read)?;
        self.record(component, saved, source);
        Ok(Report {
            component,
            tensors: params.len(),
            values: params.iter().map(ParamSpec::len).sum(),
            unused: vec![],
        })
    }

    fn finish(self) -> Result<ModelDirectory, Error> {
        let manifest = Manifest {
            format: FORMAT,
            created_by: concat!("flowinone ", env!("CARGO_PKG_VERSION")).into(),
            networks_sha256: networks_sha256(&self.config),
            components: self.components,
        };
        write_description(self.folder.path(), &self.config, &manifest)?;
        let fail = flowinone_files::Error::of("write", &self.target);
        self.folder.commit().map_err(fail)?;
        ModelDirectory::open(self.target)
    }
}
