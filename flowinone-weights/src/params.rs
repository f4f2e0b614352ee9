//! The parameters of a module by path, each with the shape that it must have, found by
//! walking the module without initialising anything.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};

use crate::Error;

/// One parameter of a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParamSpec {
    /// Field names and list indices from the module's root, joined by dots.
    pub path: String,
    /// Extents as the module holds them.
    pub shape: Vec<usize>,
    /// How published values are laid out relative to the module's.
    pub layout: Layout,
}

/// How the published form of a parameter differs from the module's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Not at all.
    Same,
    /// A linear weight: published as `[out, in]`, held as `[in, out]`.
    Transposed,
}

impl ParamSpec {
    /// Number of values.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it has no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The shape of the published form.
    pub(crate) fn published_shape(&self) -> Vec<usize> {
        let mut shape = self.shape.clone();
        if self.layout == Layout::Transposed {
            shape.reverse();
        }
        shape
    }
}

/// Lists the float parameters of `module` in the order of its fields.
pub fn param_specs<M: Module>(module: &M) -> Vec<ParamSpec> {
    let mut lister = Lister::default();
    module.visit(&mut lister);
    lister.specs
}

/// Fills every parameter of `module` with what `source` gives for it.
///
/// # Errors
/// The first error of `source`; the module is then dropped.
pub fn fill<M: Module>(
    module: M,
    source: impl FnMut(&ParamSpec) -> Result<TensorData, Error>,
) -> Result<M, Error> {
    let mut filler = Filler {
        place: Place::default(),
        source,
        failure: None,
    };
    let module = module.map(&mut filler);
    match filler.failure {
        Some(error) => Err(error),
        None => Ok(module),
    }
}

/// Hands the values of every float parameter of `module` to `see`, in the order of [`param_specs`].
pub fn values<M: Module>(module: &M, see: impl FnMut(&ParamSpec, TensorData)) {
    let place = Place::default();
    module.visit(&mut Reader { place, see });
}

/// Where a walk over a module tree stands: names for paths, types to recognise linear layers.
#[derive(Default)]
struct Place {
    names: Vec<String>,
    types: Vec<String>,
}

impl Place {
    fn enter(&mut self, name: &str, container: &str) {
        // A variant of an enum is no level of its own in published names.
        if !container.starts_with("Enum:") {
            self.names.push(name.to_string());
        }
        self.types.push(container.to_string());
    }

    fn exit(&mut self) {
        if !self.types.pop().is_some_and(|t| t.starts_with("Enum:")) {
            self.names.pop();
        }
    }

    fn spec(&self, shape: Vec<usize>) -> ParamSpec {
        let linear = self.types.iter().rfind(|t| t.starts_with("Struct:"));
        let weight = self.names.last().is_some_and(|name| name == "weight");
        let transposed = weight && linear.is_some_and(|t| t == "Struct:Linear");
        ParamSpec {
            path: self.names.join("."),
            shape,
            layout: if transposed {
                Layout::Transposed
            } else {
                Layout::Same
            },
        }
    }
}

#[derive(Default)]
struct Lister {
    place: Place,
    specs: Vec<ParamSpec>,
}

impl ModuleVisitor for Lister {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.place.enter(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.place.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let shape = param.lazy_shape().to_vec();
        self.specs.push(self.place.spec(shape));
    }
}

struct Reader<F> {
    place: Place,
    see: F,
}

impl<F: FnMut(&ParamSpec, TensorData)> ModuleVisitor for Reader<F> {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.place.enter(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.place.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let value = param.val();
        let spec = self.place.spec(value.dims().to_vec());
        (self.see)(&spec, value.into_data());
    }
}

struct Filler<F> {
    place: Place,
    source: F,
    failure: Option<Error>,
}

impl<F: FnMut(&ParamSpec) -> Result<TensorData, Error>> ModuleMapper for Filler<F> {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.place.enter(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.place.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if self.failure.is_some() {
            return param;
        }
        let spec = self.place.spec(param.lazy_shape().to_vec());
        match (self.source)(&spec) {
            Ok(data) => {
                let dtype = data.dtype();
                let tensor = Tensor::from_data(data, (&param.lazy_device(), dtype));
                let id = param.id;
                param.transform_for_load(tensor, id)
            }
            Err(error) => {
                self.failure = Some(error);
                param
            }
        }
    }
}
