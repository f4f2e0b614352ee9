//! FlowInOne on the command line: every instruction is a picture.

mod commands;
mod device;
mod interrupt;
mod jobs;
mod memory;
mod model;
mod progress;
mod report;
mod runner;
mod sampling;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "flowinone", version, about, long_about = None)]
#[command(arg_required_else_help = true, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Turn prompt pictures into pictures
    Generate(commands::generate::Args),
    /// Make a picture again from the settings inside its PNG
    Replay(commands::replay::Args),
    /// Write a model directory from published checkpoints
    Convert(commands::convert::Args),
    /// Write a model directory with random weights, for benchmarks and tests
    Init(commands::init::Args),
    /// List the tensors of a checkpoint, the parts of a model directory, or the settings in a PNG
    Inspect(commands::inspect::Args),
    /// Check every file of a model directory against its manifest
    Verify(commands::verify::Args),
    /// List the devices that this program can compute on
    Devices,
}

/// How a command ended, when it did not fail as a whole.
enum Outcome {
    Done,
    /// Some items of many failed.
    Incomplete,
    Interrupted,
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Generate(args) => commands::generate::run(&args),
        Command::Replay(args) => commands::replay::run(&args),
        Command::Convert(args) => commands::convert::run(&args),
        Command::Init(args) => commands::init::run(&args),
        Command::Inspect(args) => commands::inspect::run(&args),
        Command::Verify(args) => commands::verify::run(&args),
        Command::Devices => commands::devices::run(),
    };
    match result {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Incomplete) => ExitCode::FAILURE,
        Ok(Outcome::Interrupted) => ExitCode::from(130),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
