//! `flowinone man`: a manual page for the program and for each of its commands.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap_mangen::Man;
use flowinone_files::write_atomically;

use crate::Outcome;

/// Write the manual pages, one for each command.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Folder to write `flowinone.1`, `flowinone-text.1` and so on into, such as
    /// ~/.local/share/man/man1
    #[arg(long, short, value_name = "DIR")]
    output: PathBuf,
}

pub(crate) fn run(args: &Args, mut program: clap::Command) -> Result<Outcome> {
    std::fs::create_dir_all(&args.output)
        .with_context(|| format!("cannot make the folder {}", args.output.display()))?;
    program = program.disable_help_subcommand(true);
    program.build();
    let pages = write(&args.output, &program)?;
    out!("{pages} pages in {}", args.output.display());
    Ok(Outcome::Done)
}

/// Writes the page of a command and of those below it; their number.
fn write(folder: &Path, command: &clap::Command) -> Result<usize> {
    let name = command.get_display_name().unwrap_or(command.get_name());
    let mut page = vec![];
    Man::new(command.clone()).render(&mut page)?;
    write_atomically(folder.join(format!("{name}.1")), &page)?;
    let mut pages = 1;
    for below in command
        .get_subcommands()
        .filter(|below| !below.is_hide_set())
    {
        pages += write(folder, below)?;
    }
    Ok(pages)
}
