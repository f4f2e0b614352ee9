//! The options that say which procedural pairs are meant.

#![allow(
    clippy::doc_markdown,
    reason = "these comments are help texts, shown as they are"
)]

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use flowinone_data::{Axis, Classes, Holdout, Icons, PairConfig, PairSampler, Split, Variety};
use flowinone_prompts::Task;
use serde::de::DeserializeOwned;

/// Stands for the icons that the program brings.
const BUILTIN: &str = "builtin";

/// Which pairs are made.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Pairs")]
pub(crate) struct PairOptions {
    /// Iconify JSON file of icons, or builtin; its prefix names the style unless NAME= does;
    /// repeatable [default: builtin]
    #[arg(long, value_name = "[NAME=]FILE")]
    icons: Vec<String>,
    /// Other names for icons, such as apple=red-apple
    #[arg(long, value_name = "NAME=ICON,…", value_delimiter = ',', value_parser = renamed)]
    names: Vec<(String, String)>,
    /// Styles to use, of those loaded [default: all]
    #[arg(long, value_name = "A,B,…", value_delimiter = ',')]
    styles: Vec<String>,
    /// Seed of all chance
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Side of the pictures in pixels, 16 to 2048
    #[arg(long, value_name = "PIXELS", default_value_t = 256)]
    side: u32,
    /// Tasks, in turn (class-to-image, text-to-image, text-in-image, text-box, visual-marker,
    /// doodle, force, trajectory) [default: all]
    #[arg(long, value_name = "A,B,…", value_delimiter = ',')]
    tasks: Vec<Task>,
    /// everyday, all, or names of icons
    #[arg(long, value_name = "everyday|all|A,B,…", default_value = "everyday", value_parser = classes)]
    classes: Classes,
    /// train, validation, or what is held out and tested: templates, lettering, style, positions,
    /// pairs, combinations
    #[arg(long, value_name = "NAME", default_value = "train", value_parser = split)]
    split: Split,
    /// What training never sees: templates, positions, lettering=serif|serif-bold|comic, style=NAME,
    /// pairs=SHARE, combinations=SHARE; several with commas
    #[arg(long, value_name = "A,B=C,…", default_value = "", hide_default_value = true, value_parser = holdout)]
    holdout: Holdout,
    /// JSON object that narrows what differs from pair to pair, such as {"objects": 1}
    #[arg(long, value_name = "JSON", default_value = "{}", hide_default_value = true, value_parser = variety)]
    variety: Variety,
}

impl PairOptions {
    /// The tasks that were named; none means all.
    pub(crate) fn tasks(&self) -> &[Task] {
        &self.tasks
    }

    /// The sampler of these pairs.
    pub(crate) fn sampler(&self) -> Result<PairSampler> {
        let tasks = match self.tasks.is_empty() {
            true => Task::ALL.to_vec(),
            false => self.tasks.clone(),
        };
        let config = PairConfig {
            seed: self.seed,
            side: self.side,
            tasks,
            classes: self.classes.clone(),
            styles: self.styles.clone(),
            split: self.split,
            holdout: self.holdout.clone(),
            variety: self.variety.clone(),
        };
        Ok(PairSampler::new(Arc::new(self.icons()?), config)?)
    }

    /// The classes that were named.
    pub(crate) fn classes(&self) -> &Classes {
        &self.classes
    }

    /// The icons that were named.
    pub(crate) fn icons(&self) -> Result<Icons> {
        let builtin = self.icons.is_empty() || self.icons.iter().any(|icons| icons == BUILTIN);
        let mut icons = match builtin {
            true => Icons::builtin(),
            false => Icons::new(),
        };
        for file in self.icons.iter().filter(|icons| *icons != BUILTIN) {
            // A file whose name holds an equals sign is still a file.
            match file.split_once('=') {
                Some((style, path)) if !Path::new(file).exists() => icons.open_as(style, path)?,
                _ => icons.open(file)?,
            };
        }
        for (name, icon) in &self.names {
            icons.name(name, icon)?;
        }
        Ok(icons)
    }
}

fn renamed(text: &str) -> Result<(String, String), String> {
    let (name, icon) = text
        .split_once('=')
        .ok_or_else(|| format!("{text:?} is no NAME=ICON, such as apple=red-apple"))?;
    Ok((name.trim().into(), icon.trim().into()))
}

fn classes(text: &str) -> Result<Classes, String> {
    Ok(match text {
        "everyday" => Classes::Everyday,
        "all" => Classes::All,
        names => Classes::Named(names.split(',').map(|name| name.trim().into()).collect()),
    })
}

fn split(text: &str) -> Result<Split, String> {
    Ok(match text {
        "train" => Split::Train,
        "validation" => Split::Validation,
        axis => {
            let axis = named::<Axis>(axis);
            Split::HeldOut(axis.ok_or_else(|| {
                format!(
                    "{text:?} is none of train, validation, templates, lettering, style, positions, pairs, combinations"
                )
            })?)
        }
    })
}

fn holdout(text: &str) -> Result<Holdout, String> {
    let mut holdout = Holdout::default();
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let (name, value) = match part.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (part, None),
        };
        let share = |value: &str| {
            let share = value.parse::<f64>();
            share.map_err(|_| format!("{value:?} is no share such as 0.1"))
        };
        match (name, value) {
            ("templates", None) => holdout.templates = true,
            ("positions", None) => holdout.positions = true,
            ("lettering", Some(name)) => {
                let lettering = named(name);
                let unknown = || format!("{name:?} is none of serif, serif-bold, comic");
                holdout.lettering = Some(lettering.ok_or_else(unknown)?);
            }
            ("style", Some(style)) => holdout.style = Some(style.into()),
            ("pairs", Some(value)) => holdout.pairs = share(value)?,
            ("combinations", Some(value)) => holdout.combinations = share(value)?,
            _ => {
                return Err(format!(
                    "{part:?} is none of templates, positions, lettering=NAME, style=NAME, pairs=SHARE, combinations=SHARE"
                ));
            }
        }
    }
    Ok(holdout)
}

fn variety(text: &str) -> Result<Variety, String> {
    serde_json::from_str(text).map_err(|e| e.to_string())
}

/// The value that is written so in files.
fn named<T: DeserializeOwned>(name: &str) -> Option<T> {
    serde_json::from_value(name.into()).ok()
}

#[cfg(test)]
mod tests {
    use flowinone_data::Lettering;

    use super::*;

    #[test]
    fn what_is_held_out_is_read_part_by_part() {
        let read = holdout("templates,lettering=comic,pairs=0.1").unwrap();
        let expected = Holdout {
            templates: true,
            lettering: Some(Lettering::Comic),
            pairs: 0.1,
            ..Holdout::default()
        };
        assert_eq!(read, expected);
        assert_eq!(holdout("").unwrap(), Holdout::default());
        for (text, part) in [
            ("words", "words"),
            ("pairs", "pairs=SHARE"),
            ("pairs=many", "many"),
            ("lettering=gothic", "serif-bold"),
        ] {
            let error = holdout(text).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn a_split_is_train_validation_or_an_axis() {
        assert_eq!(split("train"), Ok(Split::Train));
        assert_eq!(split("positions"), Ok(Split::HeldOut(Axis::Positions)));
        assert!(split("test").unwrap_err().contains("combinations"));
    }
}
