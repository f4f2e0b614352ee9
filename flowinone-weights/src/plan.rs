//! Matching a checkpoint to a module: every parameter gets its entry, every entry its use, before a
//! single value is read. What does not fit is reported at once, all of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::{FloatDType, TensorData};

use crate::arrange::{Unfit, arrange, joined};
use crate::entry::Entry;
use crate::error::Mismatch;
use crate::{Checkpoint, Error, Layout, ParamSpec, fill, param_specs};

/// Most values of a large tensor that are held in the stored type.
const PIECE: usize = 1 << 22;

/// Where a tensor of a checkpoint belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// The parameter at this module path.
    Parameter(String),
    /// Nowhere, on purpose: the model does not need it.
    Unused,
}

/// How to load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadOptions {
    /// Element type of the parameters in memory.
    pub dtype: FloatDType,
    /// Accept tensors that nobody asked for.
    pub allow_unknown: bool,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            dtype: FloatDType::F32,
            allow_unknown: false,
        }
    }
}

/// A checkpoint whose tensors have all been assigned to the parameters of a module.
#[derive(Debug)]
pub struct Plan {
    path: PathBuf,
    params: Vec<ParamSpec>,
    entries: BTreeMap<String, (Layout, Entry)>, // by module path
    unused: Vec<String>,
}

impl Plan {
    /// Assigns the tensors of `checkpoint` to the parameters of `module`; `map_key` says where a
    /// published name belongs.
    ///
    /// If the names do not fit as they are, but all of them do below another (`ema.`,
    /// `state_dict.model.`), those are taken, averaged weights first, and what is next to them is
    /// unused. What `torch.compile` adds to names is taken off.
    ///
    /// A published shape may have extra extents of one at its end (a 1x1 convolution fits a linear
    /// layer). No values are read.
    ///
    /// # Errors
    /// [`Error::Mismatch`] with every missing, misshapen and (unless allowed) unknown name;
    /// [`Error::Format`] for a file that [`save`](crate::save) wrote.
    pub fn new<M: Module>(
        module: &M,
        checkpoint: &Checkpoint,
        map_key: impl Fn(&str) -> Key,
        allow_unknown: bool,
    ) -> Result<Self, Error> {
        if checkpoint.is_own() {
            // Its linear weights are transposed already; square ones would fit unnoticed.
            return Err(Error::format(
                checkpoint.path(),
                "it was written by this program for a model directory and is no published checkpoint",
            ));
        }
        let params = param_specs(module);
        let map_key = |name: &str| map_key(&name.replace(COMPILED, ""));
        let plain = Self::assign(params.clone(), checkpoint, map_key, "", allow_unknown);
        let Err(Error::Mismatch(mismatch)) = plain else {
            return plain;
        };
        let below = prefixes(&params, checkpoint, map_key);
        for (prefix, _) in below.iter().filter(|(_, count)| *count == params.len()) {
            let plan = Self::assign(params.clone(), checkpoint, map_key, prefix, allow_unknown);
            if plan.is_ok() {
                return plan;
            }
        }
        let best = below.into_iter().max_by_key(|(_, count)| *count);
        let hint = best.filter(|(_, count)| *count > mismatch.found);
        Err(Error::Mismatch(Box::new(Mismatch {
            below: hint.map(|(prefix, count)| (prefix, count, params.len())),
            ..*mismatch
        })))
    }

    /// Assigns the tensors of a file that [`save`](crate::save) wrote: module paths as names,
    /// values as the module holds them.
    ///
    /// # Errors
    /// [`Error::Mismatch`] with every missing, misshapen and unknown name; [`Error::Format`] for a
    /// file of another program.
    pub fn saved<M: Module>(module: &M, checkpoint: &Checkpoint) -> Result<Self, Error> {
        if !checkpoint.is_own() {
            return Err(Error::format(
                checkpoint.path(),
                "it is a checkpoint of another program, not a part of a model directory; convert it first",
            ));
        }
        let as_held = |param| ParamSpec {
            layout: Layout::Same,
            ..param
        };
        let params = param_specs(module).into_iter().map(as_held).collect();
        let same_name = |name: &str| Key::Parameter(name.to_string());
        Self::assign(params, checkpoint, same_name, "", false)
    }

    fn assign(
        params: Vec<ParamSpec>,
        checkpoint: &Checkpoint,
        map_key: impl Fn(&str) -> Key,
        prefix: &str,
        allow_unknown: bool,
    ) -> Result<Self, Error> {
        let mut wanted: BTreeMap<&str, &ParamSpec> = params
            .iter()
            .map(|param| (param.path.as_str(), param))
            .collect();
        let mut entries = BTreeMap::new();
        let (mut misshapen, mut unknown, mut unused) = (vec![], vec![], vec![]);
        for entry in checkpoint.entries() {
            // What is next to the wanted names belongs to the optimiser, or another copy of the
            // weights.
            let below = entry.name().strip_prefix(prefix);
            let Key::Parameter(path) = below.map_or(Key::Unused, &map_key) else {
                unused.push(entry.name().to_string());
                continue;
            };
            let Some(param) = wanted.remove(path.as_str()) else {
                unknown.push(entry.name().to_string());
                continue;
            };
            if !fits(entry.shape(), &param.published_shape()) {
                misshapen.push(format!(
                    "{} (expected {:?}, found {:?})",
                    entry.name(),
                    param.published_shape(),
                    entry.shape()
                ));
            } else if !entry.dtype().is_some_and(|dtype| dtype.is_float()) {
                misshapen.push(format!(
                    "{} (expected f32, f16, bf16 or f64, found {})",
                    entry.name(),
                    entry.dtype_name()
                ));
            }
            entries.insert(path, (param.layout, entry.clone()));
        }
        let missing: Vec<String> = wanted.into_keys().map(String::from).collect();
        let excused = allow_unknown || unknown.is_empty();
        if !(missing.is_empty() && misshapen.is_empty() && excused) {
            return Err(Error::Mismatch(Box::new(Mismatch {
                path: checkpoint.path().to_path_buf(),
                missing,
                misshapen,
                unknown: if allow_unknown { vec![] } else { unknown },
                found: entries.len(),
                below: None,
            })));
        }
        unused.extend(unknown);
        Ok(Self {
            path: checkpoint.path().to_path_buf(),
            params,
            entries,
            unused,
        })
    }

