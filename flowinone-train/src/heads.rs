//! The heads of a run's losses in a file of their own, so that what they have learned outlives the
//! run's checkpoints.

use std::path::Path;

use burn::module::Module;
use burn::tensor::FloatDType;
use flowinone_weights::{Checkpoint, restore, save_module};

use crate::layout::{LAYOUT_OUTPUTS, LayoutHeads};
use crate::layout_start::{LAYOUT_START, LayoutStart};
use crate::letters::LETTERS_OUTPUT;
use crate::scene::{SCENE_REQUEST, SceneHead};
use crate::ways::{WAY_OUTPUT, WayHead};
use crate::{Error, LabelHeads, LetterHead, RunCheckpoint, SpellingHead, TrainableFlow};

/// The heads that a run's auxiliary losses ask for, by the names that they have in its checkpoints.
#[derive(Module, Debug)]
struct Heads {
    heads: Option<LabelHeads>,
    speller: Option<SpellingHead>,
    letters: Option<LetterHead>,
    scene: Option<SceneHead>,
    ways: Option<WayHead>,
    layout: Option<LayoutHeads>,
    layout_start: Option<LayoutStart>,
}

impl TrainableFlow {
    /// The heads as a module of their own.
    fn all_heads(&self) -> Heads {
        Heads {
            heads: self.heads.clone(),
            speller: self.speller.clone(),
            letters: self.letters.clone(),
            scene: self.scene.clone(),
            ways: self.ways.clone(),
            layout: self.layout.clone(),
            layout_start: self.layout_start.clone(),
        }
    }

    /// The same with the averages of an earlier run. A head that it did not have stays as it is, as
    /// does one that names classes, unless they are the `same`.
    ///
    /// # Errors
    /// A run of other networks, or a file that cannot be read.
    pub(crate) fn loaded(mut self, before: &RunCheckpoint, same: bool) -> Result<Self, Error> {
        let has_letters = before.has(LETTERS_OUTPUT)?;
        let has_scene = before.has(SCENE_REQUEST)? && same;
        let has_ways = before.has(WAY_OUTPUT)?;
        let has_layout = before.has(LAYOUT_OUTPUTS)? && same;
        let has_start = before.has(LAYOUT_START)? && same;
        let letters = self.letters.take_if(|_| !has_letters);
        let scene = self.scene.take_if(|_| !has_scene);
        let ways = self.ways.take_if(|_| !has_ways);
        let layout = self.layout.take_if(|_| !has_layout);
        let start = self.layout_start.take_if(|_| !has_start);
        let mut flow = before.ema(self)?;
        flow.letters = flow.letters.or(letters);
        flow.scene = flow.scene.or(scene);
        flow.ways = flow.ways.or(ways);
        flow.layout = flow.layout.or(layout);
        flow.layout_start = flow.layout_start.or(start);
        Ok(flow)
    }

    /// Writes the heads to `path` in float16, if there are any.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn save_heads(&self, path: &Path) -> Result<(), Error> {
        let heads = self.all_heads();
        if heads.num_params() > 0 {
            save_module(path, &heads, FloatDType::F16)?;
        }
        Ok(())
    }

    /// The same with the heads of a file that [`Self::save_heads`] wrote.
    ///
    /// # Errors
    /// A file of other heads than the run's losses ask for, or for other classes.
    pub(crate) fn with_heads_of(self, path: &Path) -> Result<Self, Error> {
        let file = Checkpoint::open(path)?;
        let heads = restore(self.all_heads(), &file, FloatDType::F32)?;
        Ok(Self {
            heads: heads.heads,
            speller: heads.speller,
            letters: heads.letters,
            scene: heads.scene,
            ways: heads.ways,
            layout: heads.layout,
            layout_start: heads.layout_start,
            ..self
        })
    }
}
