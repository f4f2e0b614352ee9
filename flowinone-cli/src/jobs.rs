//! What a run has to do: which picture or prompt becomes which file. Here from `--input` and
//! `--output` of `generate`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use flowinone_files::{Identity, keep_apart, sha256_of};
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

/// A line of a batch file that is no prompt, or an entry of a folder that cannot be looked at.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) place: Place,
    pub(crate) error: anyhow::Error,
}

/// Where something was to be found.
#[derive(Debug)]
pub(crate) enum Place {
    Line(Line),
    Entry(PathBuf),
}

impl Place {
    /// The file or folder.
    pub(crate) fn file(&self) -> &Path {
        match self {
            Self::Line(line) => &line.file,
            Self::Entry(path) => path,
        }
    }

    /// In a batch file: the line.
    pub(crate) fn line(&self) -> Option<usize> {
        match self {
            Self::Line(line) => Some(line.number),
            Self::Entry(_) => None,
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Line(line) => line.fmt(f),
            Self::Entry(path) => path.display().fmt(f),
        }
    }
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

    /// Makes sure that no file is written over one that the run reads, or over another that it writes.
    ///
    /// Besides the jobs' own, `reads` and `writes` are files of the run. `previews` are written beside
    /// outputs as NAME.step0010.png.
    pub(crate) fn keep_apart(
        &self,
        reads: &[&Path],
        writes: &[&Path],
        previews: bool,
    ) -> Result<()> {
        let inputs: Vec<PathBuf> = self
            .list
            .iter()
            .flat_map(|job| job.source.files())
            .collect();
        let files = self.list.iter().filter_map(|job| job.source.line_file());
        let lines = self.refused.iter().map(|refused| refused.place.file());
        let reads = reads.iter().copied().chain(files).chain(lines);
        let reads = inputs.iter().map(PathBuf::as_path).chain(reads);
        let outputs = self.list.iter().map(|job| job.output.as_path());
        keep_apart(reads.clone(), outputs.chain(writes.iter().copied()))?;
        if previews {
            self.keep_from_previews(reads)?;
        }
        Ok(())
    }

    /// How many previews an adaptive solver makes is not known before: all their names are compared.
    fn keep_from_previews<'a>(&self, reads: impl Iterator<Item = &'a Path>) -> Result<()> {
        let mut outputs: HashMap<String, Vec<&Path>> = HashMap::new();
        for job in &self.list {
            let stem = job.output.file_stem().unwrap_or_default();
            let stem = stem.to_string_lossy().to_lowercase();
            outputs.entry(stem).or_default().push(&job.output);
        }
        for file in reads {
            let name = file
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .to_lowercase();
            let parts = name
                .strip_suffix(".png")
                .and_then(|name| name.rsplit_once(".step"));
            let preview = parts.filter(|(_, step)| step.bytes().all(|byte| byte.is_ascii_digit()));
            let Some((stem, _)) = preview else { continue };
            for output in outputs.get(stem).into_iter().flatten() {
                if Identity::of(output.with_file_name(&name)).is(&Identity::of(file)) {
                    bail!(
                        "{} is read, and has the name of a preview of {}; choose another output",
                        file.display(),
                        output.display()
                    );
                }
            }
        }
        Ok(())
    }
}

/// Expands files, directories and patterns, sorted by path.
///
/// One file and an output that is no directory make a single picture; everything else mirrors the
/// tree of the inputs below the output directory.
pub(crate) fn expand(inputs: &[PathBuf], output: &Path, routing: Routing) -> Result<Jobs> {
    let source = |file| Source::Picture { file, routing };
    if let [input] = inputs
        && is_single(input)
        && !output.is_dir()
        && !output.to_string_lossy().ends_with(['/', '\\'])
    {
        check_png(output)?;
        let source = source(input.clone());
        return Ok(Jobs::single(source, output.to_path_buf(), 0));
    }
    if output.is_file() {
        bail!(
            "output {} is a file, but several pictures need a directory",
            output.display()
        );
    }
    let Found { pictures, refused } = find(inputs, Some(output))?;
    let mut same_stem: HashMap<PathBuf, usize> = HashMap::new();
    for (_, below) in &pictures {
        *same_stem.entry(below.with_extension("png")).or_default() += 1;
    }
    let mut list = vec![];
    let mut outputs: HashMap<PathBuf, PathBuf> = HashMap::new();
    for (input, below) in pictures {
        let plain = below.with_extension("png");
        let number_of = number(&below);
        let name = match same_stem[&plain] {
            1 => plain,
            // a.jpg and a.png beside each other: keep both apart.
            _ => {
                let mut name = below.into_os_string();
                name.push(".png");
                name.into()
            }
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
        refused,
        directory: Some(output.to_path_buf()),
    })
}

/// What files, directories and patterns hold.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Every picture, sorted: its path, and its path below the directory.
    pub(crate) pictures: Vec<(PathBuf, PathBuf)>,
    /// Entries that cannot be looked at.
    pub(crate) refused: Vec<Refused>,
}

