//! `flowinone models`: what `--model` finds by name.

use anyhow::Result;
use flowinone_tasks::{KnownModel, known_models, models_folder};

use crate::Outcome;
use crate::bytes::bytes;

pub(crate) fn run() -> Result<Outcome> {
    let found = known_models()?;
    let width = found.iter().map(|model| model.name.len()).max();
    let width = width.unwrap_or_default();
    for model in &found {
        out!("{:<width$}  {}", model.name, described(model));
    }
    match models_folder() {
        Some(folder) => tell!("models folder: {} (FLOWINONE_MODELS)", folder.display()),
        None => tell!("there is no models folder: FLOWINONE_MODELS names one"),
    }
    Ok(Outcome::Done)
}

fn described(model: &KnownModel) -> String {
    let summary = match &model.summary {
        Ok(summary) => summary,
        Err(error) => return format!("cannot be used: {error}"),
    };
    let licences = match summary.licences.as_slice() {
        [] => "licence not written down".to_string(),
        names => names.join("; "),
    };
    let place = match &model.path {
        Some(path) => path.display().to_string(),
        None => "part of the program".into(),
    };
    let random = if summary.trained {
        ""
    } else {
        "random weights, "
    };
    format!(
        "{random}{side} x {side}, {} in {}, {licences}, {place}",
        bytes(summary.bytes),
        summary.precision,
        side = summary.picture_side,
    )
}
