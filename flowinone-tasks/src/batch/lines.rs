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

use flowinone_files::{absolute, has_extension, sha256_of, text_of};
use flowinone_image::{Profiles, read_picture_file};
use flowinone_prompts::{Prompt, PromptStyle, VisualPrompt};
use serde::{Deserialize, Serialize};

use super::jobs::{BatchJob, Jobs};
use super::number::{number, number_of_digest};
use super::place::{LinePlace, Place, Refused};
use crate::{Error, Job, Source};

/// What a line says.
#[derive(Debug, Serialize, Deserialize)]
pub struct BatchLine {
    /// The picture's name below the output directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// The number that selects the noise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<u64>,
    /// Side of the prompt picture, in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side: Option<u32>,
    /// The prompt.
    #[serde(flatten)]
    pub prompt: Prompt,
}

impl BatchLine {
    /// The line of `file` that makes the same picture of a prompt as `output` is: files below the
    /// file's own folder are named relative to it, others absolutely.
    pub fn of(prompt: &Prompt, output: &Path, side: u32, file: &Path) -> Self {
        let own = absolute(file);
        let folder = own.parent().unwrap_or(Path::new(""));
        let mut prompt = prompt.clone();
        prompt.each_file(|path| {
            let whole = absolute(path);
            *path = whole
                .strip_prefix(folder)
                .map_or(whole.clone(), Path::to_path_buf);
        });
        let name = output
            .file_stem()
            .map(|name| name.to_string_lossy().into_owned());
        Self {
            output: name,
            item: Some(0),
            side: Some(side),
            prompt,
        }
    }

    /// The file below the output directory that it names, if it names one.
    ///
    /// # Errors
    /// What is wrong with the name: it leads out of the directory, or not every system takes it.
    pub fn name(&self) -> Result<Option<PathBuf>, String> {
        self.output.as_deref().map(place).transpose()
    }

    /// The job of it: its prompt in a model's style, on a canvas of `side` pixels if it does not
    /// say its own.
    pub fn job(
        self,
        style: &PromptStyle,
        side: u32,
        seed: u64,
        number: u64,
        profiles: Profiles,
    ) -> Job {
        Job {
            source: Source::Prompt {
                prompt: Box::new(style.applied(self.prompt)),
                side: self.side.unwrap_or(side),
            },
            seed,
            number,
            profiles,
        }
    }

    /// It as JSON, without an end of line.
    ///
    /// # Errors
    /// A prompt with pixels in memory, which cannot be written.
    pub fn json(&self) -> Result<String, Error> {
        serde_json::to_string(self).map_err(|e| Error::Jobs(e.to_string()))
    }
}

/// A line of a batch file, with what follows from it.
#[derive(Debug)]
pub struct NamedLine {
    /// What it says. Relative paths of files start at the folder of the batch file.
    pub line: BatchLine,
    /// Its picture's name below the output directory: the line's own, or by its content.
    pub name: PathBuf,
    /// Whether the line says the name itself.
    pub named: bool,
    /// The number of the item: the line's own, or by its name or content.
    pub number: u64,
    /// Where it stands.
    pub place: LinePlace,
}

/// The prompts of a batch file, and the lines that are none.
///
/// # Errors
/// A file that cannot be read.
pub fn parse_lines(file: &Path) -> Result<(Vec<NamedLine>, Vec<Refused>), Error> {
    let content = text_of(read_picture_file(file)?);
    let content = content.map_err(|reason| Error::Jobs(format!("{}: {reason}", file.display())))?;
    let folder = file.parent().unwrap_or(Path::new(""));
    let (mut lines, mut refused) = (vec![], vec![]);
    let mut lines_of: HashMap<PathBuf, usize> = HashMap::new(); // by name
    for (index, text) in content.split('\n').enumerate() {
        let text = text.trim();
        if text.is_empty() {
            continue;
        }
        let place = LinePlace {
            file: file.to_path_buf(),
            number: index + 1,
        };
        let number = place.number;
        let line = named(text, folder, place.clone()).and_then(|line| {
            match lines_of.insert(line.name.clone(), number) {
                None => Ok(line),
                Some(other) => Err(format!(
                    "line {other} becomes {} as well; give each an \"output\" of its own",
                    line.name.display()
                )),
            }
        });
        match line {
            Ok(line) => lines.push(line),
            Err(reason) => refused.push(Refused {
                place: Place::Line(place),
                reason,
            }),
        }
    }
    Ok((lines, refused))
}

