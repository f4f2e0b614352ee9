//! A batch of the flow's training: pictures as the networks see them, and what is read from the
//! ground truth of its examples.

use std::sync::Arc;

use flowinone_data::{Example, Truth};
use flowinone_encoder::janus_square;
use flowinone_image::center_crop;
use image::RgbImage;

use crate::layout_grid::{LayoutGrid, Layouts};
use crate::scene::SceneGrid;
use crate::ways::WayGrid;
use crate::{Error, Labels, LetterGrid, Spelling, Vocabulary};

/// A batch as it waits in memory.
#[derive(Debug)]
pub struct FlowBatch {
    /// What the vision tower sees.
    pub(crate) vision: Vec<RgbImage>,
    /// What the structure path sees.
    pub(crate) structure: Vec<RgbImage>,
    /// What the model is to make.
    pub(crate) target: Vec<RgbImage>,
    /// Whether each item keeps the structure of its prompt.
    pub(crate) keeps: Vec<bool>,
    /// What each prompt asks for.
    pub(crate) labels: Option<Vec<Labels>>,
    /// What is written in each prompt.
    pub(crate) spellings: Option<Vec<Spelling>>,
    /// Where each letter stands.
    pub(crate) letters: Option<Vec<LetterGrid>>,
    /// What each prompt shows where.
    pub(crate) scenes: Option<Vec<SceneGrid>>,
    /// Where the things of each prompt are moved.
    pub(crate) ways: Option<Vec<WayGrid>>,
    /// What is to be seen where in each target.
    pub(crate) layouts: Option<Layouts>,
    /// The pairs whose prompts do not tell what their targets show, if these are to be drawn from
    /// layouts.
    pub(crate) untold: Option<Box<Self>>,
}

/// What is read from the ground truth of an example.
#[derive(Clone, Default)]
pub(crate) struct Readings {
    pub(crate) vocabulary: Arc<Vocabulary>,
    pub(crate) labels: bool,
    pub(crate) spelling: bool,
    /// Visual tokens along each side of a prompt whose letters they are to name.
    pub(crate) letters: Option<usize>,
    /// Visual tokens along each side that tell what the prompt shows there.
    pub(crate) scene: Option<usize>,
    /// Visual tokens along each side that tell where what they show is moved.
    pub(crate) ways: Option<usize>,
    /// Visual tokens along each side, and squares of a start, that tell what is to be seen there.
    pub(crate) layout: Option<[usize; 2]>,
    /// Whether pairs whose prompts do not tell what their targets show are kept apart.
    pub(crate) untold_apart: bool,
}

impl Readings {
    /// Whether anything is read.
    pub(crate) fn any(&self) -> bool {
        self.letters.is_some() || self.truth()
    }

    /// Whether any of it is read from ground truth.
    fn truth(&self) -> bool {
        let grids = self.scene.is_some() || self.ways.is_some() || self.layout.is_some();
        self.labels || self.spelling || grids
    }
}

/// Examples in the sizes that the networks read.
pub(crate) fn prepared(
    examples: &[Example],
    vision: u32,
    side: u32,
    readings: &Readings,
) -> Result<FlowBatch, Error> {
    if !readings.untold_apart {
        return batch_of(examples, vision, side, readings);
    }
    let tells = |example: &&Example| example.truth().is_none_or(|truth| truth.tells());
    let (told, untold): (Vec<&Example>, Vec<&Example>) = examples.iter().partition(tells);
    let mut batch = batch_of(told, vision, side, readings)?;
    if !untold.is_empty() {
        batch.untold = Some(Box::new(batch_of(untold, vision, side, readings)?));
    }
    Ok(batch)
}

fn batch_of<'e>(
    examples: impl IntoIterator<Item = &'e Example>,
    vision: u32,
    side: u32,
    readings: &Readings,
) -> Result<FlowBatch, Error> {
    let mut batch = FlowBatch {
        vision: vec![],
        structure: vec![],
        target: vec![],
        keeps: vec![],
        labels: readings.labels.then(Vec::new),
        spellings: readings.spelling.then(Vec::new),
        letters: readings.letters.map(|_| vec![]),
        scenes: readings.scene.map(|_| vec![]),
        ways: readings.ways.map(|_| vec![]),
        layouts: readings.layout.map(|_| Layouts::default()),
        untold: None,
    };
    for example in examples {
        batch.vision.push(janus_square(&example.input, vision));
        batch.structure.push(center_crop(&example.input, side));
        batch.target.push(center_crop(&example.output, side));
        batch.keeps.push(example.keeps_structure());
        if let (Some(side), Some(grids)) = (readings.letters, &mut batch.letters) {
            let letters = example.letters.as_deref();
            let letters = letters.ok_or_else(|| unlabelled(example, "it comes from a file"))?;
            grids.push(LetterGrid::new(letters, side));
        }
        if !readings.truth() {
            continue;
        }
        let truth = truth_of(example)?;
        let unknown = || unlabelled(example, UNKNOWN);
        if let Some(labels) = &mut batch.labels {
            labels.push(readings.vocabulary.labels(&truth).ok_or_else(unknown)?);
        }
        if let (Some(side), Some(scenes)) = (readings.scene, &mut batch.scenes) {
            let scene = SceneGrid::new(&truth, &readings.vocabulary, side);
            scenes.push(scene.ok_or_else(unknown)?);
        }
        if let (Some(side), Some(ways)) = (readings.ways, &mut batch.ways) {
            ways.push(WayGrid::new(&truth, side));
        }
        if let (Some([tokens, start]), Some(layouts)) = (readings.layout, &mut batch.layouts) {
            let layout = |side| LayoutGrid::new(&truth, &readings.vocabulary, side);
            layouts.tokens.push(layout(tokens).ok_or_else(unknown)?);
            layouts.starts.push(layout(start).ok_or_else(unknown)?);
        }
        if let Some(spellings) = &mut batch.spellings {
            spellings.push(Spelling::new(&truth.caption));
        }
    }
    Ok(batch)
}

impl LayoutGrid {
    /// The layout of an example's target in `side` x `side` squares.
    ///
    /// # Errors
    /// An example without ground truth, or with a class that is not in the vocabulary.
    pub(crate) fn of(example: &Example, known: &Vocabulary, side: usize) -> Result<Self, Error> {
        let grid = Self::new(&truth_of(example)?, known, side);
        grid.ok_or_else(|| unlabelled(example, UNKNOWN))
    }
}

/// Why an example whose class is not in the vocabulary is refused.
const UNKNOWN: &str = "its class is not known";

fn truth_of(example: &Example) -> Result<Truth, Error> {
    let json = example.json.as_deref().unwrap_or_default();
    let truth: Result<Truth, _> = serde_json::from_str(json);
    truth.map_err(|e| unlabelled(example, &e.to_string()))
}

fn unlabelled(example: &Example, reason: &str) -> Error {
    Error::Config(format!(
        "labels, spelling, letters, scene, ways and layout need ground truth for every example, but {} of {}: {reason}",
        example.key, example.source
    ))
}
