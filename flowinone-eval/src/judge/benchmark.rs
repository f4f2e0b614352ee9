//! A benchmark on the disk, and the results that belong to it.
//!
//! `BENCHMARK/SUBSET/NAME.png` are the prompts, in folders with VP-Bench's subset names, and
//! `BENCHMARK/SUBSET/instructions.json` may hold their words: `{"NAME": "words"}`. The result of a
//! prompt is `RESULTS/SUBSET/NAME.*`, or `RESULTS/NAME.*` if there is none.

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

/// Lists the prompts of the `tasks` that the benchmark has, by task and name.
///
/// # Errors
/// A folder that cannot be read or has no subset, instructions of the wrong form, or two pictures
/// that differ in extension only.
pub(crate) fn prompts(
    benchmark: &Path,
    results: &Path,
    tasks: &[Task],
) -> Result<Vec<Prompt>, Error> {
    if !results.is_dir() {
        let reason = "there is no such folder of results";
        return Err(Error::benchmark(results, reason));
    }
    let mut found = vec![];
    let flat = pictures(results)?;
    for task in Task::ALL.into_iter().filter(|task| tasks.contains(task)) {
        let subset = benchmark.join(task.benchmark_name());
        if !subset.is_dir() {
            continue;
        }
        let mut instructions = instructions(&subset.join(INSTRUCTIONS))?;
        for (name, picture) in pictures(&subset)? {
            let nested = format!("{}/{name}", task.benchmark_name());
            let result = flat.get(&nested).or_else(|| flat.get(&name)).cloned();
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
        let names = tasks.iter().map(|task| task.benchmark_name());
        let names = names.collect::<Vec<_>>().join(", ");
        let reason = format!("none of the folders {names} is there with pictures in it");
        return Err(Error::benchmark(benchmark, reason));
    }
    Ok(found)
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
