//! AdamW, and Muon where it is wanted. Weight decay is on matrices and kernels alone; norms, biases
//! and `nodecay_*` are left alone.

use std::path::Path;

use burn::lr_scheduler::LrSchedulerConfig;
use burn::lr_scheduler::module_lr_scheduler::ModuleLrSchedulerConfig;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamGroup, ParamId};
use burn::optim::{AdamWConfig, GradientsParams, ModuleOptimizer, OptimizerRecord};
use burn::tensor::{Bytes, Tensor};
use flowinone_files::sha256_of;
use flowinone_weights::param_specs;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::muon::Muon;

/// Settings of the optimiser.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OptimiserConfig {
    /// Decay rates of the moments.
    pub betas: [f64; 2],
    /// Added to the root of the second moment, so that the step stays finite.
    pub epsilon: f64,
    /// Decoupled weight decay, in units of the learning rate.
    pub weight_decay: f64,
    /// Largest common norm of all gradients; `None` does not clip.
    pub clip: Option<f64>,
    /// Optimiser of the matrices of repeated blocks and of the patch embedding's kernel; all other
    /// parameters are stepped by AdamW.
    pub matrices: Matrices,
}

/// Optimiser of the weight matrices inside repeated blocks and of the patch embedding's kernel.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Matrices {
    /// AdamW, as for all other parameters.
    #[default]
    Adamw,
    /// Muon: orthogonalised momentum, at this multiple of the learning rate. At 1 its steps are as
    /// long as AdamW's usual ones; it learns more from a sample, for somewhat more arithmetic a
    /// step.
    Muon(f64),
}

impl Default for OptimiserConfig {
    /// The reference's.
    fn default() -> Self {
        Self {
            betas: [0.9, 0.9],
            epsilon: 1e-8,
            weight_decay: 0.03,
            clip: Some(1.0),
            matrices: Matrices::Adamw,
        }
    }
}

/// AdamW, or AdamW and Muon, with their moments.
pub struct Optimiser {
    both: ModuleOptimizer,
    /// What Muon steps, and with how many times the learning rate.
    muon: Option<(ParamGroup, f64)>,
}

impl Optimiser {
    /// For a module.
    pub fn new<M: Module>(config: &OptimiserConfig, module: &M) -> Self {
        let adam = |weight_decay: f64| {
            AdamWConfig::new()
                .with_beta_1(config.betas[0] as f32)
                .with_beta_2(config.betas[1] as f32)
                .with_epsilon(config.epsilon as f32)
                .with_weight_decay(weight_decay as f32)
        };
        let mut identities = Identities(vec![]);
        module.visit(&mut identities);
        let (mut spared, mut inner) = (vec![], vec![]);
        for (spec, id) in param_specs(module).into_iter().zip(identities.0) {
            let name = spec.path.rsplit('.').next().unwrap_or_default();
            if spec.shape.len() < 2 || name.starts_with("nodecay_") {
                spared.push(id);
            } else if inner_matrix(&spec.path, &spec.shape) {
                inner.push(id);
            }
        }
        let optimiser = ModuleOptimizer::from(adam(config.weight_decay).build());
        let spared = ParamGroup::from_ids(spared);
        let optimiser = optimiser.with_group(spared, adam(0.0).build(), None);
        match config.matrices {
            Matrices::Adamw => Self {
                both: optimiser,
                muon: None,
            },
            Matrices::Muon(times) => {
                // Its decay is in units of its own rate.
                let muon = Muon::new(config.weight_decay / times);
                let inner = ParamGroup::from_ids(inner);
                Self {
                    both: optimiser.with_group(inner.clone(), muon, None),
                    muon: Some((inner, times)),
                }
            }
        }
    }

    /// One step.
    pub fn step<M: Module>(&mut self, rate: f64, module: M, gradients: GradientsParams) -> M {
        let Some((inner, times)) = &self.muon else {
            return self.both.step(rate, module, gradients);
        };
        let constant = LrSchedulerConfig::Constant;
        let rates = ModuleLrSchedulerConfig::new(constant(rate))
            .with_group(inner.clone(), constant(times * rate))
            .init();
        let rates = rates.expect("constant rates are valid").step();
        self.both.step(rates, module, gradients)
    }

    /// Writes the moments.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        let failed = |e| Error::file(path, format!("cannot be written: {e}"));
        self.both.to_record().save(path).map_err(failed)
    }

    /// Goes on with moments that were written.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn resume(self, path: &Path) -> Result<Self, Error> {
        // Read at once: the file goes when checkpoints are rotated.
        let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
        let record = OptimizerRecord::from_bytes(Bytes::from_bytes_vec(bytes))
            .map_err(|e| Error::file(path, format!("holds no moments of an optimiser: {e}")))?;
        Ok(Self {
            both: self.both.load_record(record),
            muon: self.muon,
        })
    }
}

/// Whether a parameter is a matrix between hidden features: those of repeated blocks, whose paths
/// have an index, and the kernel of the patches, one row for each feature.
fn inner_matrix(path: &str, shape: &[usize]) -> bool {
    let repeated = || path.split('.').any(|part| part.parse::<usize>().is_ok());
    match shape.len() {
        2 => repeated(),
        4 => path.ends_with("patch_embed.proj.weight"),
        _ => false,
    }
}

/// The module with parameters whose identity follows from their path, so that what an optimiser of
/// one process remembers belongs to the same parameters in the next.
pub(crate) fn identified<M: Module>(module: M) -> M {
    let paths = param_specs(&module)
        .into_iter()
        .map(|spec| spec.path)
        .collect();
    module.map(&mut Identify { paths, at: 0 })
}

fn id(path: &str) -> ParamId {
    let digest = sha256_of(path.as_bytes());
    let bits = u64::from_str_radix(&digest[..16], 16);
    ParamId::from(bits.expect("sixteen hexadecimal digits"))
}

/// The identities of a module's parameters, in the order of [`param_specs`].
struct Identities(Vec<ParamId>);

impl ModuleVisitor for Identities {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.push(param.id);
    }
}

struct Identify {
    paths: Vec<String>,
    at: usize,
}

impl ModuleMapper for Identify {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let path = &self.paths[self.at];
        self.at += 1;
        let (_, value, mapper) = param.consume();
        Param::from_mapped_value(id(path), value, mapper)
    }
}
