//! Running jobs into files. A bad picture or prompt, a number that is not finite or a full disk
//! costs its own item and no other.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use flowinone_files::make_parent;
use image::RgbImage;

use super::jobs::{BatchJob, Jobs};
use super::place::{LinePlace, Place, Refused};
use super::report::{Line, Report, Status, Target};
use crate::{Error, Event, Record, Run, Session, Settings, read_record, write_png};

/// What is the same for all items of a run, besides the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Pictures computed together; the pictures do not depend on it.
    pub batch_size: usize,
    /// Number of steps between two unfinished pictures, written as `NAME.step0010.png`.
    pub preview_every: Option<usize>,
    /// Replace pictures that were made with other settings.
    pub overwrite: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            batch_size: 1,
            preview_every: None,
            overwrite: false,
        }
    }
}

/// Makes the pictures of jobs and writes them: the events of [`Session::run`], each told when its
/// file is written and its line of the report added. The number of an event is the place of its job
/// in the list; lines that are no prompts have the places after it, and fail first.
///
/// Jobs whose picture is there already, with the same record, are skipped; only those of a
/// directory can be.
pub fn run<'s>(
    session: &'s Session,
    jobs: Jobs,
    settings: &Settings,
    options: Options,
    report: Report,
) -> BatchRun<'s> {
    let resumed = jobs.directory.is_some();
    let (mut files, mut list, mut outputs) = (vec![], vec![], vec![]);
    for BatchJob { job, output, line } in jobs.list {
        outputs.push(output.clone());
        files.push(Destination {
            input: job.source.to_string(),
            line,
            seed: job.seed,
            target: Some((output, job.number)),
        });
        list.push(job);
    }
    let seed = files.first().map_or(0, |file: &Destination| file.seed);
    let mut refused = VecDeque::new();
    for Refused { place, reason } in jobs.refused {
        refused.push_back(Event::Failed {
            job: files.len(),
            error: Error::Jobs(reason),
        });
        files.push(Destination {
            input: place.file().display().to_string(),
            line: match place {
                Place::Line(line) => Some(line),
                Place::Entry(_) => None,
            },
            seed,
            target: None,
        });
    }
    let wanted = move |place: usize, record: &Record| {
        let output = &outputs[place];
        match resumed && output.exists() && !options.overwrite {
            true => is_new(output, record),
            false => Ok(true),
        }
    };
    BatchRun {
        run: session
            .run_wanted(list, settings, wanted)
            .batch_size(options.batch_size)
            .preview_every(options.preview_every),
        refused,
        files,
        report,
    }
}

/// Whether a picture is to be made although a file of its name is there.
fn is_new(output: &Path, record: &Record) -> Result<bool, Error> {
    match read_record(output).is_ok_and(|there| there.same_picture(record)) {
        true => Ok(false),
        false => Err(Error::OtherPicture(output.to_path_buf())),
    }
}

/// The iterator of [`run`]. An error is one that no job is guilty of, such as weights that cannot
/// be loaded or a report that cannot be written.
pub struct BatchRun<'s> {
    run: Run<'s>,
    refused: VecDeque<Event>,
    files: Vec<Destination>,
    report: Report,
}

/// Where a picture goes, and what the report says of it.
struct Destination {
    input: String,
    line: Option<LinePlace>,
    seed: u64,
    /// The file and the number of the item; nothing for a line that is no prompt.
    target: Option<(PathBuf, u64)>,
}

impl<'s> BatchRun<'s> {
    /// As [`Run::until`].
    #[must_use]
    pub fn until(self, stop: &'s dyn Fn() -> bool) -> Self {
        Self {
            run: self.run.until(stop),
            ..self
        }
    }

    /// As [`Run::upscale_progress`].
    #[must_use]
    pub fn upscale_progress(self, upscaled: &'s dyn Fn(usize, f64)) -> Self {
        Self {
            run: self.run.upscale_progress(upscaled),
            ..self
        }
    }
}

impl BatchRun<'_> {
    /// What a job is made from, for messages: its file, the line of its batch file, or its task.
    pub fn input(&self, job: usize) -> String {
        let file = &self.files[job];
        file.line
            .as_ref()
            .map_or_else(|| file.input.clone(), LinePlace::to_string)
    }

    /// The file that a job becomes; empty for a line that is no prompt.
    pub fn output(&self, job: usize) -> &Path {
        let target = self.files[job].target.as_ref();
        target.map_or(Path::new(""), |(output, _)| output)
    }

    /// The event after what it asks for was written.
    fn written(&mut self, event: Event) -> Result<Event, Error> {
        let event = match event {
            Event::Done {
                job,
                picture,
                record,
                cost,
            } => match write(self.output(job), &picture, &record) {
                Ok(()) => Event::Done {
                    job,
                    picture,
                    record,
                    cost,
                },
                Err(error) => Event::Failed { job, error },
            },
            Event::Preview {
                job,
                picture,
                record,
            } => {
                let step = record.preview.unwrap_or_default();
                let path = self
                    .output(job)
                    .with_extension(format!("step{step:04}.png"));
                // A preview that cannot be written must not cost the picture.
                match write(&path, &picture, &record) {
                    Ok(()) => Event::Preview {
                        job,
                        picture,
                        record,
                    },
                    Err(error) => Event::NoPreview { job, error },
                }
            }
            other => other,
        };
        match &event {
            Event::Done { job, cost, .. } => self.report(*job, Status::Done(*cost))?,
            Event::Skipped { job } => self.report(*job, Status::Skipped)?,
            Event::Failed { job, error } => {
                let error = error.to_string();
                self.report(*job, Status::Failed { error })?;
            }
            _ => {}
        }
        Ok(event)
    }

    fn report(&mut self, job: usize, status: Status) -> Result<(), Error> {
        let file = &self.files[job];
        self.report.add(&Line {
            input: match &file.line {
                Some(line) => line.file.display().to_string(),
                None => file.input.clone(),
            },
            line: file.line.as_ref().map(|line| line.number),
            target: file.target.as_ref().map(|(output, item)| Target {
                output: output.display().to_string(),
                item: *item,
            }),
            seed: Some(file.seed),
            status,
        })
    }
}

impl Iterator for BatchRun<'_> {
    type Item = Result<Event, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let event = match self.refused.pop_front() {
            Some(event) => Ok(event),
            None => self.run.next()?,
        };
        Some(event.and_then(|event| self.written(event)))
    }
}

/// Writes a picture with its record, into a folder that is made if need be.
fn write(path: &Path, picture: &RgbImage, record: &Record) -> Result<(), Error> {
    make_parent(path)?;
    write_png(path, picture, record)
}
