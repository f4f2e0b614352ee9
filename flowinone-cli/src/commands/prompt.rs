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

use std::path::PathBuf;

use anyhow::{Result, bail};
use flowinone_image::{FrameRate, read_picture, write_animation, write_picture};
use flowinone_prompts::{Convention, Prompt, VisualPrompt};

use crate::jobs::{Job, Jobs, check_png};
use crate::options::Options;
use crate::report::Report;
use crate::runner::make_parent;
use crate::source::{Drawn, Source, absolute};
use crate::{Outcome, interrupt};
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
        let convention = match self.prompt_only {
            true => Convention::default(),
            false => self.options.convention()?,
        };
        let side = self.side.unwrap_or(convention.side);
        for prompt in &mut sequence.prompts {
            *prompt = convention.applied(prompt.clone());
        }
        let save = self.save_prompt.as_deref();
        let save = save
            .map(|file| Saved::of(file, &sequence, side))
            .transpose()?;
        keep_inputs(&sequence, save.as_ref())?;
        if self.prompt_only {
            self.draw(&sequence, side)?;
            if let Some(save) = &save {
                save.write(&sequence)?;
            }
            return Ok(Outcome::Done);
        }
        let run = self.options.run(sequence.batch_size, sequence.overwrite)?;
        if let Some(save) = &save {
            save.write(&sequence)?;
        }
        if let Some(warning) = convention.warning(&sequence.prompts[0]) {
            eprintln!("warning: {warning}");
        }
        interrupt::listen();
        let outcome = run.all(&jobs(&sequence, side), &mut Report::none())?;
        if let (Outcome::Done, Some((file, rate))) = (&outcome, &sequence.animation) {
            write_animation(file, sequence.files.iter().map(read_picture), *rate)?;
            println!("{}", file.display());
        }
        Ok(outcome)
    }

    /// Writes the prompts themselves; of an animation only that.
    fn draw(&self, sequence: &Sequence, side: u32) -> Result<()> {
        let pictures = sequence.prompts.iter().map(|p| p.render(side));
        if let Some((file, rate)) = &sequence.animation {
            make_parent(file)?;
            write_animation(file, pictures, *rate)?;
            println!("{}", file.display());
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
            println!("{}", file.display());
        }
        Ok(())
    }
}

fn jobs(sequence: &Sequence, side: u32) -> Jobs {
    let job = |(prompt, file): (&Prompt, &PathBuf)| Job {
        source: Source::Prompt(Box::new(Drawn {
            prompt: prompt.clone(),
            side,
            line: None,
        })),
        output: file.clone(),
        number: 0, // one picture, or frames that share their noise
    };
    let both = sequence.prompts.iter().zip(&sequence.files);
    Jobs {
        list: both.map(job).collect(),
        refused: vec![],
        directory: sequence.folder.clone(),
    }
}

/// An error if a file would be written over one that it is made from, or over another output.
fn keep_inputs(sequence: &Sequence, save: Option<&Saved>) -> Result<()> {
    let all = |files: Vec<PathBuf>| -> Vec<PathBuf> { files.iter().map(|f| absolute(f)).collect() };
    let animation = sequence.animation.iter().map(|(file, _)| file.clone());
    let inputs = all(sequence.prompts[0].files());
    let outputs = all(sequence.files.iter().cloned().chain(animation).collect());
    let saved = all(save.map(Saved::files).unwrap_or_default());
    let over_input = outputs.iter().chain(&saved).find(|f| inputs.contains(f));
    let over_output = saved.iter().find(|file| outputs.contains(file));
    match over_input.or(over_output) {
        None => Ok(()),
        Some(file) => bail!(
            "{} would be written over a file that the picture is made from, or over another output; choose another name",
            file.display()
        ),
    }
}
