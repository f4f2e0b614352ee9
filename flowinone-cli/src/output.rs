//! What the program says: results on the standard output, everything else on the standard error.
//!
//! A reader that goes away (`| head`) ends the output, not the work. A device that is full is an
//! error at the end, once. A standard error that takes nothing is no reason to stop.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write, stderr, stdout};
use std::sync::{Mutex, PoisonError};

use anyhow::{Result, anyhow};

/// Why nothing more is written to the standard output.
static ENDED: Mutex<Option<std::io::Error>> = Mutex::new(None);

/// Writes a result, as `println!` does.
macro_rules! out {
    ($($text:tt)*) => { $crate::output::print(format_args!($($text)*)) };
}

/// Tells something on the side, as `eprintln!` does.
macro_rules! tell {
    ($($text:tt)*) => { $crate::output::note(format_args!($($text)*)) };
}

/// Writes a line to the standard output, unless that has ended.
pub(crate) fn print(line: Arguments<'_>) {
    write(|out| writeln!(out, "{line}"));
}

/// Writes a text as it is to the standard output, unless that has ended.
pub(crate) fn print_text(text: &str) {
    write(|out| out.write_all(text.as_bytes()));
}

fn write(write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) {
    let mut ended = ENDED.lock().unwrap_or_else(PoisonError::into_inner);
    if ended.is_none() {
        *ended = write(&mut stdout().lock()).err();
    }
}

/// Writes a line to the standard error, if that takes it.
pub(crate) fn note(line: Arguments<'_>) {
    let _ = writeln!(stderr().lock(), "{line}");
}

/// Brings the rest of the output out.
///
/// # Errors
/// It could not be written, and not because its reader went away.
pub(crate) fn finish() -> Result<()> {
    write(|out| out.flush());
    let ended = ENDED.lock().unwrap_or_else(PoisonError::into_inner).take();
    match ended {
        Some(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(anyhow!("cannot write to the standard output: {error}"))
        }
        _ => Ok(()),
    }
}

/// An error with its causes, each told once: many messages hold that of their cause already.
pub(crate) fn reason(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            text += ": ";
            text += &cause;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn every_reason_is_told_once() {
        let file = flowinone_files::Error::of("open", "x.pth");
        let error = anyhow::Error::from(file(ErrorKind::NotFound.into()));
        assert_eq!(reason(&error), "cannot open x.pth: entity not found");
        let error = error.context("the prompt picture is needed again");
        assert_eq!(
            reason(&error),
            "the prompt picture is needed again: cannot open x.pth: entity not found"
        );
        let plain: Result<(), _> = Err(std::io::Error::other("disk full"));
        let error = plain.context("cannot write the report").unwrap_err();
        assert_eq!(reason(&error), "cannot write the report: disk full");
    }
}
