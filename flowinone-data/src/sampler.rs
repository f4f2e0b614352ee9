//! An endless sequence of pairs: pair number `index` of a seed is always the same.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use image::RgbImage;
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use serde::{Deserialize, Serialize};

use super::draft::{Draft, Drafter};
use super::draw::{Draw, hash};
use super::split::Traits;
use super::truth::change;
use super::{Axis, Error, Holdout, Icons, Lettering, Split, Truth, Variety, everyday, pair};
use flowinone_prompts::Task;

/// Drafts after which the sampler gives up on a pair.
const MAX_DRAFTS: usize = 20_000;
/// Pairs that are made before the first of them is handed on.
const BATCH: u64 = 64;
/// Fewest classes with which every task can be drawn.
const LEAST_CLASSES: usize = 6;

/// Which icons are used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Classes {
    /// Everyday things with names of one word, as far as a style has them.
    Everyday,
    /// All icons.
    All,
    /// These.
    Named(Vec<String>),
}

/// What pairs are made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PairConfig {
    /// Seed of all random numbers.
    pub seed: u64,
    /// Side of both pictures, in pixels.
    pub side: u32,
    /// The tasks, in turn: pair `index` has task `index mod n`.
    pub tasks: Vec<Task>,
    /// The classes of objects.
    pub classes: Classes,
    /// The styles of icons; all that are loaded if empty.
    pub styles: Vec<String>,
    /// For what the pairs are made.
    pub split: Split,
    /// What is held out.
    pub holdout: Holdout,
    /// How varied the pairs are.
    #[serde(default)]
    pub variety: Variety,
}

impl PairConfig {
    /// All tasks for training at 256 pixels, nothing held out.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            side: 256,
            tasks: Task::ALL.to_vec(),
            classes: Classes::Everyday,
            styles: vec![],
            split: Split::Train,
            holdout: Holdout::default(),
            variety: Variety::full(),
        }
    }
}

/// A prompt, its target, and what is true about them.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// The prompt picture.
    pub prompt: RgbImage,
    /// The picture that it asks for.
    pub target: RgbImage,
    /// Everything else.
    pub truth: Truth,
}

/// Makes the pairs of a configuration.
#[derive(Clone)]
pub struct PairSampler {
    icons: Arc<Icons>,
    config: PairConfig,
    /// Each usable style with its classes.
    styles: Vec<(String, Vec<String>)>,
    letterings: Vec<Lettering>,
}

impl PairSampler {
    /// Checks the configuration against the icons.
    ///
    /// # Errors
    /// No task, a style or class that is not loaded, too few classes, a split on which nothing is
    /// held out or that a task cannot show, and a held-out style or lettering that leaves none.
    pub fn new(icons: Arc<Icons>, config: PairConfig) -> Result<Self, Error> {
        let bad = |reason: String| Err(Error::Config(reason));
        config.holdout.validate()?;
        config.variety.validate()?;
        if !(16..=2048).contains(&config.side) {
            return bad(format!(
                "{} pixels a side, expected 16 to 2048",
                config.side
            ));
        }
        if config.tasks.is_empty() {
            return bad("no task".into());
        }
        if let Split::HeldOut(axis) = config.split {
            if !config.holdout.covers(axis) {
                return bad(format!(
                    "a split of {axis:?}, but nothing is held out there"
                ));
            }
            let language = config.variety.language;
            let unable = |task: &&Task| !Holdout::applies(axis, **task, language);
            if let Some(task) = config.tasks.iter().find(unable) {
                return bad(format!(
                    "{task} cannot show {axis:?}; leave it out of the tasks"
                ));
            }
        }
        let loaded: Vec<String> = icons.styles().map(String::from).collect();
        let wanted = match config.styles.is_empty() {
            true => &loaded,
            false => &config.styles,
        };
        let held = config.holdout.style.as_ref();
        if let Some(style) = wanted.iter().chain(held).find(|s| !loaded.contains(s)) {
            return bad(format!(
                "no icons of style {style:?} are loaded, only {loaded:?}"
            ));
        }
        let only_held = config.split == Split::HeldOut(Axis::Style);
        let mut styles = vec![];
        for style in wanted.iter().filter(|s| (held == Some(s)) == only_held) {
            styles.push((style.clone(), classes(&icons, style, &config.classes)?));
        }
        if styles.is_empty() {
            return bad("the held-out style leaves none to draw with".into());
        }
        let only_held = config.split == Split::HeldOut(Axis::Lettering);
        let held = config.holdout.lettering;
        let usable = config.variety.letterings.iter().copied();
        let letterings: Vec<_> = usable.filter(|l| (held == Some(*l)) == only_held).collect();
        if letterings.is_empty() {
            return bad("the held-out lettering leaves none to write with".into());
        }
        Ok(Self {
            icons,
            config,
            styles,
            letterings,
        })
    }

    /// The configuration.
    pub fn config(&self) -> &PairConfig {
        &self.config
    }

