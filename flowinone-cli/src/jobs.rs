//! What a run has to do: which picture or prompt becomes which file. Here from `--input` and
//! `--output` of `generate`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use flowinone_files::sha256_of;
use walkdir::WalkDir;

use crate::source::{Line, Routing, Source};

/// File name extensions of pictures, for directories.
const EXTENSIONS: [&str; 8] = ["png", "jpg", "jpeg", "webp", "bmp", "tif", "tiff", "gif"];

/// One picture to make.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) source: Source,
    pub(crate) output: PathBuf,
    /// With the seed it selects the noise: 0 for a single picture, else from the path below the
    /// input directory or the line of the batch file, so that pictures added later leave the others
    /// as they were.
    pub(crate) number: u64,
}

/// A line of a batch file that is no prompt.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) line: Line,
    pub(crate) error: anyhow::Error,
}

/// All jobs of a run.
#[derive(Debug)]
pub(crate) struct Jobs {
    pub(crate) list: Vec<Job>,
    /// What cannot become a job, and fails alone.
    pub(crate) refused: Vec<Refused>,
    /// The directory that the outputs lie in and that may hold some of them from an earlier run;
    /// `None` for a single file, which is replaced.
    pub(crate) directory: Option<PathBuf>,
}

impl Jobs {
    /// One picture into a named file.
    pub(crate) fn single(source: Source, output: PathBuf, number: u64) -> Self {
        let job = Job {
            source,
            output,
            number,
        };
        Self {
            list: vec![job],
            refused: vec![],
            directory: None,
        }
    }
}

/// Expands files, directories and patterns, sorted by path.
///
/// One file and an output that is no directory make a single picture; everything else mirrors the
/// tree of the inputs below the output directory.
pub(crate) fn expand(inputs: &[String], output: &Path, routing: Routing) -> Result<Jobs> {
    let source = |file| Source::Picture { file, routing };
    if let [input] = inputs
        && Path::new(input).is_file()
        && !output.is_dir()
        && !output.to_string_lossy().ends_with(['/', '\\'])
    {
        check_png(output)?;
        let source = source(input.into());
        return Ok(Jobs::single(source, output.to_path_buf(), 0));
    }
    if output.is_file() {
        bail!(
            "output {} is a file, but several pictures need a directory",
            output.display()
        );
    }
    let found = find(inputs, Some(output))?;
    let mut same_stem: HashMap<PathBuf, usize> = HashMap::new();
    for (_, below) in &found {
        *same_stem.entry(below.with_extension("png")).or_default() += 1;
    }
    let mut list = vec![];
    let mut outputs: HashMap<PathBuf, PathBuf> = HashMap::new();
    for (input, below) in found {
        let plain = below.with_extension("png");
        let number_of = number(&below);
        let name = match same_stem[&plain] {
            1 => plain,
            // a.jpg and a.png beside each other: keep both apart.
            _ => PathBuf::from(format!("{}.png", below.display())),
        };
        let output = output.join(name);
        if let Some(other) = outputs.insert(output.clone(), input.clone()) {
            bail!(
                "{} and {} would both become {}; give them different names",
                other.display(),
                input.display(),
                output.display()
            );
        }
        list.push(Job {
            source: source(input),
            output,
            number: number_of,
        });
    }
    Ok(Jobs {
        list,
        refused: vec![],
        directory: Some(output.to_path_buf()),
    })
}

