//! `flowinone upscale`: pictures made larger.

use std::path::{Path, PathBuf};

use anyhow::Result;
use flowinone_image::Profiles;
use flowinone_tasks::batch::{self, Enlarging, EnlargingSummary, Jobs, Report, expand};
use flowinone_tasks::device::{self, Choice};
use flowinone_tasks::{Routing, Upscaling};
use flowinone_upscale::{Settings, Target};

use crate::options::DtypeChoice;
use crate::progress::Progress;
use crate::show::with_hint;
use crate::upscaling::{USUAL_MODEL, on_or_off};
use crate::{Outcome, interrupt};

/// Make pictures larger. Transparency, colour profiles and the settings inside pictures that
/// flowinone made are kept.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Pictures: files, directories, or patterns in quotes
    #[arg(value_name = "FILE|DIR|GLOB", num_args = 1.., required = true)]
    input: Vec<PathBuf>,
    /// A .png for one picture, else a directory that mirrors the inputs
    #[arg(long, short, value_name = "FILE|DIR")]
    output: PathBuf,
    /// The model: animevideov3 or mini-x4, which are built in, the latter for pictures of the
    /// built-in model, or a .pth or .safetensors file of Compact, ESRGAN or SPAN
    #[arg(long, value_name = "NAME|FILE", default_value = USUAL_MODEL)]
    model: PathBuf,
    /// How large: a factor (2, 3, 4, 1.5), or what the picture shall fit into (1024, 1024x768);
    /// what the model does not make is resized after [default: the model's own factor]
    #[arg(
        long,
        value_name = "FACTOR|WxH",
        default_value = "native",
        hide_default_value = true
    )]
    scale: Target,
    /// Side of tiles in pixels of the small picture; smaller ones take less memory [default: as
    /// memory allows]
    #[arg(long, value_name = "PIXELS")]
    tile: Option<u32>,
    /// The picture is a texture that repeats: its edges will fit each other
    #[arg(long)]
    tileable: bool,
    /// Keep the colours of the picture (its low frequencies), which the network shifts
    #[arg(long, value_name = "on|off", default_value = "on", value_parser = on_or_off, action = clap::ArgAction::Set)]
    keep_colours: bool,
    /// Report of every picture as JSON lines [default: report.jsonl in an output directory]
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Replace pictures in the output directory that were made with other settings
    #[arg(long)]
    overwrite: bool,
    /// What to compute with: f32, bf16 (CPU), or auto, which is bf16 where that is faster
    #[arg(long, value_name = "TYPE", default_value = "f32")]
    dtype: DtypeChoice,
    /// auto, cpu, or wgpu, vulkan, metal, cuda with an optional number, as wgpu:1
    #[arg(long, value_name = "NAME", default_value = "auto")]
    device: Choice,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let routing = Routing {
        task: None,
        structure: false,
    };
    let jobs = expand(&args.input, &args.output, routing, 0, Profiles::Ignore)?;
    let device = device::open(args.device).map_err(with_hint)?;
    let settings = Settings {
        target: args.scale,
        tile: args.tile,
        tileable: args.tileable,
        keep_colours: args.keep_colours,
    };
    let dtype = args.dtype.on(&device);
    let upscaling = Upscaling::open(&args.model, settings, &device, dtype).map_err(with_hint)?;
    // Whatever the sizes of the pictures, these settings must make sense.
    upscaling.check([1, 1]).map_err(with_hint)?;
    let report = Report::beside(&jobs, args.report.as_deref(), None, false)?;
    show(&upscaling, jobs, args.overwrite, report)
}

/// Enlarges and tells what happens.
pub(crate) fn show(
    upscaling: &Upscaling,
    jobs: Jobs,
    overwrite: bool,
    report: Report,
) -> Result<Outcome> {
    interrupt::listen();
    tell!(
        "upscaling model {}: {}",
        upscaling.model().display(),
        upscaling.upscaler().network().config()
    );
    let total = jobs.len();
    let mut progress: Option<Progress> = None;
    let mut hear = |event: Enlarging<'_>| {
        if !matches!(event, Enlarging::Progress { .. })
            && let Some(progress) = progress.take()
        {
            progress.finish();
        }
        match event {
            Enlarging::Progress { output, share } => {
                let bar = progress.get_or_insert_with(|| Progress::start(label(output)));
                bar.share(share);
            }
            Enlarging::Done {
                output,
                size: [width, height],
                seconds,
            } => {
                tell!("{width} x {height} pixels in {seconds:.2} s");
                out!("{}", output.display());
            }
            Enlarging::Skipped { output } => tell!("{}: already there", output.display()),
            Enlarging::Failed { input, error } => {
                tell!("failed: {}: {}", input.display(), with_hint(error));
            }
            _ => {}
        }
        !interrupt::asked()
    };
    let summary = batch::enlarge(upscaling, jobs, overwrite, report, &mut hear)?;
    let EnlargingSummary { failed, stopped } = summary;
    if let Some(progress) = progress {
        progress.finish();
    }
    if stopped {
        tell!("stopped; run the same command again to continue");
        return Ok(Outcome::Interrupted);
    }
    if failed > 0 && total > 1 {
        tell!("{failed} of {total} pictures failed");
    }
    Ok(match failed {
        0 => Outcome::Done,
        _ => Outcome::Incomplete,
    })
}

fn label(output: &Path) -> String {
    let name = output.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}