/// The jobs of a batch file, and the lines that are none. Relative paths start at the file's
/// folder; prompts follow `style`, and `side` is that of lines which do not say theirs.
///
/// # Errors
/// A file that cannot be read.
pub fn read_lines(
    file: &Path,
    output: &Path,
    style: &PromptStyle,
    side: u32,
    seed: u64,
    profiles: Profiles,
) -> Result<Jobs, Error> {
    let (lines, refused) = parse_lines(file)?;
    let job = |line: NamedLine| BatchJob {
        output: output.join(&line.name),
        job: line.line.job(style, side, seed, line.number, profiles),
        line: Some(line.place),
    };
    Ok(Jobs {
        list: lines.into_iter().map(job).collect(),
        refused,
        directory: Some(output.to_path_buf()),
    })
}

fn named(text: &str, folder: &Path, at: LinePlace) -> Result<NamedLine, String> {
    let mut line: BatchLine =
        serde_json::from_str(text).map_err(|error| no_prompt(text, &error))?;
    let own = line.name()?;
    line.output = None;
    let content = serde_json::to_string(&line).map_err(|e| e.to_string())?;
    let digest = sha256_of(content.as_bytes());
    let of_name = own.as_deref().map(number);
    let task = line.prompt.task();
    line.prompt.resolve(folder);
    Ok(NamedLine {
        named: own.is_some(),
        name: own.unwrap_or_else(|| format!("{task}-{}.png", &digest[..12]).into()),
        number: line
            .item
            .or(of_name)
            .unwrap_or_else(|| number_of_digest(&digest)),
        line,
        place: at,
    })
}

/// Why a line is no prompt; its place in the file is told beside, so that of the reader is left
/// out.
fn no_prompt(text: &str, error: &serde_json::Error) -> String {
    let whole =
        "each line is one prompt: write it as one JSON object, {…}, without [ ] or commas around";
    if text.starts_with('[') || text.starts_with(']') {
        return format!("it is no prompt but a list; {whole}");
    }
    if error.is_eof() || matches!(text, "}" | "},") {
        return format!("it is no prompt but a part of one; {whole}");
    }
    let reason = error.to_string();
    let reason = match reason.rsplit_once(" at line 1 column ") {
        Some((reason, column)) => format!("{reason} (column {column})"),
        None => reason,
    };
    format!("it is no prompt: {reason}")
}

/// The file below the output directory that a name means.
fn place(name: &str) -> Result<PathBuf, String> {
    let path = Path::new(name);
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_));
    if name.is_empty() || !path.components().all(plain) || name.ends_with('/') {
        return Err(format!(
            "output {name:?} is no name below the output directory; write one such as \"cats/1\""
        ));
    }
    if name.contains(|c: char| c == '\\' || c.is_control()) {
        return Err(format!(
            "output {name:?} has characters that not every system takes in a name; use others"
        ));
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
        read_lines(
            &file,
            Path::new("out"),
            &PromptStyle::default(),
            512,
            0,
            Profiles::Convert,
        )
        .unwrap()
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
                .map(|job| (job.output, job.job.number))
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
        let number = |text: &str| jobs(text).list[0].job.number;
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
            let text = &refused.reason;
            assert!(text.contains(reason), "{bad}: {text}");
            assert_eq!(
                (refused.place.line(), jobs.list.len()),
                (Some(2), 1),
                "{bad}"
            );
        }
    }
}
