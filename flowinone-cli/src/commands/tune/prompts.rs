//! What is solved: prompt pictures from files, or procedural ones.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use flowinone_data::{Icons, PairConfig, PairSampler, Split};
use flowinone_image::read_picture;
use flowinone_prompts::Task;
use flowinone_tasks::batch::{Found, Refused, find, number};
use flowinone_tasks::{Item, ModelConfig};

/// Pictures from files, each with every seed.
pub(super) fn read(files: &[PathBuf], task: Option<Task>, seeds: &[u64]) -> Result<Vec<Item>> {
    let mut items = vec![];
    let Found { pictures, refused } = find(files, None)?;
    if let Some(Refused { place, reason }) = refused.into_iter().next() {
        bail!("{place}: {reason}");
    }
    for (file, below) in pictures {
        let prompt = read_picture(&file)?;
        let number = number(&below);
        items.extend(seeds.iter().map(|&seed| Item {
            prompt: prompt.clone(),
            structure: task.is_none_or(Task::keeps_structure),
            seed,
            number,
        }));
    }
    Ok(items)
}

/// One procedural prompt of each task, with every seed, in the size that the model sees.
pub(super) fn made(model: &ModelConfig, seeds: &[u64]) -> Result<Vec<Item>> {
    let mut config = PairConfig {
        side: model.prompts.side,
        split: Split::Validation,
        ..PairConfig::new(0)
    };
    config.variety.text_scale = model.prompts.text_scale;
    let sampler = PairSampler::new(Arc::new(Icons::builtin()), config)
        .context("no procedural prompts for this model; give some with --prompts")?;
    let mut items = vec![];
    for number in 0..Task::ALL.len() as u64 {
        let pair = sampler.pair(number)?;
        for &seed in seeds {
            items.push(Item {
                prompt: pair.prompt.clone(),
                structure: pair.truth.task.keeps_structure(),
                seed,
                number,
            });
        }
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_has_a_prompt_with_every_seed() {
        for model in [ModelConfig::mini(), ModelConfig::flowinone_256()] {
            let items = made(&model, &[3, 4]).unwrap();
            assert_eq!(items.len(), 16);
            assert!(items.iter().any(|item| item.structure));
            assert!(items.iter().any(|item| !item.structure));
            let side = model.prompts.side;
            assert!(items.iter().all(|item| item.prompt.width() == side));
        }
    }

    #[test]
    fn absent_files_are_named() {
        let error = read(&["absent.png".into()], None, &[0]).unwrap_err();
        assert!(error.to_string().contains("absent.png"), "{error}");
    }
}