    /// The classes of its objects, style by style.
    pub fn classes(&self) -> impl Iterator<Item = &str> {
        let names = self.styles.iter().flat_map(|(_, classes)| classes);
        names.map(String::as_str)
    }

    /// The icons.
    pub fn icons(&self) -> &Icons {
        &self.icons
    }

    /// A number for the configuration: equal ones give equal pairs.
    pub fn fingerprint(&self) -> u64 {
        let config = serde_json::to_string(&self.config).expect("plain data");
        let classes = serde_json::to_string(&self.styles).expect("plain data");
        hash(&[&config, &classes])
    }

    /// The ground truth of pair `index`, without drawing it.
    ///
    /// # Errors
    /// No pair fits the split (too much is held out for these tasks and classes), or an icon cannot
    /// be drawn.
    pub fn truth(&self, index: u64) -> Result<Truth, Error> {
        let config = &self.config;
        let task = config.tasks[(index % config.tasks.len() as u64) as usize];
        let mut draw = Draw::new(config.seed, config.split.realm(), index);
        for _ in 0..MAX_DRAFTS {
            let style = draw.below(self.styles.len());
            let (style, classes) = &self.styles[style];
            let lettering = *draw.pick(&self.letterings);
            let mut drafter = Drafter {
                icons: &self.icons,
                style,
                classes,
                variety: &self.config.variety,
                draw: &mut draw,
            };
            let Some(draft) = drafter.draft(task)? else {
                continue;
            };
            if let Some(truth) = self.admit(draft, lettering, index)? {
                return Ok(truth);
            }
        }
        Err(Error::Config(format!(
            "no pair {index} of {task} for {:?} after {MAX_DRAFTS} drafts; hold out less, or use more classes",
            config.split
        )))
    }

    /// The truth of a draft, if it belongs to the split.
    fn admit(
        &self,
        draft: Draft,
        lettering: Lettering,
        index: u64,
    ) -> Result<Option<Truth>, Error> {
        let config = &self.config;
        let target = draft.operation.apply(&draft.scene, &self.icons)?;
        let task = draft.operation.task();
        let traits = Traits {
            task,
            wording: draft.wording,
            lettering,
            before: &draft.scene,
            after: &target,
        };
        if !config.holdout.admits(config.split, &traits) {
            return Ok(None);
        }
        let Some(change) = change(&draft.scene, &target, &self.icons, config.side)? else {
            return Ok(None);
        };
        Ok(Some(Truth {
            task,
            split: config.split,
            seed: config.seed,
            index,
            side: config.side,
            caption: draft.caption,
            template: draft.template,
            lettering,
            scene: draft.scene,
            operation: draft.operation,
            target,
            objects: change.objects,
            expected: change.expected,
            gone: change.gone,
            edited: change.edited,
        }))
    }

    /// Pair `index`.
    ///
    /// # Errors
    /// As [`truth`](Self::truth), and a prompt that cannot be drawn at this size.
    pub fn pair(&self, index: u64) -> Result<Pair, Error> {
        let truth = self.truth(index)?;
        Ok(Pair {
            prompt: pair::prompt(&truth, &self.icons, &self.config.variety)?,
            target: truth.target.render(&self.icons, truth.side)?,
            truth,
        })
    }

    /// Makes the pairs of a range on all threads of the current `rayon` pool, changes each by
    /// `work` there, and hands the results to `see` in their order.
    ///
    /// # Errors
    /// The first error of a pair, of `work` or of `see`, in the order of the pairs.
    pub fn make<T: Send>(
        &self,
        range: Range<u64>,
        work: impl Fn(Pair) -> Result<T, Error> + Sync,
        mut see: impl FnMut(T) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut start = range.start;
        while start < range.end {
            let end = range.end.min(start.saturating_add(BATCH));
            let batch: Vec<Result<T, Error>> = (start..end)
                .into_par_iter()
                .map(|index| work(self.pair(index)?))
                .collect();
            for result in batch {
                see(result?)?;
            }
            start = end;
        }
        Ok(())
    }
}

/// The classes of a style that the configuration asks for.
fn classes(icons: &Icons, style: &str, wanted: &Classes) -> Result<Vec<String>, Error> {
    let has: BTreeSet<&str> = icons.classes(style).collect();
    let kept: Vec<String> = match wanted {
        Classes::All => has.iter().map(ToString::to_string).collect(),
        Classes::Everyday => everyday::NAMES
            .iter()
            .filter(|name| has.contains(**name))
            .map(ToString::to_string)
            .collect(),
        Classes::Named(names) => {
            if let Some(name) = names.iter().find(|name| !has.contains(name.as_str())) {
                let reason = format!("the icons of style {style:?} have no {name:?}");
                return Err(Error::Config(reason));
            }
            let names: BTreeSet<&String> = names.iter().collect();
            names.into_iter().cloned().collect()
        }
    };
    if kept.len() < LEAST_CLASSES {
        return Err(Error::Config(format!(
            "{} classes of style {style:?}, at least {LEAST_CLASSES} are needed",
            kept.len()
        )));
    }
    Ok(kept)
}
