//! FlowInOne on the command line: every instruction is a picture.

// A closed or full output must not end the program: see `output`.
#![deny(clippy::print_stdout, clippy::print_stderr)]

#[macro_use]
mod output;

mod allocator;
mod bytes;
mod commands;
mod interrupt;
mod options;
mod progress;
mod sampling;
mod shard;
mod show;
mod upscaling;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

#[derive(Parser)]
#[command(name = "flowinone", version, about, long_about = None)]
#[command(arg_required_else_help = true, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a picture of what a text says
    Text(commands::prompt::text::Args),
    /// Make a picture of a class, such as "golden retriever"
    Class(commands::prompt::class::Args),
    /// Carry out an instruction on a picture
    Edit(commands::prompt::edit::Args),
    /// Put a described thing into a box in a picture
    #[command(name = "box")]
    TextBox(commands::prompt::text_box::Args),
    /// Change what is marked in a picture by arrows, circles, crosses, scribbles or highlights
    Mark(commands::prompt::mark::Args),
    /// Turn a sketch over a picture into the real thing
    Doodle(commands::prompt::doodle::Args),
    /// Push objects in a picture by arrows; --frames makes a motion
    Force(commands::prompt::force::Args),
    /// Move objects in a picture along paths; --frames makes a motion
    Trajectory(commands::prompt::trajectory::Args),
    /// Turn a file of prompts, one JSON object a line, into pictures
    Batch(commands::batch::Args),
    /// Turn ready prompt pictures into pictures
    Generate(commands::generate::Args),
    /// Make pictures larger
    Upscale(commands::upscale::Args),
    /// Make a picture again from the settings inside its PNG
    Replay(commands::replay::Args),
    /// Serve a page to draw on, OpenAI's Images API and one of our own
    #[cfg(feature = "serve")]
    Serve(Box<commands::serve::Args>),
    /// Fetch the published model, another model directory, or a benchmark, from the Hub
    #[cfg(feature = "hub")]
    Pull(commands::pull::Args),
    /// List the models that --model finds by name
    Models,
    /// Put a file of prompts into a queue that workers share
    #[cfg(feature = "queue")]
    Enqueue(commands::queue::enqueue::Args),
    /// Make the pictures of a queue, beside any number of other workers
    #[cfg(feature = "queue")]
    Work(Box<commands::queue::work::Args>),
    /// See how a queue stands, write its report, try its failed jobs again, or end its workers
    #[cfg(feature = "queue")]
    Queue(commands::queue::Args),
    /// Merge the reports of the shards of a run
    Report(commands::report::Args),
    /// Write a model directory from published checkpoints
    Convert(commands::convert::Args),
    /// Write a model directory with random weights, for benchmarks and tests
    Init(commands::init::Args),
    /// List the tensors of a checkpoint, the parts of a model directory, or the settings in a PNG
    Inspect(commands::inspect::Args),
    /// Look into adapters (LoRA), or merge them into a model
    Lora(commands::lora::Args),
    /// Check every file of a model directory against its manifest
    Verify(commands::verify::Args),
    /// Train a model, or fine-tune one, on pairs of prompt and target
    #[cfg(feature = "train")]
    Train(commands::train::Args),
    /// Teach a model, or an adapter beside it, to make its pictures in few steps
    #[cfg(feature = "train")]
    Distil(commands::distil::Args),
    /// Train the autoencoder of a model
    #[cfg(feature = "train")]
    TrainVae(commands::train_vae::Args),
    /// Train a small upscaling network
    #[cfg(feature = "train")]
    TrainUpscale(commands::train_upscale::Args),
    /// Measure the error and the cost of many sampling settings, and store the best as --fast
    #[cfg(feature = "train")]
    Tune(commands::tune::Args),
    /// Draw the journals of training runs
    #[cfg(feature = "train")]
    Plot(commands::plot::Args),
    /// Make, pack, list and show pairs of prompt and target
    Data(commands::data::Args),
    /// Compare results with the ground truth of procedural pairs
    Score(commands::score::Args),
    /// Let a vision model judge results by VP-Bench's protocol
    #[cfg(feature = "judge")]
    Judge(commands::judge::Args),
    /// List the devices that this program can compute on
    Devices,
    /// Print the completions of a shell
    Completions(commands::completions::Args),
    /// Write the manual pages
    Man(commands::man::Args),
}