    /// The parameters of the module, in its own order.
    pub fn params(&self) -> &[ParamSpec] {
        &self.params
    }

    /// The checkpoint that was matched.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Names in the checkpoint that no parameter uses.
    pub fn unused(&self) -> &[String] {
        &self.unused
    }

    /// The checkpoint's name of the tensor that fills `param`.
    pub fn source_name(&self, param: &ParamSpec) -> Option<&str> {
        self.entries.get(&param.path).map(|(_, entry)| entry.name())
    }

    /// Reads the values for `param`, in its own shape and layout, as `dtype`. A large tensor that
    /// is stored in its layout is never held whole in the stored type.
    ///
    /// # Errors
    /// Names the tensor that cannot be read or is not finite in that type.
    pub fn read(&self, param: &ParamSpec, dtype: FloatDType) -> Result<TensorData, Error> {
        let (layout, entry) = self.entries.get(&param.path).ok_or_else(|| {
            Error::tensor(&self.path, &param.path, "is not a parameter of this model")
        })?;
        let fail = |unfit: Unfit| Error::tensor(entry.file(), entry.name(), unfit);
        if *layout == Layout::Same
            && let Some(pieces) = entry.pieces(PIECE)
        {
            let pieces = pieces.map(|piece| {
                let length = [piece.len()];
                entry.read_part(piece, &length)
            });
            return joined(pieces, &param.shape, dtype)?.map_err(fail);
        }
        arrange(entry.read()?, &param.shape, *layout, dtype).map_err(fail)
    }
}

impl Plan {
    /// The same with the values changed in float32 before they become `dtype`.
    ///
    /// # Errors
    /// As [`read`](Self::read), also of the changed values.
    pub fn read_changed(
        &self,
        param: &ParamSpec,
        dtype: FloatDType,
        change: impl FnOnce(&mut [f32]),
    ) -> Result<TensorData, Error> {
        let fail = |reason: String| Error::tensor(&self.path, &param.path, reason);
        let values = self.read(param, FloatDType::F32)?.try_into_vec::<f32>();
        let mut values = values.map_err(|e| fail(format!("{e:?}")))?;
        change(&mut values);
        let changed = TensorData::new(values, param.shape.clone());
        arrange(changed, &param.shape, Layout::Same, dtype).map_err(|unfit| fail(unfit.to_string()))
    }
}

/// Fills `module` from `checkpoint`; `map_key` says where a published name belongs.
///
/// One tensor is read at a time, so that the peak of memory stays near the size of the weights.
///
/// # Errors
/// As [`Plan::new`] and [`Plan::read`]; the module is then dropped.
pub fn load<M: Module>(
    module: M,
    checkpoint: &Checkpoint,
    map_key: impl Fn(&str) -> Key,
    options: &LoadOptions,
) -> Result<M, Error> {
    let plan = Plan::new(&module, checkpoint, map_key, options.allow_unknown)?;
    fill(module, |param| plan.read(param, options.dtype))
}

/// Fills `module` from a file that [`save`](crate::save) wrote, as `dtype`.
///
/// # Errors
/// As [`Plan::saved`] and [`Plan::read`]; the module is then dropped.
pub fn restore<M: Module>(
    module: M,
    checkpoint: &Checkpoint,
    dtype: FloatDType,
) -> Result<M, Error> {
    let plan = Plan::saved(&module, checkpoint)?;
    fill(module, |param| plan.read(param, dtype))
}

/// What `torch.compile` puts into names.
const COMPILED: &str = "_orig_mod.";

/// Beginnings of names below which parameters lie, with their numbers: averaged weights first, then
/// the shortest.
fn prefixes(
    params: &[ParamSpec],
    checkpoint: &Checkpoint,
    map_key: impl Fn(&str) -> Key,
) -> Vec<(String, usize)> {
    let wanted: BTreeSet<&str> = params.iter().map(|param| param.path.as_str()).collect();
    let mut found: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for entry in checkpoint.entries() {
        let name = entry.name();
        for (dot, _) in name.match_indices('.') {
            let (prefix, rest) = name.split_at(dot + 1);
            if let Key::Parameter(path) = map_key(rest)
                && wanted.contains(path.as_str())
            {
                found.entry(prefix).or_default().insert(path);
            }
        }
    }
    let count = |(prefix, paths): (&str, BTreeSet<String>)| (prefix.to_string(), paths.len());
    let mut all: Vec<(String, usize)> = found.into_iter().map(count).collect();
    all.sort_by_key(|(prefix, _)| (!prefix.contains("ema"), prefix.len()));
    all
}

/// Whether a published shape is the wanted one, give or take extents of one at its end.
fn fits(found: &[usize], wanted: &[usize]) -> bool {
    let (head, tail) = found.split_at(wanted.len().min(found.len()));
    head == wanted && tail.iter().all(|&extent| extent == 1)
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn only_ones_at_the_end_may_differ() {
        assert!(fits(&[8, 4], &[8, 4]) && fits(&[8, 4, 1, 1], &[8, 4]));
        assert!(!fits(&[8], &[8, 1]) && !fits(&[8, 4, 2], &[8, 4]) && !fits(&[4, 8], &[8, 4]));
    }
}