/// Every picture of files, directories and patterns but those below `except`, sorted: its path, and
/// its path below the directory.
pub(crate) fn find(inputs: &[String], except: Option<&Path>) -> Result<Vec<(PathBuf, PathBuf)>> {
    let mut found = Vec::new();
    for input in inputs {
        let before = found.len();
        collect(input, except, &mut found)?;
        if found.len() == before {
            bail!(
                "no pictures match {input} (directories are searched for {})",
                EXTENSIONS.join(", ")
            );
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// An error unless a picture's name ends as it must.
pub(crate) fn check_png(output: &Path) -> Result<()> {
    match has_extension(output, &["png"]) {
        true => Ok(()),
        false => bail!(
            "output {} must end in .png, the format that carries the settings of a picture",
            output.display()
        ),
    }
}

/// The item number of a path below an input or output directory.
pub(crate) fn number(below: &Path) -> u64 {
    let parts: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
    number_of_digest(&sha256_of(parts.join("/").as_bytes()))
}

/// An item number: 53 bits of a SHA-256, which every JSON reader keeps exactly.
pub(crate) fn number_of_digest(digest: &str) -> u64 {
    u64::from_str_radix(&digest[..16], 16).map_or(0, |bits| bits >> 11)
}

fn collect(input: &str, except: Option<&Path>, found: &mut Vec<(PathBuf, PathBuf)>) -> Result<()> {
    let path = Path::new(input);
    if path.is_dir() {
        for entry in WalkDir::new(path).follow_links(true).sort_by_file_name() {
            let entry = entry?;
            let inside = entry.path();
            // An output directory inside the input must not feed on itself.
            let kept = !except.is_some_and(|except| inside.starts_with(except));
            if inside.is_file() && kept && has_extension(inside, &EXTENSIONS) {
                let below = inside.strip_prefix(path).unwrap_or(inside);
                found.push((inside.to_path_buf(), below.to_path_buf()));
            }
        }
    } else if path.is_file() {
        let name = path.file_name().map(PathBuf::from).unwrap_or_default();
        found.push((path.to_path_buf(), name));
    } else if input.contains(['*', '?', '[']) {
        let root = plain_prefix(path);
        for entry in glob::glob(input)? {
            let entry = entry?;
            if entry.is_file() {
                let below = entry.strip_prefix(&root).unwrap_or(&entry).to_path_buf();
                found.push((entry, below));
            }
        }
    } else {
        bail!("input {input} does not exist");
    }
    Ok(())
}

/// The leading folders of a pattern that have no wildcard.
fn plain_prefix(pattern: &Path) -> PathBuf {
    let plain = |part: &std::path::Component<'_>| {
        !part.as_os_str().to_string_lossy().contains(['*', '?', '['])
    };
    pattern.components().take_while(plain).collect()
}

pub(crate) fn has_extension(path: &Path, allowed: &[&str]) -> bool {
    path.extension()
        .is_some_and(|e| allowed.iter().any(|a| e.eq_ignore_ascii_case(a)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"").unwrap();
        }
        folder
    }

    fn expanded(folder: &Path, inputs: &[&str], output: &str) -> Result<Vec<(String, String)>> {
        let inputs: Vec<String> = inputs
            .iter()
            .map(|i| folder.join(i).display().to_string())
            .collect();
        let below = |path: &Path| {
            let path = path.strip_prefix(folder).unwrap();
            path.display().to_string()
        };
        let jobs = expand(&inputs, &folder.join(output), routing())?;
        Ok(jobs
            .list
            .iter()
            .map(|job| (below(input(job)), below(&job.output)))
            .collect())
    }

    fn routing() -> Routing {
        Routing {
            task: None,
            structure: true,
        }
    }

    fn input(job: &Job) -> &Path {
        match &job.source {
            Source::Picture { file, .. } => file,
            Source::Prompt(_) => panic!("a directory holds pictures"),
        }
    }

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter()
            .map(|(a, b)| (a.to_string(), b.to_string()))
            .collect()
    }

    #[test]
    fn one_file_becomes_one_file() {
        let folder = tree(&["a.jpg"]);
        let jobs = expanded(folder.path(), &["a.jpg"], "out/b.png").unwrap();
        assert_eq!(jobs, pairs(&[("a.jpg", "out/b.png")]));
        let text = expanded(folder.path(), &["a.jpg"], "b.jpg")
            .unwrap_err()
            .to_string();
        assert!(text.contains("must end in .png"), "{text}");
        let jobs = expanded(folder.path(), &["a.jpg"], "out/").unwrap();
        assert_eq!(jobs, pairs(&[("a.jpg", "out/a.png")]));
    }

    #[test]
    fn a_directory_is_mirrored_without_its_own_output() {
        let folder = tree(&["in/b/x.PNG", "in/a.jpg", "in/notes.txt", "in/out/old.png"]);
        let jobs = expanded(folder.path(), &["in"], "in/out").unwrap();
        assert_eq!(
            jobs,
            pairs(&[
                ("in/a.jpg", "in/out/a.png"),
                ("in/b/x.PNG", "in/out/b/x.png")
            ])
        );
    }

    #[test]
    fn a_picture_added_later_leaves_the_numbers_of_the_others() {
        let folder = tree(&["in/b.png", "in/c.png"]);
        let numbers = || {
            let input = [folder.path().join("in").display().to_string()];
            let jobs = expand(&input, &folder.path().join("out"), routing()).unwrap();
            let pair = |job: &Job| (self::input(job).to_path_buf(), job.number);
            jobs.list.iter().map(pair).collect::<HashMap<_, _>>()
        };
        let before = numbers();
        std::fs::write(folder.path().join("in/a.png"), b"").unwrap();
        let after = numbers();
        assert_eq!((before.len(), after.len()), (2, 3));
        assert!(before.iter().all(|(input, number)| after[input] == *number));
    }

    #[test]
    fn equal_stems_stay_apart() {
        let folder = tree(&["in/a.jpg", "in/a.png", "in/b.png"]);
        let jobs = expanded(folder.path(), &["in"], "out").unwrap();
        let outputs: Vec<&str> = jobs.iter().map(|(_, o)| o.as_str()).collect();
        assert_eq!(outputs, ["out/a.jpg.png", "out/a.png.png", "out/b.png"]);
    }

    #[test]
    fn a_pattern_keeps_the_folders_below_its_plain_part() {
        let folder = tree(&["in/x/a.png", "in/y/a.png", "in/y/b.txt"]);
        let jobs = expanded(folder.path(), &["in/*/*.png"], "out").unwrap();
        assert_eq!(
            jobs,
            pairs(&[("in/x/a.png", "out/x/a.png"), ("in/y/a.png", "out/y/a.png")])
        );
    }

    #[test]
    fn absence_is_said() {
        let folder = tree(&["in/notes.txt"]);
        for (input, reason) in [
            ("in", "no pictures match"),
            ("gone.png", "does not exist"),
            ("*.png", "no pictures"),
        ] {
            let text = expanded(folder.path(), &[input], "out")
                .unwrap_err()
                .to_string();
            assert!(text.contains(reason), "{text}");
        }
    }

    #[test]
    fn two_inputs_never_share_an_output() {
        let folder = tree(&["one/a.png", "two/a.png"]);
        let text = expanded(folder.path(), &["one", "two"], "out")
            .unwrap_err()
            .to_string();
        assert!(text.contains("would both become"), "{text}");
    }
}
