//! Jobs from the rows of Parquet files, as VP-Bench is published.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use flowinone_files::has_extension;
use flowinone_image::Profiles;
use flowinone_parquet::Pairs;

use super::jobs::{BatchJob, Jobs};
use super::number::number;
use super::place::{Place, Refused};
use crate::{Error, Job, Routing, Source};

/// The Parquet files that the inputs are, or are folders of; none if the inputs are pictures.
///
/// # Errors
/// Parquet files and other inputs at once.
pub fn parquet_files(inputs: &[PathBuf]) -> Result<Vec<PathBuf>, Error> {
    let mut files = vec![];
    let mut other = None;
    for input in inputs {
        // What cannot be looked at is told where pictures are looked for.
        match flowinone_parquet::find(input).unwrap_or_default() {
            found if found.is_empty() => other = Some(input),
            found => files.extend(found),
        }
    }
    match (files.first(), other) {
        (Some(file), Some(other)) => Err(Error::Jobs(format!(
            "{} holds pairs of a benchmark and {} does not; give them to two runs",
            file.display(),
            other.display()
        ))),
        _ => Ok(files),
    }
}

/// Expands the rows of Parquet files: `SUBSET/NAME.png` below the output directory, the same
/// pictures that a folder of these prompts becomes. Each is routed by its subset, unless `routing`
/// says otherwise; rows that are no pairs fail alone.
///
/// # Errors
/// A file that is no table of pairs, an output that is no directory, or two rows of the same name.
pub fn expand_rows(
    files: &[PathBuf],
    output: &Path,
    routing: Option<Routing>,
    seed: u64,
    profiles: Profiles,
) -> Result<Jobs, Error> {
    if output.is_file() || has_extension(output, &["png"]) {
        return Err(Error::Jobs(format!(
            "output {} is a file, but several pictures need a directory",
            output.display()
        )));
    }
    let (mut list, mut refused) = (vec![], vec![]);
    let mut outputs: HashMap<PathBuf, PathBuf> = HashMap::new();
    for file in files {
        let pairs = Pairs::open(file)?;
        refused.extend(pairs.left_out().iter().map(|row| Refused {
            place: Place::Entry(file.clone()),
            reason: row.to_string(),
        }));
        for row in pairs.rows() {
            let below = Path::new(row.task.benchmark_name()).join(&row.name);
            let output = output.join(below.with_extension("png"));
            let place = pairs.place(row);
            if let Some(other) = outputs.insert(output.clone(), place.clone()) {
                return Err(Error::Jobs(format!(
                    "{} and {} would both become {}",
                    other.display(),
                    place.display(),
                    output.display()
                )));
            }
            list.push(BatchJob {
                job: Job {
                    source: Source::Picture {
                        file: place,
                        routing: routing.unwrap_or(Routing::of(row.task)),
                    },
                    seed,
                    number: number(&below),
                    profiles,
                },
                output,
                line: None,
            });
        }
    }
    Ok(Jobs {
        list,
        refused,
        directory: Some(output.to_path_buf()),
    })
}
