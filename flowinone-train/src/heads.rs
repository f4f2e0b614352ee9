//! The heads of a run's losses in a file of their own, so that what they have learned outlives the
//! run's checkpoints.

use std::path::Path;

use burn::module::Module;
use burn::tensor::FloatDType;
use flowinone_weights::{Checkpoint, restore, save_module};

use crate::layout::LayoutHeads;
use crate::layout_start::LayoutStart;
use crate::scene::SceneHead;
use crate::{Error, LabelHeads, LetterHead, SpellingHead, TrainableFlow};

/// The heads that a run's auxiliary losses ask for, by the names that they have in its checkpoints.
#[derive(Module, Debug)]
struct Heads {
    heads: Option<LabelHeads>,
    speller: Option<SpellingHead>,
    letters: Option<LetterHead>,
    scene: Option<SceneHead>,
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
            layout: self.layout.clone(),
            layout_start: self.layout_start.clone(),
        }
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
            layout: heads.layout,
            layout_start: heads.layout_start,
            ..self
        })
    }
}
