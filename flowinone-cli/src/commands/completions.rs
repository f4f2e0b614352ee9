//! `flowinone completions`: what a shell needs to complete commands and options.

use anyhow::Result;
use clap_complete::{Shell, generate};

use crate::{Outcome, output};

/// Print the completions of a shell.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(args: &Args, mut program: clap::Command) -> Result<Outcome> {
    let name = program.get_name().to_string();
    let mut script = vec![];
    generate(args.shell, &mut program, name, &mut script);
    output::print_text(&String::from_utf8(script)?);
    Ok(Outcome::Done)
}
