//! One result against the ground truth of its pair.
//!
//! Everything is measured at the truth's side; a picture of another side is resampled to it first.

use std::sync::Arc;

use flowinone_image::{Filter, resize};
use image::RgbImage;
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use super::change::{marks, marks_left, progress};
use super::class::Candidates;
use super::coarse::Levels;
use super::item::{Gone, ItemScore};
use super::likeness::{Structure, psnr};
use super::look::Look;
use super::region::Region;
use super::{Error, Thresholds};
use flowinone_data::{Classes, Icons, Seen, Truth};

/// Scores results by the icons that their pairs were made from.
pub struct Scorer {
    icons: Arc<Icons>,
    candidates: Candidates,
    thresholds: Thresholds,
}

/// One result with what it is measured by.
#[derive(Debug, Clone)]
pub struct Work {
    /// Name of the pair.
    pub key: String,
    /// Its ground truth.
    pub truth: Truth,
    /// The prompt picture, square.
    pub prompt: RgbImage,
    /// The result, square.
    pub result: RgbImage,
    /// The best that could be reached, such as the target after an autoencoder. If `None`, the
    /// target itself.
    pub reachable: Option<RgbImage>,
}

impl Scorer {
    /// A scorer that chooses between `classes` of each style, with the default thresholds.
    ///
    /// # Errors
    /// A class that no style has.
    pub fn new(icons: Arc<Icons>, classes: Classes) -> Result<Self, Error> {
        Ok(Self {
            candidates: Candidates::new(&icons, &classes)?,
            icons,
            thresholds: Thresholds::default(),
        })
    }

    /// The same with other thresholds.
    pub fn with_thresholds(self, thresholds: Thresholds) -> Self {
        Self { thresholds, ..self }
    }

    /// The thresholds.
    pub fn thresholds(&self) -> &Thresholds {
        &self.thresholds
    }

    /// The icons.
    pub fn icons(&self) -> &Icons {
        &self.icons
    }

    /// Scores one result, square pictures of any side; its key is the number of the pair.
    ///
    /// # Errors
    /// A picture that is not square, a damaged truth, or icons that were not loaded.
    pub fn item(
        &self,
        truth: &Truth,
        prompt: &RgbImage,
        result: &RgbImage,
    ) -> Result<ItemScore, Error> {
        self.score(&format!("{:09}", truth.index), truth, prompt, result, None)
    }

    /// Scores many on all threads of the current `rayon` pool, in their order.
    ///
    /// # Errors
    /// The first error of [`item`](Self::item).
    pub fn items(&self, work: &[Work]) -> Result<Vec<ItemScore>, Error> {
        let score = |work: &Work| {
            let Work { key, truth, .. } = work;
            let reachable = work.reachable.as_ref();
            self.score(key, truth, &work.prompt, &work.result, reachable)
        };
        work.par_iter().map(score).collect()
    }

    fn score(
        &self,
        key: &str,
        truth: &Truth,
        prompt: &RgbImage,
        result: &RgbImage,
        reachable: Option<&RgbImage>,
    ) -> Result<ItemScore, Error> {
        validate(key, truth)?;
        let square = |what, picture| square(what, key, picture);
        square("prompt", prompt)?;
        square("result", result)?;
        let side = truth.side;
        let scene = truth.scene.render(&self.icons, side)?;
        let target = truth.target.render(&self.icons, side)?;
        // The clean scene goes the same way as the prompt, so that only marks tell them apart.
        let clean = truth.scene.render(&self.icons, prompt.width())?;
        let prompt = at_side(prompt, side);
        let marks = marks(&prompt, &at_side(&clean, side), &target);
        let result = Levels::of(at_side(result, side));
        let best = Levels::of(match reachable {
            Some(reachable) => {
                square("reachable target", reachable)?;
                at_side(reachable, side)
            }
            None => target.clone(),
        });
        let shown = &result.full;

        let inside = Region::of_boxes(side, &truth.edited);
        let outside = inside.outside();
        let structure = Structure::of(shown, &target);
        let boxes = |seen: &[Seen]| seen.iter().map(|seen| seen.bounds).collect::<Vec<_>>();
        let mut changed = boxes(&truth.gone);
        changed.extend(truth.expected.iter().map(|n| truth.objects[*n].bounds));
        let surroundings = Region::of_boxes(side, &changed).outside();
        let gone = truth.gone.iter().map(|seen| Gone {
            class: seen.class.clone(),
            progress: {
                let place = Region::of_boxes(side, [&seen.bounds]);
                progress(shown, &scene, &target, &place)
            },
        });
        let look = Look {
            icons: &self.icons,
            candidates: &self.candidates,
            seen: self.thresholds.seen,
            truth,
            result: &result,
            best: &best,
        };
        let score = ItemScore {
            key: key.into(),
            task: truth.task,
            objects: look.objects()?,
            kept: look.kept()?,
            gone: gone.collect(),
            progress: progress(shown, &scene, &target, &inside),
            marks_left: marks_left(shown, &prompt, &target, &marks, result.factor),
            psnr_inside: psnr(shown, &target, &inside),
            psnr_outside: psnr(shown, &target, &outside),
            ssim_inside: structure.mean(&inside),
            ssim_outside: structure.mean(&outside),
            psnr_surroundings: psnr(shown, &target, &surroundings),
            failures: vec![],
        };
        Ok(score.judged(&self.thresholds))
    }
}

fn validate(key: &str, truth: &Truth) -> Result<(), Error> {
    let objects = truth.target.objects.len();
    let reason = match truth.expected.iter().find(|number| **number >= objects) {
        Some(number) => format!("it expects object {number} among {objects}"),
        None if truth.objects.len() != objects => {
            format!("it lists {} objects of {objects}", truth.objects.len())
        }
        None => return Ok(()),
    };
    let key = key.into();
    Err(Error::Truth { key, reason })
}

fn square(what: &'static str, key: &str, picture: &RgbImage) -> Result<(), Error> {
    let (width, height) = picture.dimensions();
    if width == height && width > 0 {
        return Ok(());
    }
    let key = key.into();
    Err(Error::Shape {
        what,
        key,
        width,
        height,
    })
}

fn at_side(picture: &RgbImage, side: u32) -> RgbImage {
    match picture.width() == side {
        true => picture.clone(),
        false => resize(picture, side, side, Filter::Bicubic),
    }
}
