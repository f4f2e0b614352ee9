//! `flowinone inspect`: what is in a checkpoint, a model directory, or a picture.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use flowinone_tasks::{ModelDirectory, named_model, read_enlarged, read_record};
use flowinone_weights::Checkpoint;

use crate::{Outcome, output};

/// List the tensors of a checkpoint, the parts of a model and what it knows, or the settings in a
/// PNG.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// .pth, .bin, .safetensors, *.index.json, model directory or a name that `models` lists, or a
    /// picture made by flowinone
    file: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let built_in = args.file.to_string_lossy().starts_with("built-in:");
    let named = !args.file.exists() && named_model(&args.file).is_some();
    let text = if built_in || named || args.file.join("manifest.json").is_file() {
        ModelDirectory::named(&args.file)?.description()
    } else if is_picture(&args.file)? {
        settings(&args.file)?
    } else {
        checkpoint(&args.file)?
    };
    output::print_text(&text);
    Ok(Outcome::Done)
}

/// The settings inside a picture that was made, or made larger.
fn settings(path: &Path) -> Result<String> {
    let text = match read_enlarged(path) {
        Ok(record) => serde_json::to_string_pretty(&record)?,
        Err(_) => serde_json::to_string_pretty(&read_record(path)?)?,
    };
    Ok(text + "\n")
}

/// Whether a file is a PNG, by its name or its content; other pictures carry no settings.
fn is_picture(path: &Path) -> Result<bool> {
    let mut head = vec![];
    if let Ok(file) = File::open(path) {
        let _ = file.take(64).read_to_end(&mut head);
    }
    let named = path
        .extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("png"));
    match flowinone_files::recognised(&head) {
        Some("a PNG picture") => Ok(true),
        Some(what) if what.ends_with("picture") => bail!(
            "{} is {what}; only PNG files written by flowinone carry settings",
            path.display()
        ),
        _ => Ok(named),
    }
}

fn checkpoint(path: &Path) -> Result<String> {
    let checkpoint = Checkpoint::open(path)?;
    let mut text = String::new();
    let (mut tensors, mut values) = (0, 0);
    for entry in checkpoint.entries() {
        let shape = entry
            .shape()
            .iter()
            .map(usize::to_string)
            .collect::<Vec<_>>();
        let shape = match shape.as_slice() {
            [] => "scalar".to_string(),
            extents => extents.join("x"),
        };
        text += &format!("{}\t{shape}\t{}\n", entry.name(), entry.dtype_name());
        tensors += 1;
        values += entry.len();
    }
    text += &format!(
        "{}: {}, {tensors} tensors, {values} values\n",
        checkpoint.path().display(),
        checkpoint.format()
    );
    Ok(text)
}
