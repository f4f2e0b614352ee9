//! `--save-prompt`: the prompt as a picture, or as the line of a batch file that makes the same
//! picture.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use flowinone_files::{has_extension, make_parent, write_atomically};
use flowinone_image::write_picture;
use flowinone_tasks::batch::{BatchLine, numbered};

use super::{Pen, Sequence};

/// How a prompt is saved, and where.
pub(super) struct Saved {
    kind: Kind,
    pen: Pen,
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
    pub(super) fn of(file: &Path, sequence: &Sequence, pen: Pen) -> Result<Self> {
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
            pen.draw(prompt)?;
        }
        Ok(Self { kind, pen })
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
                    write_picture(file, &self.pen.draw(prompt)?)?;
                }
            }
            Kind::Lines(file) => {
                let mut text = String::new();
                for (prompt, output) in sequence.prompts.iter().zip(&sequence.files) {
                    text += &BatchLine::of(prompt, output, self.pen.side, file).json()?;
                    text.push('\n');
                }
                make_parent(file)?;
                write_atomically(file, text.as_bytes())?;
            }
        }
        Ok(())
    }
}
