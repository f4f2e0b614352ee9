//! Jobs from inputs and an output directory.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use flowinone_files::has_extension;
use flowinone_image::Profiles;

use super::find::{Found, find, is_single};
use super::jobs::{BatchJob, Jobs};
use super::number::number;
use crate::{Error, Job, Routing, Source};

/// Expands files, directories and patterns, sorted by path.
///
/// One file and an output that is no directory make a single picture; everything else mirrors the
/// tree of the inputs below the output directory.
///
/// # Errors
/// Inputs that are not there or hold no pictures, an output of another kind, or two inputs that
/// would become the same file.
pub fn expand(
    inputs: &[PathBuf],
    output: &Path,
    routing: Routing,
    seed: u64,
    profiles: Profiles,
) -> Result<Jobs, Error> {
    let job = |file, number| Job {
        source: Source::Picture { file, routing },
        seed,
        number,
        profiles,
    };
    if let [input] = inputs
        && is_single(input)
        && !output.is_dir()
        && !output.to_string_lossy().ends_with(['/', '\\'])
    {
        check_png(output)?;
        return Ok(Jobs::single(job(input.clone(), 0), output.to_path_buf()));
    }
    if output.is_file() {
        return Err(Error::Jobs(format!(
            "output {} is a file, but several pictures need a directory",
            output.display()
        )));
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
            // a.jpg and a.png in one folder: keep both apart.
            _ => {
                let mut name = below.into_os_string();
                name.push(".png");
                name.into()
            }
        };
        let output = output.join(name);
        if let Some(other) = outputs.insert(output.clone(), input.clone()) {
            return Err(Error::Jobs(format!(
                "{} and {} would both become {}; give them different names",
                other.display(),
                input.display(),
                output.display()
            )));
        }
        list.push(BatchJob {
            job: job(input, number_of),
            output,
            line: None,
        });
    }
    Ok(Jobs {
        list,
        refused,
        directory: Some(output.to_path_buf()),
    })
}

/// Checks that a picture's name ends as it must.
///
/// # Errors
/// A name that does not end in `.png`.
pub fn check_png(output: &Path) -> Result<(), Error> {
    match has_extension(output, &["png"]) {
        true => Ok(()),
        false => Err(Error::Jobs(format!(
            "output {} must end in .png, the format that carries the settings of a picture",
            output.display()
        ))),
    }
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

    fn expanded(
        folder: &Path,
        inputs: &[&str],
        output: &str,
    ) -> Result<Vec<(String, String)>, Error> {
        let inputs: Vec<PathBuf> = inputs.iter().map(|i| folder.join(i)).collect();
        let below = |path: &Path| {
            let path = path.strip_prefix(folder).unwrap();
            path.display().to_string()
        };
        let jobs = expand(
            &inputs,
            &folder.join(output),
            routing(),
            0,
            Profiles::Convert,
        )?;
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

    fn input(job: &BatchJob) -> &Path {
        match &job.job.source {
            Source::Picture { file, .. } => file,
            Source::Prompt { .. } => panic!("a directory holds pictures"),
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
            let jobs = expand(
                &input,
                &folder.path().join("out"),
                routing(),
                0,
                Profiles::Convert,
            )
            .unwrap();
            let pair = |job: &BatchJob| (self::input(job).to_path_buf(), job.job.number);
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
