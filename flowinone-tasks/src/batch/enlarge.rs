//! Pictures in files made larger, with the guarantees of a directory: what is there already is not
//! made again, a bad picture costs itself alone, and every file appears whole.

use std::path::{Path, PathBuf};
use std::time::Instant;

use flowinone_files::{make_parent, sha256_of};
use flowinone_image::{decode_with_alpha, read_picture_file};

use super::jobs::{BatchJob, Jobs};
use super::place::{Place, Refused};
use super::report::{Line, Report, Status, Target};
use crate::enlarged::{EnlargedRecord, read_enlarged, write_enlarged};
use crate::memory::peak_memory;
use crate::upscaling::Upscaling;
use crate::{Error, Source};

/// What happened to a picture.
#[derive(Debug)]
#[non_exhaustive]
pub enum Enlarging<'a> {
    /// A share of the work on it is done, 0 to 1.
    Progress {
        /// The file to be written.
        output: &'a Path,
        /// The share.
        share: f64,
    },
    /// It was written.
    Done {
        /// The file.
        output: &'a Path,
        /// Width and height.
        size: [u32; 2],
        /// What it took.
        seconds: f64,
    },
    /// It was there already.
    Skipped {
        /// The file.
        output: &'a Path,
    },
    /// It could not be made.
    Failed {
        /// The file that was to be enlarged.
        input: &'a Path,
        /// Why.
        error: Error,
    },
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EnlargingSummary {
    /// Pictures that could not be made.
    pub failed: usize,
    /// Whether it was stopped before its end.
    pub stopped: bool,
}

/// Enlarges the pictures of jobs, in their order, and writes them. `tell` hears what happens, and
/// stops the run by false, within a tile.
///
/// # Errors
/// A report that cannot be written. A bad picture is told and costs itself alone.
pub fn enlarge(
    upscaling: &Upscaling,
    jobs: Jobs,
    overwrite: bool,
    mut report: Report,
    tell: &mut dyn FnMut(Enlarging<'_>) -> bool,
) -> Result<EnlargingSummary, Error> {
    let resumed = jobs.directory.is_some();
    let mut summary = EnlargingSummary::default();
    for BatchJob { job, output, .. } in &jobs.list {
        let Source::Picture { file, .. } = &job.source else {
            continue; // jobs of prompts are for a session
        };
        let begin = Instant::now();
        let kept = resumed && !overwrite;
        let made = one(upscaling, file, output, kept, &mut |share| {
            tell(Enlarging::Progress { output, share })
        });
        let seconds = begin.elapsed().as_secs_f64();
        let status = match made {
            Ok(Some(size)) => {
                tell(Enlarging::Done {
                    output,
                    size,
                    seconds,
                });
                Status::Enlarged {
                    width: size[0],
                    height: size[1],
                    seconds,
                    peak_bytes: peak_memory(),
                }
            }
            Ok(None) => {
                tell(Enlarging::Skipped { output });
                Status::Skipped
            }
            Err(Error::Upscale(flowinone_upscale::Error::Stopped)) => {
                summary.stopped = true;
                return Ok(summary);
            }
            Err(error) => {
                summary.failed += 1;
                let text = error.to_string();
                tell(Enlarging::Failed { input: file, error });
                Status::Failed { error: text }
            }
        };
        let target = Target {
            output: output.display().to_string(),
            item: job.number,
        };
        report.add(&line(file, Some(target), status))?;
    }
    for Refused { place, reason } in jobs.refused {
        let Place::Entry(input) = place else {
            continue; // lines are for a session
        };
        summary.failed += 1;
        let error = Error::Jobs(reason.clone());
        tell(Enlarging::Failed {
            input: &input,
            error,
        });
        report.add(&line(&input, None, Status::Failed { error: reason }))?;
    }
    Ok(summary)
}

fn line(input: &Path, target: Option<Target>, status: Status) -> Line {
    Line {
        input: input.display().to_string(),
        line: None,
        target,
        seed: None,
        status,
    }
}

/// Makes and writes one picture; its size, or nothing if it was there already.
fn one(
    upscaling: &Upscaling,
    file: &PathBuf,
    output: &Path,
    kept: bool,
    look: &mut dyn FnMut(f64) -> bool,
) -> Result<Option<[u32; 2]>, Error> {
    let bytes = read_picture_file(file)?;
    let record = EnlargedRecord::new(upscaling, file, sha256_of(&bytes));
    if kept && output.exists() {
        return match read_enlarged(output).is_ok_and(|there| there.same_picture(&record)) {
            true => Ok(None),
            false => Err(Error::OtherPicture(output.to_path_buf())),
        };
    }
    let picture = decode_with_alpha(&bytes)
        .map_err(|reason| flowinone_image::Error::picture(file, reason))?;
    drop(bytes);
    let larger = upscaling.enlarge_with_alpha(&picture, look)?;
    make_parent(output)?;
    write_enlarged(output, &larger, &record)?;
    let (width, height) = larger.colours.dimensions();
    Ok(Some([width, height]))
}
