//! The options that say which procedural pairs are meant.

#![allow(
    clippy::doc_markdown,
    reason = "these comments are help texts, shown as they are"
)]

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use flowinone_data::{Classes, Holdout, Icons, PairConfig, PairSampler, Split, Variety};
use flowinone_prompts::Task;

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
    #[arg(long, value_name = "everyday|all|A,B,…", default_value = "everyday")]
    classes: Classes,
    /// train, validation, or what is held out and tested: templates, lettering, style, positions,
    /// pairs, combinations, word-order
    #[arg(long, value_name = "NAME", default_value = "train")]
    split: Split,
    /// What training never sees: templates, positions, lettering=serif|serif-bold|comic,
    /// style=NAME, pairs=SHARE, combinations=SHARE, word-order; several with commas
    #[arg(
        long,
        value_name = "A,B=C,…",
        default_value = "",
        hide_default_value = true
    )]
    holdout: Holdout,
    /// JSON object that narrows what differs from pair to pair, such as {"objects": 1}
    #[arg(
        long,
        value_name = "JSON",
        default_value = "{}",
        hide_default_value = true
    )]
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
