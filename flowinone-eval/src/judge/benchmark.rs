//! A benchmark on the disk, and the results that belong to it.
//!
//! `BENCHMARK/SUBSET/NAME.png` are the prompts, in folders with VP-Bench's subset names, and
//! `BENCHMARK/SUBSET/instructions.json` may hold their words: `{"NAME": "words"}`. The result of a
//! prompt is `RESULTS/SUBSET/NAME.*`, or `RESULTS/NAME.*` if there is none.
//!
//! With the feature `parquet` the benchmark may be a Parquet file with VP-Bench's columns, or a
//! folder of such; the picture of a row is then `FILE.parquet/SUBSET/NAME`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::super::Error;
use flowinone_prompts::Task;

/// Extensions of pictures.
const EXTENSIONS: [&str; 8] = ["png", "jpg", "jpeg", "webp", "bmp", "gif", "tif", "tiff"];
/// Name of the file with the prompts' words.
const INSTRUCTIONS: &str = "instructions.json";
/// Largest such file, in bytes.
const MAX_INSTRUCTIONS: u64 = 64 << 20;

/// A prompt of the benchmark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// The subset, by the task that it is about.
    pub task: Task,
    /// Its name in the subset, without extension, with `/` between folders.
    pub name: String,
    /// The picture.
    pub picture: PathBuf,
    /// Its words, if the benchmark has them.
    pub instruction: Option<String>,
    /// The result, if there is one.
    pub result: Option<PathBuf>,
}

/// What a benchmark holds.
pub(crate) struct Benchmark {
    /// Its prompts, by task and name.
    pub(crate) prompts: Vec<Prompt>,
    /// What in it is no prompt, and why.
    pub(crate) left_out: Vec<String>,
}

/// Lists the prompts of the `tasks` that the benchmark has, and what it leaves out.
///
/// # Errors
/// As [`prompts`]; and a Parquet file that is damaged or lacks a column.
pub(crate) fn open(benchmark: &Path, results: &Path, tasks: &[Task]) -> Result<Benchmark, Error> {
    #[cfg(feature = "parquet")]
    {
        let files = flowinone_parquet::find(benchmark)?;
        if !files.is_empty() {
            return rows(benchmark, &files, results, tasks);
        }
    }
    Ok(Benchmark {
        prompts: prompts(benchmark, results, tasks)?,
        left_out: vec![],
    })
}

/// The bytes of a prompt's picture.
///
/// # Errors
/// A file that cannot be read.
pub(crate) fn picture_file(path: &Path) -> Result<Vec<u8>, Error> {
    #[cfg(feature = "parquet")]
    if flowinone_parquet::container(path).is_some() {
        return Ok(flowinone_parquet::read_picture_file(path)?);
    }
    Ok(flowinone_image::read_picture_file(path)?)
}

#[cfg(feature = "parquet")]
fn rows(
    benchmark: &Path,
    files: &[PathBuf],
    results: &Path,
    tasks: &[Task],
) -> Result<Benchmark, Error> {
    let flat = results_in(results)?;
    let (mut prompts, mut left_out) = (vec![], vec![]);
    for file in files {
        let pairs = flowinone_parquet::Pairs::open(file)?;
        let told = pairs.left_out().iter();
        left_out.extend(told.map(|row| format!("{}: {row}", file.display())));
        for row in pairs.rows().iter().filter(|row| tasks.contains(&row.task)) {
            let name = without_extension(&row.name);
            prompts.push(Prompt {
                task: row.task,
                picture: pairs.place(row),
                instruction: row.words.clone(),
                result: result(&flat, row.task, &name),
                name,
            });
        }
    }
    prompts.sort_by(|a: &Prompt, b| (a.task, &a.name).cmp(&(b.task, &b.name)));
    let same = |pair: &[Prompt]| (pair[0].task, &pair[0].name) == (pair[1].task, &pair[1].name);
    if let Some(pair) = prompts.windows(2).find(|pair| same(pair)) {
        let reason = format!(
            "{} has the same name; remove one",
            pair[0].picture.display()
        );
        return Err(Error::benchmark(&pair[1].picture, reason));
    }
    match prompts.is_empty() {
        true => Err(Error::benchmark(
            benchmark,
            format!("it has no row of the subsets {}", names(tasks)),
        )),
        false => Ok(Benchmark { prompts, left_out }),
    }
}

/// Lists the prompts of the `tasks` that a folder has, by task and name.
///
/// # Errors
/// A folder that cannot be read or has no subset, instructions of the wrong form, or two pictures
/// that differ in extension only.
fn prompts(benchmark: &Path, results: &Path, tasks: &[Task]) -> Result<Vec<Prompt>, Error> {
    let flat = results_in(results)?;
    let mut found = vec![];
    for task in Task::ALL.into_iter().filter(|task| tasks.contains(task)) {
        let subset = benchmark.join(task.benchmark_name());
        if !subset.is_dir() {
            continue;
        }
        let mut instructions = instructions(&subset.join(INSTRUCTIONS))?;
        for (name, picture) in pictures(&subset)? {
            let result = result(&flat, task, &name);
            let instruction = instructions.remove(&name);
            found.push(Prompt {
                task,
                name,
                picture,
                instruction,
                result,
            });
        }
        if let Some(name) = instructions.keys().next() {
            let reason = format!("it has words for {name:?}, but there is no such picture");
            return Err(Error::benchmark(&subset.join(INSTRUCTIONS), reason));
        }
    }
    if found.is_empty() {
        let names = names(tasks);
        let reason = format!("none of the folders {names} is there with pictures in it");
        return Err(Error::benchmark(benchmark, reason));
    }
    Ok(found)
}