/// How a command ended, when it did not fail as a whole.
enum Outcome {
    Done,
    /// Some items of many failed.
    Incomplete,
    Interrupted,
}

fn main() -> ExitCode {
    allocator::keep_pages();
    interrupt::install();
    let result = threads().and_then(|()| run(Cli::parse().command));
    // An output that could not be written is no success.
    let result = result.and_then(|outcome| output::finish().map(|()| outcome));
    match result {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Incomplete) => ExitCode::FAILURE,
        Ok(Outcome::Interrupted) => ExitCode::from(130),
        Err(error) => {
            tell!("error: {}", output::reason(&error));
            ExitCode::FAILURE
        }
    }
}

/// Most threads that the variable `RAYON_NUM_THREADS` may ask for.
const MOST_THREADS: usize = 1024;

/// Refuses numbers of threads that no machine has: starting them would take all its memory.
fn threads() -> anyhow::Result<()> {
    match std::env::var("RAYON_NUM_THREADS").map(|text| text.trim().parse::<u64>()) {
        Ok(Ok(count)) if count > MOST_THREADS as u64 => anyhow::bail!(
            "RAYON_NUM_THREADS is {count}, expected 1 to {MOST_THREADS}, or 0 for one a core"
        ),
        _ => Ok(()),
    }
}

fn run(command: Command) -> anyhow::Result<Outcome> {
    match command {
        Command::Text(args) => commands::prompt::text::run(&args),
        Command::Class(args) => commands::prompt::class::run(&args),
        Command::Edit(args) => commands::prompt::edit::run(&args),
        Command::TextBox(args) => commands::prompt::text_box::run(&args),
        Command::Mark(args) => commands::prompt::mark::run(&args),
        Command::Doodle(args) => commands::prompt::doodle::run(&args),
        Command::Force(args) => commands::prompt::force::run(&args),
        Command::Trajectory(args) => commands::prompt::trajectory::run(&args),
        Command::Batch(args) => commands::batch::run(&args),
        Command::Generate(args) => commands::generate::run(&args),
        Command::Upscale(args) => commands::upscale::run(&args),
        Command::Replay(args) => commands::replay::run(&args),
        #[cfg(feature = "serve")]
        Command::Serve(args) => commands::serve::run(&args),
        #[cfg(feature = "hub")]
        Command::Pull(args) => commands::pull::run(&args),
        Command::Models => commands::models::run(),
        #[cfg(feature = "queue")]
        Command::Enqueue(args) => commands::queue::enqueue::run(&args),
        #[cfg(feature = "queue")]
        Command::Work(args) => commands::queue::work::run(&args),
        #[cfg(feature = "queue")]
        Command::Queue(args) => commands::queue::run(&args),
        Command::Report(args) => commands::report::run(&args),
        Command::Convert(args) => commands::convert::run(&args),
        Command::Init(args) => commands::init::run(&args),
        Command::Inspect(args) => commands::inspect::run(&args),
        Command::Lora(args) => commands::lora::run(&args),
        Command::Verify(args) => commands::verify::run(&args),
        #[cfg(feature = "train")]
        Command::Train(args) => commands::train::run(&args),
        #[cfg(feature = "train")]
        Command::Distil(args) => commands::distil::run(&args),
        #[cfg(feature = "train")]
        Command::TrainVae(args) => commands::train_vae::run(&args),
        #[cfg(feature = "train")]
        Command::TrainUpscale(args) => commands::train_upscale::run(&args),
        #[cfg(feature = "train")]
        Command::Tune(args) => commands::tune::run(&args),
        #[cfg(feature = "train")]
        Command::Plot(args) => commands::plot::run(&args),
        Command::Data(args) => commands::data::run(&args),
        Command::Score(args) => commands::score::run(&args),
        #[cfg(feature = "judge")]
        Command::Judge(args) => commands::judge::run(&args),
        Command::Devices => commands::devices::run(),
        Command::Completions(args) => commands::completions::run(&args, Cli::command()),
        Command::Man(args) => commands::man::run(&args, Cli::command()),
    }
}
