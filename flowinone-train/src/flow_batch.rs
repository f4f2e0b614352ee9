//! A batch of the flow's training: pictures as the networks see them, and what is read from the
//! ground truth of its examples.

use std::sync::Arc;

use flowinone_data::{Example, Truth};
use flowinone_encoder::janus_square;
use flowinone_image::center_crop;
use image::RgbImage;

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
}

/// What is read from the ground truth of an example.
#[derive(Clone, Default)]
pub(crate) struct Readings {
    pub(crate) vocabulary: Option<Arc<Vocabulary>>,
    pub(crate) spelling: bool,
    /// Visual tokens along each side of a prompt whose letters they are to name.
    pub(crate) letters: Option<usize>,
}

/// Examples in the sizes that the networks read.
pub(crate) fn prepared(
    examples: &[Example],
    vision: u32,
    side: u32,
    readings: &Readings,
) -> Result<FlowBatch, Error> {
    let mut batch = FlowBatch {
        vision: vec![],
        structure: vec![],
        target: vec![],
        keeps: vec![],
        labels: readings.vocabulary.as_ref().map(|_| vec![]),
        spellings: readings.spelling.then(Vec::new),
        letters: readings.letters.map(|_| vec![]),
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
        if batch.labels.is_none() && batch.spellings.is_none() {
            continue;
        }
        let json = example.json.as_deref().unwrap_or_default();
        let truth: Result<Truth, _> = serde_json::from_str(json);
        let truth = truth.map_err(|e| unlabelled(example, &e.to_string()))?;
        if let (Some(vocabulary), Some(labels)) = (&readings.vocabulary, &mut batch.labels) {
            let found = vocabulary.labels(&truth);
            labels.push(found.ok_or_else(|| unlabelled(example, "its class is not known"))?);
        }
        if let Some(spellings) = &mut batch.spellings {
            spellings.push(Spelling::new(&truth.caption));
        }
    }
    Ok(batch)
}

fn unlabelled(example: &Example, reason: &str) -> Error {
    Error::Config(format!(
        "labels, spelling and letters need ground truth for every example, but {} of {}: {reason}",
        example.key, example.source
    ))
}
