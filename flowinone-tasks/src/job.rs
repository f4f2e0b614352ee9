//! A job: what one picture is made from, and the numbers that select its noise.

use std::fmt;
use std::path::PathBuf;

use flowinone_files::{absolute, sha256_of};
use flowinone_image::{Profiles, decode_picture_with};
use flowinone_prompts::{Prompt, PromptFiles, Task, VisualPrompt};

use crate::{Error, Input, Item, inputs};

/// One picture to make; [`Session::job`](crate::Session::job) makes one of a prompt.
#[derive(Debug, Clone)]
pub struct Job {
    /// What it is made from.
    pub source: Source,
    /// Seed of the noise.
    pub seed: u64,
    /// Number of the item: with the seed it selects the noise. 0 for a single picture.
    pub number: u64,
    /// What becomes of colour profiles inside pictures.
    pub profiles: Profiles,
}

/// A ready prompt picture, or a prompt that is drawn when its turn comes.
#[derive(Debug, Clone)]
pub enum Source {
    /// A ready prompt picture.
    Picture {
        /// Its file; with the feature `parquet` also a row, as `FILE.parquet/SUBSET/NAME`.
        file: PathBuf,
        /// What it asks for.
        routing: Routing,
    },
    /// A prompt, in the [style](flowinone_prompts::PromptStyle) that it is drawn in.
    Prompt {
        /// The prompt.
        prompt: Box<Prompt>,
        /// Side of its canvas, in pixels.
        side: u32,
    },
}

/// Whether the structure of the prompt is kept, and the task that says so, if one was named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Routing {
    /// The task.
    pub task: Option<Task>,
    /// Whether the structure path is on.
    pub structure: bool,
}

impl Routing {
    /// The routing that a task asks for.
    pub fn of(task: Task) -> Self {
        Self {
            task: Some(task),
            structure: task.keeps_structure(),
        }
    }
}

impl Job {
    /// The same with another seed.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }
}

impl Source {
    /// The files that it is made from.
    pub fn files(&self) -> Vec<PathBuf> {
        match self {
            Self::Picture { file, .. } => vec![inputs::on_disk(file)],
            Self::Prompt { prompt, .. } => prompt.files(),
        }
    }

    /// What it asks for.
    pub fn routing(&self) -> Routing {
        match self {
            Self::Picture { routing, .. } => *routing,
            Self::Prompt { prompt, .. } => Routing::of(prompt.task()),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Picture { file, .. } => write!(f, "{}", file.display()),
            Self::Prompt { prompt, .. } => prompt.task().fmt(f),
        }
    }
}

/// A source whose files have been read, each once; not yet decoded or drawn.
pub(crate) enum Content {
    Picture {
        file: PathBuf,
        bytes: Vec<u8>,
    },
    Prompt {
        prompt: Box<Prompt>,
        side: u32,
        files: PromptFiles,
    },
}

impl Content {
    /// Reads the files of a source.
    pub(crate) fn read(source: Source) -> Result<Self, Error> {
        Ok(match source {
            Source::Picture { file, .. } => Self::Picture {
                bytes: inputs::read(&file)?,
                file,
            },
            Source::Prompt { prompt, side } => Self::Prompt {
                files: PromptFiles::read(&prompt)?,
                prompt,
                side,
            },
        })
    }

    /// What the record says of it.
    pub(crate) fn input(&self) -> Input {
        let input = match self {
            Self::Picture { file, bytes } => Input::Picture {
                file: file.clone(),
                sha256: sha256_of(bytes),
            },
            Self::Prompt {
                prompt,
                side,
                files,
            } => Input::Prompt {
                prompt: prompt.clone(),
                side: *side,
                files: files.digests(),
            },
        };
        input.moved(absolute)
    }

    /// The prompt picture of it, decoded or drawn.
    pub(crate) fn item(
        self,
        structure: bool,
        seed: u64,
        number: u64,
        profiles: Profiles,
    ) -> Result<Item, Error> {
        let prompt = match self {
            Self::Picture { file, bytes } => decode_picture_with(&bytes, profiles)
                .map_err(|reason| flowinone_image::Error::picture(file, reason))?,
            Self::Prompt {
                prompt,
                side,
                files,
            } => files.embed(*prompt, profiles)?.render(side)?,
        };
        Ok(Item {
            prompt,
            structure,
            seed,
            number,
        })
    }
}
