//! `flowinone inspect`: what is in a checkpoint, a model directory, or a picture.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use flowinone_prompts::PromptStyle;
use flowinone_tasks::{ModelDirectory, Origin, read_enlarged, read_record};
use flowinone_weights::Checkpoint;

use crate::{Outcome, output};

/// List the tensors of a checkpoint, the parts of a model and what it knows, or the settings in a
/// PNG.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// .pth, .bin, .safetensors, *.index.json, model directory or built-in:mini, or a picture made
    /// by flowinone
    file: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let built_in = args.file.to_string_lossy().starts_with("built-in:");
    let text = if built_in || args.file.join("manifest.json").is_file() {
        directory(&args.file)?
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

fn directory(path: &Path) -> Result<String> {
    let directory = ModelDirectory::named(path)?;
    let config = directory.config();
    let state = if config.trained {
        "trained"
    } else {
        "untrained"
    };
    let mut text = format!("{} ({state})\n", config.name);
    for (component, record) in &directory.manifest().components {
        let source = match &record.source {
            Origin::Checkpoint { file, names } => format!("{} tensors of {file}", names.len()),
            Origin::Trained { steps } => format!("trained for {steps} steps"),
            Origin::Random { seed } => format!("random, seed {seed}"),
        };
        text += &format!(
            "{component}\t{}\t{} bytes\t{source}\tsha256 {}\n",
            record.precision, record.bytes, record.sha256
        );
    }
    text += &known(&config.prompts);
    text += &serde_json::to_string_pretty(config)?;
    text.push('\n');
    Ok(text)
}

/// What the model knows, as a person may say it; nothing if it is not limited.
fn known(style: &PromptStyle) -> String {
    let mut text = String::new();
    if !style.classes.is_empty() {
        let named = |class: &String| match style.synonyms.get(class) {
            Some(others) => format!("{class} ({})", others.join(", ")),
            None => class.clone(),
        };
        let names: Vec<String> = style.classes.iter().map(named).collect();
        text += &format!("{} things: {}\n", names.len(), names.join(", "));
    }
    if !style.words.is_empty() {
        let words: Vec<&str> = style.words.iter().map(String::as_str).collect();
        text += &format!("{} other words: {}\n", words.len(), words.join(", "));
    }
    text
}
