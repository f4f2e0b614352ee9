//! What a run has to do: which picture or prompt becomes which file.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use flowinone_files::keep_apart;

use super::place::{LinePlace, Refused};
use crate::{Error, Job};

/// One picture to make into a file.
///
/// Where several are made, the [number](Job::number) of the job comes from the path below the input
/// directory or from the line of the batch file, so that pictures added later leave the others as
/// they were.
#[derive(Debug)]
pub struct BatchJob {
    /// What the picture is made from.
    pub job: Job,
    /// Its file, a PNG.
    pub output: PathBuf,
    /// Where it was read, if from a batch file.
    pub line: Option<LinePlace>,
}

/// All jobs of a run.
#[derive(Debug)]
pub struct Jobs {
    /// What can be made.
    pub list: Vec<BatchJob>,
    /// What cannot become a job, and fails alone.
    pub refused: Vec<Refused>,
    /// The directory that the outputs lie in and that may hold some of them from an earlier run;
    /// `None` for a single file, which is replaced.
    pub directory: Option<PathBuf>,
}

impl Jobs {
    /// One picture into a named file.
    pub fn single(job: Job, output: PathBuf) -> Self {
        Self {
            list: vec![BatchJob {
                job,
                output,
                line: None,
            }],
            refused: vec![],
            directory: None,
        }
    }

    /// How many pictures were asked for.
    pub fn len(&self) -> usize {
        self.list.len() + self.refused.len()
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Makes sure that no file is written over one that the run reads, or over another that it
    /// writes.
    ///
    /// Besides the jobs' own, `reads` and `writes` are files of the run. `previews` are written
    /// next to outputs as NAME.step0010.png.
    ///
    /// # Errors
    /// Names the two files that would meet.
    pub fn keep_apart(
        &self,
        reads: &[&Path],
        writes: &[&Path],
        previews: bool,
    ) -> Result<(), Error> {
        let inputs: Vec<PathBuf> = self
            .list
            .iter()
            .flat_map(|job| job.job.source.files())
            .collect();
        let lines = self.list.iter().filter_map(|job| job.line.as_ref());
        let files = lines.map(|line| line.file.as_path());
        let refused = self.refused.iter().map(|refused| refused.place.file());
        let reads = reads.iter().copied().chain(files).chain(refused);
        let reads = inputs.iter().map(PathBuf::as_path).chain(reads);
        let outputs = self.list.iter().map(|job| job.output.as_path());
        keep_apart(reads.clone(), outputs.chain(writes.iter().copied()))?;
        if previews {
            let there = self.previews();
            keep_apart(reads, there.iter().map(PathBuf::as_path))?;
        }
        Ok(())
    }

    /// Files that have the name of a preview of an output: only what is there can be written over.
    fn previews(&self) -> Vec<PathBuf> {
        let stem = |path: &Path| {
            let stem = path.file_stem().unwrap_or_default();
            stem.to_string_lossy().to_lowercase()
        };
        let mut folders: HashMap<&Path, HashSet<String>> = HashMap::new();
        for BatchJob { output, .. } in &self.list {
            let folder = output.parent().filter(|path| !path.as_os_str().is_empty());
            let stems = folders.entry(folder.unwrap_or(Path::new("."))).or_default();
            stems.insert(stem(output));
        }
        let mut found = vec![];
        for (folder, stems) in folders {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                // NAME.step0010.png is NAME.step0010 without its extension.
                let name = stem(&entry.path());
                if name
                    .rsplit_once(".step")
                    .is_some_and(|(stem, _)| stems.contains(stem))
                {
                    found.push(entry.path());
                }
            }
        }
        found
    }
}
