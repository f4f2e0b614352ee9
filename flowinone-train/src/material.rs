//! From configured data to a mixer of sources, and to examples for judging that are never trained on.

use std::sync::Arc;

use flowinone_data::{Classes, Icons, Mixer, PairConfig, PairSampler, Source, Split, StreamConfig};

use crate::config::Procedural;
use crate::{DataConfig, Error, HeldOut, Kind, RunConfig};

/// The data of a run.
pub struct Material {
    /// Batches for training.
    pub mixer: Mixer,
    /// Examples for judging: those that the configuration names, or else pairs of the same kind as
    /// the first procedural source but from streams of their own; `None` if there are neither, or
    /// none are wanted.
    pub held_out: Option<HeldOut>,
    /// The classes of procedural sources, in alphabetical order.
    pub classes: Vec<String>,
    /// The classes that files are said to show.
    shown: Vec<String>,
}

/// Opens the sources of a run.
///
/// # Errors
/// A source that cannot be opened.
pub fn material(data: &[DataConfig], run: &RunConfig) -> Result<Material, Error> {
    let judged = &run.evaluations;
    let named = judged.source.as_deref().filter(|_| judged.examples > 0);
    let mut held_out = named
        .map(|path| HeldOut::open(path, judged.examples))
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
                if held_out.is_none() && judged.examples > 0 {
                    let config = PairConfig {
                        split: Split::Validation,
                        ..pairs.pairs.clone()
                    };
                    held_out = Some(HeldOut::Pairs(PairSampler::new(icons, config)?));
                }
                Source::procedural(sampler, stream)
            }
        };
        shown.extend_from_slice(&source.classes);
        sources.push((opened, source.weight));
    }
    classes.sort();
    classes.dedup();
    Ok(Material {
        mixer: Mixer::new(sources, run.batch, run.seed)?,
        held_out,
        classes,
        shown,
    })
}

impl Material {
    /// The classes that a model knows after the run, in alphabetical order: those of the data, and
    /// those that it knew `before` if there is no procedural source; none if it was not limited to some.
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
