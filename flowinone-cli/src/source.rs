//! What a job starts from: a ready prompt picture, or a prompt that is drawn.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::Result;
use flowinone_files::sha256_of;
use flowinone_image::{decode_picture, read_picture_file};
use flowinone_prompts::{Convention, Prompt, PromptFiles, Task, VisualPrompt};
use flowinone_tasks::{Input, Item};

/// A ready picture or a prompt.
#[derive(Debug)]
pub(crate) enum Source {
    Picture { file: PathBuf, routing: Routing },
    Prompt(Box<Drawn>),
}

/// Whether the structure of the prompt is kept, and the task that says so.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Routing {
    pub(crate) task: Option<Task>,
    pub(crate) structure: bool,
}

/// A prompt that is drawn when its turn comes.
#[derive(Debug)]
pub(crate) struct Drawn {
    pub(crate) prompt: Prompt,
    /// Side of its canvas, in pixels.
    pub(crate) side: u32,
    /// Where it was read, if not from the command line.
    pub(crate) line: Option<Line>,
}

/// A line of a batch file.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) file: PathBuf,
    /// From 1 on.
    pub(crate) number: usize,
}

impl Routing {
    /// The routing that a task asks for.
    pub(crate) fn of(task: Task) -> Self {
        Self {
            task: Some(task),
            structure: task.keeps_structure(),
        }
    }
}

impl Source {
    /// Draws a prompt as the model likes it, and warns of what the model does not know.
    pub(crate) fn follow(&mut self, convention: &Convention) {
        if let Self::Prompt(drawn) = self {
            if let Some(warning) = convention.warning(&drawn.prompt) {
                eprintln!("warning: {warning}");
            }
            drawn.prompt = convention.applied(drawn.prompt.clone());
        }
    }

    pub(crate) fn routing(&self) -> Routing {
        match self {
            Self::Picture { routing, .. } => *routing,
            Self::Prompt(drawn) => Routing::of(drawn.prompt.task()),
        }
    }

    /// Reads the files, each once.
    pub(crate) fn read(&self) -> Result<Read<'_>> {
        Ok(match self {
            Self::Picture { file, .. } => Read::Picture {
                file,
                bytes: read_picture_file(file)?,
            },
            Self::Prompt(drawn) => Read::Prompt {
                drawn,
                files: PromptFiles::read(&drawn.prompt)?,
            },
        })
    }
}

/// A source that has been read, not yet decoded or drawn.
pub(crate) enum Read<'a> {
    Picture {
        file: &'a Path,
        bytes: Vec<u8>,
    },
    Prompt {
        drawn: &'a Drawn,
        files: PromptFiles,
    },
}

impl Read<'_> {
    /// What the record says of it.
    pub(crate) fn input(&self) -> Input {
        let input = match self {
            Self::Picture { file, bytes } => Input::Picture {
                file: file.to_path_buf(),
                sha256: sha256_of(bytes),
            },
            Self::Prompt { drawn, files } => Input::Prompt {
                prompt: Box::new(drawn.prompt.clone()),
                side: drawn.side,
                files: files.digests(),
            },
        };
        input.moved(absolute)
    }

    /// The item that the pipeline makes a picture from.
    pub(crate) fn item(self, structure: bool, seed: u64, number: u64) -> Result<Item> {
        let prompt = match self {
            Self::Picture { file, bytes } => decode_picture(&bytes)
                .map_err(|reason| flowinone_image::Error::picture(file, reason))?,
            Self::Prompt { drawn, files } => {
                files.embed(drawn.prompt.clone())?.render(drawn.side)?
            }
        };
        Ok(Item {
            prompt,
            structure,
            seed,
            number,
        })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Picture { file, .. } => write!(f, "{}", file.display()),
            Self::Prompt(drawn) => match &drawn.line {
                Some(line) => line.fmt(f),
                None => drawn.prompt.task().fmt(f),
            },
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} line {}", self.file.display(), self.number)
    }
}

/// A path that holds wherever the program is started.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}
