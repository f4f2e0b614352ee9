//! Running jobs: batches through the pipeline, each item settled on its own. A bad picture or prompt,
//! a number that is not finite or a full disk costs its own item and no other.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use flowinone_sampler::{Solver, State};
use flowinone_tasks::{
    Arithmetic, FlowInOne, Input, Item, Record, Settings, Start, read_record, write_png,
};

use crate::device::Found;
use crate::jobs::{Job, Jobs, Refused};
use crate::model::Model;
use crate::progress::Progress;
use crate::report::{Cost, Line, Report, Status, Target};
use crate::source::{Source, absolute};
use crate::{Outcome, interrupt, memory};

/// Everything that is the same for all items of a run.
pub(crate) struct Run {
    pub(crate) model: Model,
    pub(crate) device: Found,
    pub(crate) arithmetic: Arithmetic,
    pub(crate) settings: Settings,
    pub(crate) seed: u64,
    pub(crate) batch_size: usize,
    /// Decode and write the state every so many steps.
    pub(crate) preview_every: Option<usize>,
    /// Replace pictures that were made with other settings.
    pub(crate) overwrite: bool,
}

/// A job whose prompt has been read or drawn.
struct Ready<'a> {
    job: &'a Job,
    item: Item,
    record: Record,
}

/// What became of a batch.
struct Attempt {
    written: Vec<Result<()>>,
    /// The cost of the batch; its evaluations are those of the item that took most.
    cost: Cost,
    /// The evaluations of each item.
    each: Vec<usize>,
}

impl Run {
    /// Settles every job and tells how the run ended.
    pub(crate) fn all(&self, jobs: &Jobs, report: &mut Report) -> Result<Outcome> {
        let (mut waiting, mut failed) = (Vec::new(), 0);
        // An adaptive solver chooses steps for the batch as a whole: alone, an item keeps its bytes.
        let batch_size = match self.settings.solver {
            Solver::Dopri5(_) => 1,
            _ => self.batch_size,
        };
        for refused in &jobs.refused {
            failed += self.refuse(refused, report)?;
        }
        for (place, job) in jobs.list.iter().enumerate() {
            match self.ready(job, jobs.directory.is_some()) {
                Ok(Some(ready)) => waiting.push(ready),
                Ok(None) => {
                    eprintln!("{}: already there", job.output.display());
                    report.add(&self.line(job, Status::Skipped))?;
                }
                Err(error) => failed += self.fail(job, &error, report)?,
            }
            let last = place + 1 == jobs.list.len();
            if waiting.len() == batch_size || (last && !waiting.is_empty()) {
                match self.batch(&waiting, report)? {
                    Some(failures) => failed += failures,
                    None => {
                        eprintln!("stopped; run the same command again to continue");
                        return Ok(Outcome::Interrupted);
                    }
                }
                waiting.clear();
            }
        }
        let total = jobs.list.len() + jobs.refused.len();
        match failed {
            0 => Ok(Outcome::Done),
            _ if total == 1 => Ok(Outcome::Incomplete),
            _ => {
                eprintln!("{failed} of {total} pictures failed");
                Ok(Outcome::Incomplete)
            }
        }
    }

