//! `--save-prompt`: the prompt as a picture, or as the line of a batch file that makes the same
//! picture.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use flowinone_files::write_atomically;
use flowinone_image::write_picture;
use flowinone_prompts::{Prompt, VisualPrompt};

use super::Sequence;
use super::motion::numbered;
use crate::jobs::has_extension;
use crate::lines::Entry;
use crate::runner::make_parent;
use crate::source::absolute;

/// How a prompt is saved, and where.
pub(super) struct Saved {
    kind: Kind,
    side: u32,
}

enum Kind {
    /// One for each prompt.
    Pictures(Vec<PathBuf>),
    /// A line for each prompt.
    Lines(PathBuf),
}

impl Saved {
    /// As the file's name asks for; prompts that cannot be drawn are refused before anything is
    /// written.
    pub(super) fn of(file: &Path, sequence: &Sequence, side: u32) -> Result<Self> {
        let kind = match sequence.prompts.as_slice() {
            _ if has_extension(file, &["json", "jsonl"]) => Kind::Lines(file.to_path_buf()),
            [_] if has_extension(file, &["png"]) => Kind::Pictures(vec![file.to_path_buf()]),
            several if has_extension(file, &["png"]) => {
                Kind::Pictures(numbered(file, several.len())?)
            }
            _ => bail!(
                "--save-prompt {} must end in .png for a picture or .json for a line of a batch file",
                file.display()
            ),
        };
        if let Some(prompt) = sequence.prompts.last() {
            prompt.render(side)?;
        }
        Ok(Self { kind, side })
    }

    /// The files that are written.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        match &self.kind {
            Kind::Pictures(files) => files.clone(),
            Kind::Lines(file) => vec![file.clone()],
        }
    }

    /// Writes one picture or line for each prompt.
    pub(super) fn write(&self, sequence: &Sequence) -> Result<()> {
        match &self.kind {
            Kind::Pictures(files) => {
                for (file, prompt) in files.iter().zip(&sequence.prompts) {
                    make_parent(file)?;
                    write_picture(file, &prompt.render(self.side)?)?;
                }
            }
            Kind::Lines(file) => {
                let mut text = String::new();
                for (prompt, output) in sequence.prompts.iter().zip(&sequence.files) {
                    text += &line(prompt, output, self.side, file)?;
                    text.push('\n');
                }
                make_parent(file)?;
                write_atomically(file, text.as_bytes())?;
            }
        }
        Ok(())
    }
}

/// The line that makes the same picture: files below its own folder relative to it, others absolute.
fn line(prompt: &Prompt, output: &Path, side: u32, file: &Path) -> Result<String> {
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
    Ok(serde_json::to_string(&Entry {
        output: name,
        item: Some(0),
        side: Some(side),
        prompt,
    })?)
}
