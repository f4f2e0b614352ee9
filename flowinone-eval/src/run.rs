//! A run of scores: the results of many pairs, judged some at a time and collected in a report.

use std::path::Path;

use flowinone_image::read_picture;
use image::RgbImage;

use crate::{Error, Known, Pairs, Report, Rules, Work, result_of};

/// Results that are read before the next are judged.
const BATCH: usize = 64;

/// Where the results of pairs come from.
#[derive(Debug, Clone, Copy)]
pub enum Results<'a> {
    /// A folder that has the picture of each pair under [its name](result_of).
    Folder(&'a Path),
    /// The unedited prompts: what doing nothing scores.
    Prompts,
    /// The true results: what a perfect model scores.
    Targets,
    /// For every pair the target of the pair of its task before it, for the first that of the last:
    /// what pictures of other things score.
    Shuffled,
}

/// Judges the results of `pairs` by `rules` and adds them to `report`; `false` if `stop` asked to
/// end before all were.
///
/// # Errors
/// A pair or a picture that cannot be read or judged, a folder without a single result, or a task
/// with a single pair to shuffle.
pub fn score<R: Rules>(
    pairs: Pairs,
    results: Results<'_>,
    rules: &R,
    report: &mut Report<R>,
    stop: &dyn Fn() -> bool,
) -> Result<bool, Error> {
    let mut run = Run {
        batch: vec![],
        rules,
        report,
        stop,
    };
    match results {
        Results::Folder(folder) => run.of_folder(pairs, folder),
        Results::Prompts => run.each(pairs, |known| Ok(Some(known.prompt.clone()))),
        Results::Targets => run.each(pairs, |known| Ok(Some(known.target.clone()))),
        Results::Shuffled => run.shuffled(pairs),
    }
}

struct Run<'r, R: Rules> {
    batch: Vec<(Known, RgbImage)>,
    rules: &'r R,
    report: &'r mut Report<R>,
    stop: &'r dyn Fn() -> bool,
}

impl<R: Rules> Run<'_, R> {
    fn of_folder(&mut self, pairs: Pairs, folder: &Path) -> Result<bool, Error> {
        let mut first = None;
        let find = |known: &Known| {
            first.get_or_insert_with(|| known.key.clone());
            let path = result_of(folder, &known.key);
            Ok(path.map(read_picture).transpose()?)
        };
        let share = pairs.is_share();
        let whole = self.each(pairs, find)?;
        match first {
            Some(key) if whole && !share && self.report.items.is_empty() => {
                Err(Error::Nothing(format!(
                    "no pair has a result in {}; the first would be {key}.png",
                    folder.display()
                )))
            }
            _ => Ok(whole),
        }
    }

    fn each(
        &mut self,
        mut pairs: Pairs,
        mut result: impl FnMut(&Known) -> Result<Option<RgbImage>, Error>,
    ) -> Result<bool, Error> {
        while let Some(known) = pairs.next_pair()? {
            match result(&known)? {
                Some(result) => {
                    if !self.take(known, result)? {
                        return Ok(false);
                    }
                }
                None => self.report.missing.push(known.key),
            }
        }
        self.finish(&pairs)
    }

    fn shuffled(&mut self, mut pairs: Pairs) -> Result<bool, Error> {
        let mut tasks: Vec<(Known, RgbImage)> = vec![]; // the first pair of a task, its last target
        while let Some(known) = pairs.next_pair()? {
            let same = |(first, _): &&mut (Known, RgbImage)| first.truth.task == known.truth.task;
            match tasks.iter_mut().find(same) {
                Some((_, last)) => {
                    let before = std::mem::replace(last, known.target.clone());
                    if !self.take(known, before)? {
                        return Ok(false);
                    }
                }
                None => {
                    let target = known.target.clone();
                    tasks.push((known, target));
                }
            }
        }
        if let Some((only, _)) = tasks.iter().find(|(first, last)| first.target == *last) {
            let task = only.truth.task;
            let reason = format!("{task} has a single pair; nothing to shuffle");
            return Err(Error::Nothing(reason));
        }
        self.batch.extend(tasks);
        self.finish(&pairs)
    }

    /// Takes a pair and its result; `false` if the run is to stop.
    fn take(&mut self, known: Known, result: RgbImage) -> Result<bool, Error> {
        self.batch.push((known, result));
        if self.batch.len() < BATCH {
            return Ok(true);
        }
        self.settle()?;
        Ok(!(self.stop)())
    }

    fn finish(&mut self, pairs: &Pairs) -> Result<bool, Error> {
        self.settle()?;
        self.report.skipped = pairs.damaged().to_vec();
        self.report.seen = pairs.seen();
        Ok(true)
    }

    /// Judges what was taken.
    fn settle(&mut self) -> Result<(), Error> {
        let work = |(known, result): (Known, RgbImage)| {
            let work = Work {
                key: known.key,
                truth: known.truth,
                prompt: known.prompt,
                result,
                reachable: None,
            };
            (work, known.target)
        };
        let (work, targets): (Vec<Work>, Vec<RgbImage>) = self.batch.drain(..).map(work).unzip();
        let verdicts = self.rules.verdicts(&work)?.into_iter();
        for ((verdict, work), target) in verdicts.zip(work).zip(targets) {
            self.report.add(verdict, &work, &target);
        }
        Ok(())
    }
}
