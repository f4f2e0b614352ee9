//! From configured data to a mixer of sources, and to a validation set that is never trained on.

use std::sync::Arc;

use flowinone_data::{
    Classes, Icons, Language, Mixer, PairConfig, PairSampler, Source, Split, StreamConfig,
    Vocabulary,
};
use flowinone_prompts::PromptStyle;

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
    /// The words and names of sentences that are put as people put them; `None` without such.
    vocabulary: Option<Vocabulary>,
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
        let mut natural = false;
        for source in data {
            let stream = StreamConfig::new(run.seed);
            let opened = match &source.kind {
                Kind::Files(path) => Source::open(path, stream)?,
                Kind::Procedural(pairs) => {
                    let icons = Arc::new(pairs.icons()?);
                    let sampler = PairSampler::new(icons.clone(), pairs.pairs.clone())?;
                    classes.extend(sampler.classes().map(String::from));
                    natural |= pairs.pairs.variety.language == Language::Natural;
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
        let names = || Vocabulary::new(classes.iter().map(String::as_str));
        Ok(Self {
            vocabulary: natural.then(names),
            mixer: Mixer::new(sources, run.batch, run.seed)?,
            validation,
            classes,
            shown,
        })
    }

    /// How prompts of a model look `before` the run, with what it knows after it. Its classes, in
    /// alphabetical order, are those of the data, and those of before if there is no procedural
    /// source; none if the data names no class and there were none before: the model is then not
    /// limited to certain classes. Its words and other names are those of natural sentences, or
    /// those of before.
    pub fn known(&self, before: PromptStyle) -> PromptStyle {
        let mut known = before;
        if !self.classes.is_empty() {
            known.classes = self.classes.clone();
        }
        if !known.classes.is_empty() {
            known.classes.extend_from_slice(&self.shown);
            known.classes.sort();
            known.classes.dedup();
        }
        if let Some(Vocabulary { words, names }) = self.vocabulary.clone() {
            known.words = words;
            known.synonyms = names;
            // The first name of a class is its own.
            known
                .synonyms
                .values_mut()
                .for_each(|names| drop(names.remove(0)));
            known.synonyms.retain(|_, others| !others.is_empty());
        }
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