/// Every picture of files, directories and patterns but those below `except`.
pub(crate) fn find(inputs: &[PathBuf], except: Option<&Path>) -> Result<Found> {
    let mut found = Found::default();
    let except = except.map(|path| (path, Identity::of(path)));
    for input in inputs {
        let before = found.pictures.len() + found.refused.len();
        collect(input, except.as_ref(), &mut found)?;
        if found.pictures.len() + found.refused.len() == before {
            let brackets = match input.to_string_lossy().contains(['[', ']']) {
                true => "; [ ] stand for one of several characters, write [[] for a bracket itself",
                false => "",
            };
            bail!(
                "no pictures match {} (directories are searched for {}{brackets})",
                input.display(),
                EXTENSIONS.join(", ")
            );
        }
    }
    found.pictures.sort();
    found.pictures.dedup();
    Ok(found)
}

/// Whether an input is one file: also a pipe, which has no name of its own.
fn is_single(input: &Path) -> bool {
    input.metadata().is_ok_and(|there| !there.is_dir())
}

/// Whether macOS put a file beside another one: no picture, whatever its name says.
fn is_companion(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    name.as_encoded_bytes().starts_with(b"._")
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

/// An output directory, and what it is.
type Except<'a> = Option<&'a (&'a Path, Identity)>;

fn collect(input: &Path, except: Except<'_>, found: &mut Found) -> Result<()> {
    let text = input.to_string_lossy();
    if input.is_dir() {
        in_directory(input, except, found)?;
    } else if is_single(input) {
        let name = input.file_name().map(PathBuf::from).unwrap_or_default();
        found.pictures.push((input.to_path_buf(), name));
    } else if text.contains(['*', '?', '[']) {
        by_pattern(input, except, found)?;
    } else {
        let pipe = match &*text {
            "-" => "; write /dev/stdin to read from a pipe",
            _ => "",
        };
        bail!("input {text} does not exist{pipe}");
    }
    Ok(())
}

fn in_directory(folder: &Path, except: Except<'_>, found: &mut Found) -> Result<()> {
    let own = Identity::of(folder);
    // An output directory inside the input must not feed on itself.
    let inside = except.filter(|(_, output)| output.is_within(&own));
    if let Some((output, identity)) = inside
        && identity.is(&own)
    {
        bail!(
            "{} and the output {} are the same directory; choose another output",
            folder.display(),
            output.display()
        );
    }
    let mut entries = WalkDir::new(folder)
        .follow_links(true)
        .sort_by_file_name()
        .into_iter();
    while let Some(entry) = entries.next() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                found.refuse(folder, &error);
                continue;
            }
        };
        let path = entry.path();
        if path.is_dir() {
            if inside.is_some_and(|(_, output)| Identity::of(path).is(output)) {
                entries.skip_current_dir();
            }
            continue;
        }
        if has_extension(path, &EXTENSIONS) && !is_companion(path) {
            let below = path.strip_prefix(folder).unwrap_or(path);
            found
                .pictures
                .push((path.to_path_buf(), below.to_path_buf()));
        }
    }
    Ok(())
}

impl Found {
    /// Notes an entry of a directory that cannot be looked at; it fails alone.
    fn refuse(&mut self, folder: &Path, error: &walkdir::Error) {
        let path = error.path().unwrap_or(folder);
        let picture = has_extension(path, &EXTENSIONS) || path.is_dir();
        // A link to nowhere that is no picture is nobody's loss.
        if is_companion(path) || (path.is_symlink() && !picture) {
            return;
        }
        let error = match (error.loop_ancestor(), error.io_error()) {
            (Some(above), _) => anyhow!("it is a link to {}, which it lies in", above.display()),
            (None, Some(e)) if path.is_symlink() => anyhow!("it is a link that leads nowhere: {e}"),
            (None, Some(e)) => anyhow!("it cannot be read: {e}"),
            (None, None) => anyhow!("{error}"),
        };
        self.refused.push(Refused {
            place: Place::Entry(path.to_path_buf()),
            error,
        });
    }
}

/// The leading folders that are there are taken as they are written, whatever signs they have.
fn by_pattern(input: &Path, except: Except<'_>, found: &mut Found) -> Result<()> {
    let mut root = PathBuf::new();
    let mut parts = input.components().peekable();
    while let Some(part) = parts.peek() {
        let longer = root.join(part);
        if !longer.is_dir() {
            break;
        }
        root = longer;
        parts.next();
    }
    let rest: PathBuf = parts.collect();
    let (Some(root), Some(rest)) = (root.to_str(), rest.to_str()) else {
        bail!("the pattern {} is not UTF-8", input.display());
    };
    let pattern = Path::new(&glob::Pattern::escape(root)).join(rest);
    for entry in glob::glob(&pattern.to_string_lossy())? {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                found.refused.push(Refused {
                    error: anyhow!("it cannot be read: {}", error.error()),
                    place: Place::Entry(error.path().to_path_buf()),
                });
                continue;
            }
        };
        let own = except.is_some_and(|(_, output)| {
            let above = entry.parent().map(Identity::of);
            above.is_some_and(|above| {
                above.is_within(output) && !Identity::of(root).is_within(output)
            })
        });
        if !entry.is_dir() && !own && !is_companion(&entry) {
            let below = entry.strip_prefix(root).unwrap_or(&entry).to_path_buf();
            found.pictures.push((entry, below));
        }
    }
    Ok(())
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
        let inputs: Vec<PathBuf> = inputs.iter().map(|i| folder.join(i)).collect();
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
            let input = [folder.path().join("in")];
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
