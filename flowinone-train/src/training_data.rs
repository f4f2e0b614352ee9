//! From configured data to a mixer of sources, and to a validation set that is never trained on.

use std::sync::Arc;

use flowinone_data::{Classes, Icons, Mixer, PairConfig, PairSampler, Source, Split, StreamConfig};

use crate::config::Procedural;
use crate::{DataConfig, Error, Kind, RunConfig, ValidationSet};

/// The data of a run.
pub struct TrainingData {
    /// Batches for training.
    pub mixer: Mixer,
    /// Examples for validation: those that the configuration names, or else pairs of the same kind
    /// as the first procedural source but from streams of their own; `None` if there are neither,
    /// or none are wanted.
    pub validation: Option<ValidationSet>,
    /// The classes of procedural sources, in alphabetical order.
    pub classes: Vec<String>,
    /// The classes that files are said to show.
    shown: Vec<String>,
}

impl TrainingData {
    /// Opens the sources of a run.
    ///
    /// # Errors
    /// A source that cannot be opened.
    pub fn open(data: &[DataConfig], run: &RunConfig) -> Result<Self, Error> {
        let wanted = &run.validation;
        let named = wanted.source.as_deref().filter(|_| wanted.examples > 0);
        let mut validation = named
            .map(|path| ValidationSet::open(path, wanted.examples))
            .transpose()?;
        let (mut sources, mut classes, mut shown) = (vec![], vec![], vec![]);
        for source in data {
            let stream = StreamConfig::new(run.seed);
            let opened = match &source.kind {
                Kind::Files(path) => Source::open(path, stream)?,
                Kind::Procedural(pairs) => {
                    let icons = Arc::new(pairs.icons()?);
                    let sampler = PairSampler::new(icons.clone(), pairs.pairs.clone())?;
                    classes.extend(sampler.classes().map(String::from));
                    if validation.is_none() && wanted.examples > 0 {
                        let config = PairConfig {
                            split: Split::Validation,
                            ..pairs.pairs.clone()
                        };
                        validation = Some(ValidationSet::Pairs(PairSampler::new(icons, config)?));
                    }
                    Source::procedural(sampler, stream)
                }
            };
            shown.extend_from_slice(&source.classes);
            sources.push((opened, source.weight));
        }
        classes.sort();
        classes.dedup();
        Ok(Self {
            mixer: Mixer::new(sources, run.batch, run.seed)?,
            validation,
            classes,
            shown,
        })
    }

    /// The classes that a model knows after the run, in alphabetical order: those of the data, and
    /// those that it knew `before` if there is no procedural source. Empty if the data names no
    /// class and `before` is empty: the model is then not limited to certain classes.
    pub fn known(&self, before: &[String]) -> Vec<String> {
        let known = match self.classes.as_slice() {
            [] => before,
            classes => classes,
        };
        if known.is_empty() {
            return vec![];
        }
        let mut known = [known, &self.shown].concat();
        known.sort();
        known.dedup();
        known
    }
}

impl Procedural {
    /// The icons, under all their names.
    fn icons(&self) -> Result<Icons, Error> {
        let mut icons = match self.icons.is_empty() {
            true => Icons::builtin(),
            false => Icons::new(),
        };
        for path in &self.icons {
            icons.open(path)?;
        }
        for (name, icon) in &self.names {
            icons.name(name, icon)?;
        }
        if let Classes::Named(names) = &self.pairs.classes
            && names.is_empty()
        {
            return Err(Error::Config("pairs.classes names no class".into()));
        }
        Ok(icons)
    }
}
