//! The prompt commands, one for each task, and what they share: a prompt is drawn and becomes a
//! picture, or with `--frames` a sequence of pictures.

pub(crate) mod class;
pub(crate) mod doodle;
pub(crate) mod edit;
pub(crate) mod force;
mod lettering;
pub(crate) mod mark;
mod motion;
mod saved;
pub(crate) mod text;
pub(crate) mod text_box;
pub(crate) mod trajectory;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use flowinone_files::{make_parent, writable};
use flowinone_image::{FrameRate, Profiles, read_picture, write_animation, write_picture};
use flowinone_prompts::{Prompt, PromptError, PromptFiles, PromptStyle, VisualPrompt};
use flowinone_tasks::batch::{self, BatchJob, Jobs, Report, check_png};
use flowinone_tasks::{Job, Session, Source};
use image::RgbImage;

use crate::Outcome;
use crate::options::Options;
use crate::show::show;
use motion::Motion;
use saved::Saved;

/// What `--help` says of numbers.
const PLACES: &str = "Places and lengths are those of the picture as given: 120 or 120px are \
pixels, 0.25 or 25% fractions of its width or height (of its shorter side for a radius or size). \
The prompt shows the square in the picture's middle, and marks must lie in it.";

/// Where the picture of a prompt goes, and how it is made.
#[derive(Debug, clap::Args)]
pub(crate) struct Making {
    /// The picture to write, a .png
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Also write the prompt: as a picture (.png), or as a line that `batch` reads (.json)
    #[arg(long, value_name = "FILE")]
    save_prompt: Option<PathBuf>,
    /// Write the prompt picture itself to --output, drawn as the published ones; no model is looked
    /// at, nothing is sampled (--save-prompt keeps what the model sees)
    #[arg(long)]
    prompt_only: bool,
    /// Side of the prompt picture, in pixels [default: the model's, or 512 with --prompt-only]
    #[arg(long, value_name = "PIXELS")]
    side: Option<u32>,
    #[command(flatten)]
    options: Options,
}

/// The pictures that one command makes.
struct Sequence {
    prompts: Vec<Prompt>,
    /// One for each prompt.
    files: Vec<PathBuf>,
    /// The file of all of them.
    animation: Option<(PathBuf, FrameRate)>,
    /// Pictures computed together.
    batch_size: u16,
    /// The folder of numbered files, which may hold some from an earlier run; `None` for a single
    /// file, which is replaced.
    folder: Option<PathBuf>,
    /// Replace numbered files that were made with other settings.
    overwrite: bool,
}

impl Making {
    /// Makes the picture of a prompt.
    fn run(&self, prompt: impl Into<Prompt>) -> Result<Outcome> {
        check_png(&self.output)?;
        if self.output.is_dir() {
            bail!(
                "output {} is a directory; name a file in it",
                self.output.display()
            );
        }
        self.make(Sequence {
            prompts: vec![prompt.into()],
            files: vec![self.output.clone()],
            animation: None,
            batch_size: 1,
            folder: None,
            overwrite: true,
        })
    }

    /// Makes the picture of a prompt, or all frames of its motion.
    fn run_moving(&self, prompt: impl Into<Prompt>, motion: &Motion) -> Result<Outcome> {
        let prompt = prompt.into();
        match motion.sequence(&prompt, &self.output)? {
            Some(sequence) => self.make(sequence),
            None => self.run(prompt),
        }
    }

    fn make(&self, mut sequence: Sequence) -> Result<Outcome> {
        let session = match self.prompt_only {
            true => None,
            false => Some(self.options.session()?),
        };
        let published = PromptStyle::default();
        let style = session.as_ref().map_or(&published, Session::style);
        let side = self.side.unwrap_or(style.side);
        let prompts = sequence.prompts.into_iter();
        sequence.prompts = prompts.map(|prompt| style.applied(prompt)).collect();
        let pen = Pen {
            side,
            profiles: self.options.profiles(),
        };
        let save = self.save_prompt.as_deref();
        let save = save
            .map(|file| Saved::of(file, &sequence, pen))
            .transpose()?;
        let jobs = jobs(&sequence, pen, self.options.seed());
        let animation = sequence.animation.iter().map(|(file, _)| file.clone());
        let saved = save.as_ref().map(Saved::files).unwrap_or_default();
        let more: Vec<PathBuf> = animation.chain(saved).collect();
        let more: Vec<&Path> = more.iter().map(PathBuf::as_path).collect();
        jobs.keep_apart(&[], &more, self.options.previews())?;
        let outputs = more
            .into_iter()
            .chain(jobs.list.iter().take(1).map(|job| &*job.output));
        outputs.into_iter().try_for_each(writable)?;
        let Some(session) = &session else {
            self.draw(&sequence, pen)?;
            if let Some(save) = &save {
                save.write(&sequence)?;
            }
            return Ok(Outcome::Done);
        };
        let settings = self.options.settings(session)?;
        if let Some(save) = &save {
            save.write(&sequence)?;
        }
        for warning in style.warnings(&sequence.prompts[0]) {
            tell!("warning: {warning}");
        }
        let options = self.options.batch(sequence.batch_size, sequence.overwrite);
        let run = batch::run(session, jobs, &settings, options, Report::none());
        let outcome = show(session, run, sequence.files.len())?;
        if let (Outcome::Done, Some((file, rate))) = (&outcome, &sequence.animation) {
            write_animation(file, sequence.files.iter().map(read_picture), *rate)?;
            out!("{}", file.display());
        }
        Ok(outcome)
    }

    /// Writes the prompts themselves; of an animation only that.
    fn draw(&self, sequence: &Sequence, pen: Pen) -> Result<()> {
        let pictures = sequence.prompts.iter().map(|prompt| pen.draw(prompt));
        if let Some((file, rate)) = &sequence.animation {
            make_parent(file)?;
            write_animation(file, pictures, *rate)?;
            out!("{}", file.display());
            return Ok(());
        }
        let there = sequence.files.iter().find(|file| file.exists());
        if let (Some(file), false) = (there, sequence.overwrite) {
            bail!("{} exists; --overwrite replaces it", file.display());
        }
        for (file, picture) in sequence.files.iter().zip(pictures) {
            let picture = picture?;
            make_parent(file)?;
            write_picture(file, &picture)?;
            out!("{}", file.display());
        }
        Ok(())
    }
}

fn jobs(sequence: &Sequence, pen: Pen, seed: u64) -> Jobs {
    let job = |(prompt, output): (&Prompt, &PathBuf)| BatchJob {
        job: Job {
            source: Source::Prompt {
                prompt: Box::new(prompt.clone()), // words and marks, no pixels
                side: pen.side,
            },
            seed,
            number: 0, // one picture, or frames that share their noise
            profiles: pen.profiles,
        },
        output: output.clone(),
        line: None,
    };
    let both = sequence.prompts.iter().zip(&sequence.files);
    Jobs {
        list: both.map(job).collect(),
        refused: vec![],
        directory: sequence.folder.clone(),
    }
}

/// Draws prompts as pictures.
#[derive(Debug, Clone, Copy)]
struct Pen {
    /// Side of the picture, in pixels.
    side: u32,
    profiles: Profiles,
}

impl Pen {
    /// The picture of a prompt; its files are read now.
    fn draw(self, prompt: &Prompt) -> Result<RgbImage, PromptError> {
        let files = PromptFiles::read(prompt)?;
        files
            .embed(prompt.clone(), self.profiles)?
            .render(self.side)
    }
}
