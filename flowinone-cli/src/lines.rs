//! A batch file: one prompt a line, as JSON. Beside what the prompt itself says, a line may say
//!
//! - `output`: the picture's name below the output directory, `.png` added if need be
//!   (without: the task and the first digits of the SHA-256 of the line's content),
//! - `item`: the number that selects the noise (without: taken from the name, or from the content),
//! - `side`: the side of the prompt picture.
//!
//! Nothing depends on a line's place in the file, so that lines can be added, removed and sorted.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail};
use flowinone_files::sha256_of;
use flowinone_image::read_picture_file;
use flowinone_prompts::{Prompt, VisualPrompt};
use serde::{Deserialize, Serialize};

use crate::jobs::{Job, Jobs, Refused, has_extension, number, number_of_digest};
use crate::source::{Drawn, Line, Source};

/// What a line says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Entry {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) output: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) item: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) side: Option<u32>,
    #[serde(flatten)]
    pub(crate) prompt: Prompt,
}

/// The jobs of a batch file, and the lines that are none. Relative paths start at the file's folder;
/// `side` is that of lines which do not say theirs.
pub(crate) fn read(file: &Path, output: &Path, side: u32) -> Result<Jobs> {
    let content = read_picture_file(file)?;
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&content);
    let folder = file.parent().unwrap_or(Path::new(""));
    let mut jobs = Jobs {
        list: vec![],
        refused: vec![],
        directory: Some(output.to_path_buf()),
    };
    let mut lines_of: HashMap<PathBuf, usize> = HashMap::new(); // by output
    for (index, text) in content.split(|&byte| byte == b'\n').enumerate() {
        let text = text.trim_ascii();
        if text.is_empty() {
            continue;
        }
        let line = Line {
            file: file.to_path_buf(),
            number: index + 1,
        };
        let job = job(text, &line, output, side, folder).and_then(|job| {
            match lines_of.insert(job.output.clone(), line.number) {
                None => Ok(job),
                Some(other) => bail!(
                    "line {other} becomes {} as well; give each an \"output\" of its own",
                    job.output.display()
                ),
            }
        });
        match job {
            Ok(job) => jobs.list.push(job),
            Err(error) => jobs.refused.push(Refused { line, error }),
        }
    }
    Ok(jobs)
}

fn job(text: &[u8], line: &Line, output: &Path, side: u32, folder: &Path) -> Result<Job> {
    let mut entry: Entry = serde_json::from_slice(text).context("it is no prompt")?;
    let name = entry.output.take().map(|name| place(&name)).transpose()?;
    let digest = sha256_of(serde_json::to_string(&entry)?.as_bytes());
    let named = name.as_deref().map(number);
    let task = entry.prompt.task();
    let name = name.unwrap_or_else(|| format!("{task}-{}.png", &digest[..12]).into());
    entry.prompt.resolve(folder);
    Ok(Job {
        source: Source::Prompt(Box::new(Drawn {
            prompt: entry.prompt,
            side: entry.side.unwrap_or(side),
            line: Some(line.clone()),
        })),
        output: output.join(name),
        number: entry
            .item
            .or(named)
            .unwrap_or_else(|| number_of_digest(&digest)),
    })
}

/// The file below the output directory that a name means.
fn place(name: &str) -> Result<PathBuf> {
    let path = Path::new(name);
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_));
    if name.is_empty() || !path.components().all(plain) || name.ends_with('/') {
        bail!(
            "output {name:?} is no name below the output directory; write one such as \"cats/1\""
        );
    }
    if name.contains(|c: char| c == '\\' || c.is_control()) {
        bail!("output {name:?} has characters that not every system takes in a name; use others");
    }
    Ok(match has_extension(path, &["png"]) {
        true => path.to_path_buf(),
        false => format!("{name}.png").into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jobs(text: &str) -> Jobs {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.jsonl");
        std::fs::write(&file, text).unwrap();
        read(&file, Path::new("out"), 512).unwrap()
    }

    #[test]
    fn nothing_depends_on_the_place_of_a_line() {
        let [a, b] = [
            r#"{"task":"text-to-image","text":"a tram"}"#,
            r#"{"task":"class-to-image","name":"cat","output":"cats/1"}"#,
        ];
        let all = |text: &str| -> HashMap<PathBuf, u64> {
            let jobs = jobs(text);
            assert!(jobs.refused.is_empty(), "{:?}", jobs.refused);
            jobs.list
                .into_iter()
                .map(|job| (job.output, job.number))
                .collect()
        };
        let first = all(&format!("{a}\n{b}"));
        assert_eq!(first, all(&format!("\u{feff}{b}\r\n\n  {a}\n")));
        let spaced = a.replace(':', " : ");
        assert_eq!(
            first,
            all(&format!("{b}\n{spaced}\n")),
            "spaces mean nothing"
        );
        assert!(first.contains_key(Path::new("out/cats/1.png")), "{first:?}");
        let number = |text: &str| jobs(text).list[0].number;
        assert_ne!(number(a), number(&a.replace("tram", "bus")));
        assert_eq!(number(&a.replace("{", r#"{"item":7,"#)), 7);
    }

    #[test]
    fn a_bad_line_is_refused_alone_and_by_its_number() {
        let good = r#"{"task":"text-to-image","text":"a tram","output":"a"}"#;
        for (bad, reason) in [
            ("{", "no prompt"),
            ("[1]", "no prompt"),
            (r#"{"task":"paint"}"#, "paint"),
            (r#"{"task":"text-to-image","text":"a","size":3}"#, "size"),
            (r#"{"task":"text-to-image"}"#, "text"),
            (
                r#"{"task":"text-box","picture":"a.png","text":"a","box":[1.0,2,3,4]}"#,
                "100%",
            ),
            (
                r#"{"task":"text-to-image","text":"b","output":"a.png"}"#,
                "line 1",
            ),
            (
                r#"{"task":"text-to-image","text":"b","output":"../b"}"#,
                "below the output",
            ),
            (
                r#"{"task":"text-to-image","text":"b","output":"b/../../c"}"#,
                "below the output",
            ),
            (
                r#"{"task":"text-to-image","text":"b","output":"/etc/b"}"#,
                "below the output",
            ),
            (
                r#"{"task":"text-to-image","text":"b","output":""}"#,
                "below the output",
            ),
            (
                r#"{"task":"text-to-image","text":"b","output":"b/"}"#,
                "below the output",
            ),
            (
                r#"{"task":"text-to-image","text":"b","output":"..\\b"}"#,
                "characters",
            ),
        ] {
            let jobs = jobs(&format!("{good}\n{bad}\n"));
            let [refused] = jobs.refused.as_slice() else {
                panic!("{bad}: {jobs:?}");
            };
            let text = format!("{:#}", refused.error);
            assert!(text.contains(reason), "{bad}: {text}");
            assert_eq!((refused.line.number, jobs.list.len()), (2, 1), "{bad}");
        }
    }
}