    /// Reads or draws a prompt; `None` if its picture is there already.
    fn ready<'j>(&self, job: &'j Job, resumed: bool) -> Result<Option<Ready<'j>>> {
        let read = job.source.read()?;
        let record = self.record(job, read.input());
        if resumed && job.output.exists() && !self.overwrite {
            if read_record(&job.output).is_ok_and(|there| there.same_picture(&record)) {
                return Ok(None);
            }
            bail!(
                "{} exists but was not made from this input with these settings; --overwrite replaces it",
                job.output.display()
            );
        }
        let item = read.item(record.structure, self.seed, job.number)?;
        Ok(Some(Ready { job, item, record }))
    }

    fn record(&self, job: &Job, input: Input) -> Record {
        let routing = job.source.routing();
        Record {
            version: env!("CARGO_PKG_VERSION").into(),
            input,
            model: absolute_unless_built_in(&self.model.path),
            model_digest: self.model.digest.clone(),
            task: routing.task,
            structure: routing.structure,
            seed: self.seed,
            item: job.number,
            settings: self.settings,
            preview: None,
            precision: self.arithmetic,
            device: format!("{} ({})", self.device.choice, self.device.name),
        }
    }

    /// Makes the pictures of a batch; `None` if interrupted, else the number of failures. A batch
    /// that fails as a whole is tried again item by item, so that only the guilty one fails.
    fn batch(&self, batch: &[Ready<'_>], report: &mut Report) -> Result<Option<usize>> {
        // A model that cannot be loaded is no fault of the items.
        let pipeline = self.model.pipeline(&self.device, self.arithmetic)?;
        match self.attempt(pipeline, batch) {
            Ok(None) => Ok(None),
            Ok(Some(Attempt {
                written,
                cost,
                each,
            })) => {
                let mut failures = 0;
                for ((ready, result), evaluations) in batch.iter().zip(written).zip(&each) {
                    match result {
                        Ok(()) => {
                            println!("{}", ready.job.output.display());
                            let cost = Cost {
                                evaluations: *evaluations,
                                ..cost
                            };
                            report.add(&self.line(ready.job, Status::Done(cost)))?;
                        }
                        Err(error) => failures += self.fail(ready.job, &error, report)?,
                    }
                }
                summarise(&cost);
                Ok(Some(failures))
            }
            Err(error) if batch.len() == 1 => self.fail(batch[0].job, &error, report).map(Some),
            Err(_) => {
                let mut failures = 0;
                for single in batch.chunks(1) {
                    match self.batch(single, report)? {
                        Some(more) => failures += more,
                        None => return Ok(None),
                    }
                }
                Ok(Some(failures))
            }
        }
    }

    /// Pictures of a batch, written; `None` if interrupted.
    fn attempt(&self, pipeline: &FlowInOne, batch: &[Ready<'_>]) -> Result<Option<Attempt>> {
        let items: Vec<Item> = batch.iter().map(|ready| ready.item.clone()).collect();
        let start = pipeline.start(&items, self.settings.noise);
        let label = batch[0].job.output.file_name().unwrap_or_default();
        let progress = Progress::start(match batch.len() {
            1 => label.to_string_lossy().into_owned(),
            n => format!("{} and {} more", label.to_string_lossy(), n - 1),
        });
        let solving = Instant::now();
        let last = pipeline.solve(&start, &self.settings, |state| {
            progress.tick(state);
            self.preview(pipeline, batch, &start, state)?;
            Ok(!interrupt::asked())
        });
        progress.finish();
        let Some(last) = last? else {
            return Ok(None);
        };
        let solve_seconds = solving.elapsed().as_secs_f64();
        let decoding = Instant::now();
        let [count, ..] = last.x.dims();
        // Item by item, so that one picture that is not finite leaves the others.
        let pictures: Vec<_> = (0..count)
            .map(|item| pipeline.decode_item(&last.x, &start, item))
            .collect();
        let cost = Cost {
            batch: count,
            steps: last.step,
            evaluations: last.evaluations.branches,
            vision_seconds: start.vision.as_secs_f64(),
            structure_seconds: start.autoencoder.as_secs_f64(),
            solve_seconds,
            decode_seconds: decoding.elapsed().as_secs_f64(),
            peak_bytes: memory::peak(),
        };
        let write = |(ready, picture): (&Ready<'_>, Result<_, flowinone_tasks::Error>)| {
            let output = &ready.job.output;
            make_parent(output)?;
            Ok(write_png(output, &picture?, &ready.record)?)
        };
        Ok(Some(Attempt {
            written: batch.iter().zip(pictures).map(write).collect(),
            cost,
            each: last.branches,
        }))
    }

    fn preview(
        &self,
        pipeline: &FlowInOne,
        batch: &[Ready<'_>],
        start: &Start,
        state: &State<4>,
    ) -> Result<(), flowinone_tasks::Error> {
        let due = self
            .preview_every
            .is_some_and(|n| state.step.is_multiple_of(n));
        if !due || state.steps == Some(state.step) {
            return Ok(());
        }
        let pictures = pipeline.decode_beside(state.x.clone(), start)?;
        for (ready, picture) in batch.iter().zip(&pictures) {
            let path = ready
                .job
                .output
                .with_extension(format!("step{:04}.png", state.step));
            let record = Record {
                preview: Some(state.step),
                ..ready.record.clone()
            };
            // A preview that cannot be written must not cost the picture.
            if let Err(error) =
                make_parent(&path).and_then(|()| Ok(write_png(&path, picture, &record)?))
            {
                eprintln!("preview: {error:#}");
            }
        }
        Ok(())
    }

    fn fail(&self, job: &Job, error: &anyhow::Error, report: &mut Report) -> Result<usize> {
        eprintln!("failed: {}: {error:#}", job.source);
        let error = format!("{error:#}");
        report.add(&self.line(job, Status::Failed { error }))?;
        Ok(1)
    }

    fn refuse(&self, refused: &Refused, report: &mut Report) -> Result<usize> {
        eprintln!("failed: {}: {:#}", refused.line, refused.error);
        report.add(&Line {
            input: refused.line.file.display().to_string(),
            line: Some(refused.line.number),
            target: None,
            seed: self.seed,
            status: Status::Failed {
                error: format!("{:#}", refused.error),
            },
        })?;
        Ok(1)
    }

    fn line(&self, job: &Job, status: Status) -> Line {
        let line = match &job.source {
            Source::Picture { .. } => None,
            Source::Prompt(drawn) => drawn.line.as_ref(),
        };
        Line {
            input: line.map_or_else(
                || job.source.to_string(),
                |line| line.file.display().to_string(),
            ),
            line: line.map(|line| line.number),
            target: Some(Target {
                output: job.output.display().to_string(),
                item: job.number,
            }),
            seed: self.seed,
            status,
        }
    }
}

fn summarise(cost: &Cost) {
    let step = cost.solve_seconds / cost.steps.max(1) as f64;
    let peak = cost.peak_bytes.map_or(String::new(), |bytes| {
        format!(
            ", peak memory {:.2} GiB",
            bytes as f64 / (1u64 << 30) as f64
        )
    });
    eprintln!(
        "{} steps, {} evaluations: vision {:.2} s, structure {:.2} s, {:.3} s a step, decode {:.2} s{peak}",
        cost.steps,
        cost.evaluations,
        cost.vision_seconds,
        cost.structure_seconds,
        step,
        cost.decode_seconds
    );
}

/// Makes the folder that a file shall lie in.
pub(crate) fn make_parent(path: &Path) -> Result<()> {
    let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty()) else {
        return Ok(());
    };
    std::fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))
}

fn absolute_unless_built_in(path: &Path) -> PathBuf {
    if path.exists() {
        absolute(path)
    } else {
        path.to_path_buf()
    }
}
