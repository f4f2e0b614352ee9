//! `flowinone tune`: how far sampling settings are from the converged solution, and what they cost.
//!
//! ```text
//! error = |x - x*| / |x*|,   x* the latent at t = 1 of a solver at tight tolerance
//! ```

mod prompts;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use flowinone_files::write_atomically;
use flowinone_prompts::Task;
use flowinone_sampler::{Grid, Interval, Solver};
use flowinone_tasks::Settings;
use flowinone_tasks::tune::{Report, Subjects, Trials, best};
use flowinone_train::Plot;
use indicatif::{ProgressBar, ProgressDrawTarget};

use crate::options::ModelOptions;
use crate::show::loaded;
use crate::{Outcome, interrupt};

/// Measure the error and the cost of many sampling settings, and store the best as --fast.
///
/// Each setting's latents are compared with those of a solver at tight tolerance, guided as the
/// model's own default is.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    model: ModelOptions,
    /// Prompt pictures: files, directories, or patterns in quotes
    /// [default: procedural prompts, one of each task]
    #[arg(long, value_name = "FILE|DIR|GLOB", num_args = 1..)]
    prompts: Vec<PathBuf>,
    /// What the prompt pictures ask for; without it they are edits that keep their structure
    #[arg(long, value_name = "NAME", requires = "prompts")]
    task: Option<Task>,
    /// Seeds of the noise; every prompt is solved with each
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "0")]
    seeds: Vec<u64>,
    /// Guidance scale of the solution aimed at [default: the model's own]
    #[arg(long, value_name = "W", allow_negative_numbers = true)]
    guidance: Option<f64>,
    /// Solver of the converged solution
    #[arg(
        long,
        value_name = "NAME",
        default_value = "dopri5:rtol=1e-5,atol=1e-5,max_steps=10000"
    )]
    truth: Solver,
    /// Steps of the converged solution, where its solver does not choose them
    #[arg(long, value_name = "N", default_value_t = 200)]
    truth_steps: usize,
    /// Solvers to measure, on the uniform grid
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        default_value = "euler,ab2,ab3,heun"
    )]
    solvers: Vec<Solver>,
    /// Numbers of steps to measure
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        default_value = "3,4,5,6,8,10,12,16,24,50"
    )]
    steps: Vec<usize>,
    /// Intervals of guidance to measure, FROM-TO
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        default_value = "0-0.3,0-0.5,0-0.7"
    )]
    intervals: Vec<Interval>,
    /// Thresholds of adaptive guidance to measure
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        default_value = "0.01,0.03"
    )]
    adaptive: Vec<f64>,
    /// Thresholds of the step cache to measure
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        default_value = "0.02,0.05,0.1"
    )]
    cache: Vec<f64>,
    /// Thresholds of the first-block cache to measure
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        default_value = "0.05,0.1,0.2"
    )]
    first_block: Vec<f64>,
    /// Measure every combination of savings; without it each alone
    #[arg(long)]
    combine: bool,
    /// Largest mean error of the setting that counts as best
    #[arg(long, value_name = "E", default_value_t = 0.02)]
    bound: f64,
    /// Folder for tune.md and tune.svg
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Store the best setting in the model directory's config.json, for --fast
    #[arg(long, requires = "model")]
    store: bool,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    // Everything that can be refused is refused before the model is loaded.
    let session = args.model.session()?;
    if args.store && !session.directory().path().is_dir() {
        bail!("--store needs a model directory; the built-in model cannot be changed");
    }
    if session.config().flow.two_times.is_some() {
        bail!(
            "{} was distilled to step by its map, which no solver is compared with; choose its cost by --steps",
            session.config().name
        );
    }
    if !(args.bound.is_finite() && args.bound > 0.0) {
        bail!("--bound {} must be above 0", args.bound);
    }
    if let Some(solver) = args.solvers.iter().find(|s| matches!(s, Solver::Dopri5(_))) {
        bail!("--solvers {solver}: it takes no number of steps; name it as --truth");
    }
    let own = session.config().sampling;
    let aim = Settings {
        guidance: own
            .guidance
            .with_scale(args.guidance.unwrap_or(own.guidance.scale())),
        ..own
    };
    let truth = Settings {
        solver: args.truth,
        steps: args.truth_steps,
        grid: Grid::Uniform,
        ..aim.without_savings()
    };
    truth.validate()?;
    let settings = Trials {
        solvers: &args.solvers,
        steps: &args.steps,
        intervals: &args.intervals,
        adaptive: &args.adaptive,
        cache: &args.cache,
        first_block: &args.first_block,
        combine: args.combine,
    }
    .settings(&aim)?;
    let items = match args.prompts.as_slice() {
        [] => prompts::made(session.config(), &args.seeds)?,
        files => prompts::read(files, args.task, &args.seeds)?,
    };
    if let Some(folder) = &args.output {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
    }
    interrupt::listen();
    let begin = Instant::now();
    let pipeline = session.networks()?;
    loaded(&session, begin.elapsed().as_secs_f64());
    tell!(
        "{} settings, {} pictures each, against {truth}",
        settings.len(),
        items.len()
    );
    let stopped = || {
        tell!("stopped; nothing was written");
        Ok(Outcome::Interrupted)
    };
    let Some(subjects) = Subjects::solved(pipeline, &items, &truth, &interrupt::asked)? else {
        return stopped();
    };
    let bar =
        ProgressBar::with_draw_target(Some(settings.len() as u64), ProgressDrawTarget::stderr());
    let mut rows = vec![];
    for settings in settings {
        match subjects.measure(pipeline, &settings, &interrupt::asked)? {
            Some(row) => rows.push(row),
            None => return stopped(),
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    let report = Report {
        model: session.config().name.clone(),
        pictures: items.len(),
        truth,
        truth_evaluations: subjects.evaluations(),
        computed: format!("{} in {}", session.device().choice, session.dtype()),
        rows,
    };
    crate::output::print_text(&report.table());
    if let Some(folder) = &args.output {
        write_atomically(folder.join("tune.md"), report.table().as_bytes())?;
        let axes = ["relative error of the latent", "evaluations"];
        let plot = Plot::curves(axes[0], axes[1], report.curves());
        plot.logarithmic().save(&folder.join("tune.svg"))?;
        out!("{}", folder.display());
    }
    let best = best(&report.rows, args.bound);
    match best {
        Some(best) => tell!(
            "best within an error of {}: {} ({:.4}, {:.1} evaluations)",
            args.bound,
            best.settings,
            best.error,
            best.evaluations
        ),
        None => {
            let none = format!(
                "no setting has an error of at most {}; the least is {:.4}: raise --bound, or measure more --steps",
                args.bound,
                report.least_error()
            );
            match args.store {
                true => bail!(none),
                false => tell!("{none}"),
            }
        }
    }
    if let (Some(best), true) = (best, args.store) {
        let mut directory = session.directory().clone();
        directory.store_fast(best.settings)?;
        let stored = directory.path().join("config.json");
        tell!("stored in {}", stored.display());
    }
    Ok(Outcome::Done)
}