/// All results, by relative name without extension.
fn results_in(results: &Path) -> Result<BTreeMap<String, PathBuf>, Error> {
    match results.is_dir() {
        true => pictures(results),
        false => Err(Error::benchmark(
            results,
            "there is no such folder of results",
        )),
    }
}

/// The result of a prompt: beside its subset, or flat.
fn result(found: &BTreeMap<String, PathBuf>, task: Task, name: &str) -> Option<PathBuf> {
    let nested = format!("{}/{name}", task.benchmark_name());
    found.get(&nested).or_else(|| found.get(name)).cloned()
}

fn names(tasks: &[Task]) -> String {
    let names = tasks.iter().map(|task| task.benchmark_name());
    names.collect::<Vec<_>>().join(", ")
}

/// The words of prompts, by name without extension.
fn instructions(path: &Path) -> Result<BTreeMap<String, String>, Error> {
    if !path.is_file() {
        return Ok(BTreeMap::new());
    }
    let size = std::fs::metadata(path)
        .map_err(Error::io("read", path))?
        .len();
    if size > MAX_INSTRUCTIONS {
        let reason = format!("it has {size} bytes, more than {MAX_INSTRUCTIONS}");
        return Err(Error::benchmark(path, reason));
    }
    let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
    let text = flowinone_files::text_of(bytes).map_err(|reason| Error::benchmark(path, reason))?;
    let words: BTreeMap<String, String> = serde_json::from_str(&text).map_err(|e| {
        let reason = format!("expected an object {{\"NAME\": \"words\"}}: {e}");
        Error::benchmark(path, reason)
    })?;
    let bare = |(name, words): (String, String)| {
        let picture = Path::new(&name).extension().is_some_and(is_picture);
        let bare = if picture {
            without_extension(&name)
        } else {
            name
        };
        (bare, words)
    };
    Ok(words.into_iter().map(bare).collect())
}

fn is_picture(extension: &std::ffi::OsStr) -> bool {
    let known = |e: &str| EXTENSIONS.contains(&&*e.to_ascii_lowercase());
    extension.to_str().is_some_and(known)
}

fn without_extension(name: &str) -> String {
    name.rsplit_once('.').map_or(name, |(bare, _)| bare).into()
}

/// The pictures below a folder, by relative name without extension; links are followed, and what
/// macOS puts beside files is passed over.
pub(crate) fn pictures(folder: &Path) -> Result<BTreeMap<String, PathBuf>, Error> {
    let mut found = BTreeMap::new();
    for entry in WalkDir::new(folder).follow_links(true).sort_by_file_name() {
        let entry = entry.map_err(|e| Error::io("read", folder)(e.into()))?;
        let path = entry.path();
        let companion = entry.file_name().as_encoded_bytes().starts_with(b"._");
        let picture = path.extension().is_some_and(is_picture);
        if companion || !entry.file_type().is_file() || !picture {
            continue;
        }
        let relative = path.strip_prefix(folder).expect("it lies in the folder");
        let name = relative.to_str().map(|name| name.replace('\\', "/"));
        let name = name.ok_or_else(|| Error::benchmark(path, "its name is no text"))?;
        if let Some(other) = found.insert(without_extension(&name), path.to_path_buf()) {
            let reason = format!("{} has the same name; remove one", other.display());
            return Err(Error::benchmark(path, reason));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(root: &Path, names: &[&str]) {
        for name in names {
            let path = root.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"").unwrap();
        }
    }

    #[test]
    fn results_are_found_beside_their_subset_or_flat() {
        let folder = tempfile::tempdir().unwrap();
        let [benchmark, results] = ["b", "r"].map(|name| folder.path().join(name));
        touch(
            &benchmark,
            &[
                "force/a.png",
                "force/deep/b.jpg",
                "doodles/a.png",
                "other/x.png",
            ],
        );
        touch(&results, &["force/a.webp", "a.png", "deep/b.png"]);
        let words = r#"{"a.png": "push", "deep/b": "pull"}"#;
        std::fs::write(benchmark.join("force/instructions.json"), words).unwrap();
        let found = prompts(&benchmark, &results, &Task::ALL).unwrap();
        let of = |prompt: &Prompt| {
            let result = prompt.result.as_ref().unwrap();
            let result = result.strip_prefix(&results).unwrap();
            let words = prompt.instruction.clone().unwrap_or_default();
            (prompt.name.clone(), result.display().to_string(), words)
        };
        let expect = |a: &str, b: &str, c: &str| (a.to_string(), b.to_string(), c.to_string());
        assert_eq!(
            found.iter().map(of).collect::<Vec<_>>(),
            [
                expect("a", "a.png", ""), // doodles come first, and fall back
                expect("a", "force/a.webp", "push"),
                expect("deep/b", "deep/b.png", "pull"),
            ]
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        touch(root, &["b/force/a.png", "r/a.png"]);
        let of = |results: &str, tasks: &[Task]| {
            let found = prompts(&root.join("b"), &root.join(results), tasks);
            found.map(|found| found.len()).map_err(|e| e.to_string())
        };
        assert_eq!(of("r", &[Task::Force]), Ok(1));
        assert!(of("absent", &[Task::Force]).unwrap_err().contains("absent"));
        assert!(of("r", &[Task::Doodle]).unwrap_err().contains("doodles"));
        let words = root.join("b/force/instructions.json");
        std::fs::write(&words, r#"{"c": "push"}"#).unwrap();
        assert!(of("r", &[Task::Force]).unwrap_err().contains("\"c\""));
        std::fs::write(&words, "[1]").unwrap();
        assert!(
            of("r", &[Task::Force])
                .unwrap_err()
                .contains("instructions.json")
        );
        std::fs::remove_file(&words).unwrap();
        touch(root, &["b/force/a.jpg"]);
        assert!(of("r", &[Task::Force]).unwrap_err().contains("same name"));
    }
}
