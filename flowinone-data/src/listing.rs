//! What shards and folders hold, and what of it is damaged.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use crate::{Damage, Error, Group, Layout, Truth, Walk};

/// Files that are named as left out; the others are counted.
const LEFT_OUT: usize = 20;

/// What one path holds.
#[derive(Debug, Serialize)]
pub struct Listing {
    /// The path.
    pub path: PathBuf,
    /// Number of shards; absent for a folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shards: Option<usize>,
    /// Sound samples.
    pub samples: u64,
    /// Bytes of their pictures.
    pub bytes: u64,
    /// Sound samples by task, or by type where there is no truth.
    pub tasks: BTreeMap<String, u64>,
    /// Sound samples by width and height of input and output.
    pub sizes: BTreeMap<String, u64>,
    /// Sound samples with ground truth.
    pub truths: u64,
    /// What of it is damaged.
    pub damage: Damage,
    /// Files that belong to no sample or are not used, each with the reason.
    left_out: Vec<String>,
}

impl Listing {
    /// Decodes every picture of a path.
    ///
    /// # Errors
    /// It holds no pairs, or cannot be read.
    pub fn of(path: PathBuf) -> Result<Self, Error> {
        // Everything is to be seen; what is too much is said at the end.
        let mut walk = Walk::open(&path, 1.0)?;
        let mut listing = Self {
            path,
            shards: match walk.layout() {
                Layout::Shards(count) => Some(count),
                Layout::Folder => None,
            },
            samples: 0,
            bytes: 0,
            tasks: BTreeMap::new(),
            sizes: BTreeMap::new(),
            truths: 0,
            damage: Damage::default(),
            left_out: vec![],
        };
        while let Some(sample) = walk.next_sample()? {
            let Some(example) = walk.decode(&sample)? else {
                continue;
            };
            listing.samples += 1;
            listing.bytes += (sample.input.bytes.len() + sample.output.bytes.len()) as u64;
            let truth = Truth::of(&sample);
            listing.truths += u64::from(truth.is_some());
            let [input, output] = [&example.input, &example.output]
                .map(|picture| format!("{}x{}", picture.width(), picture.height()));
            let size = match input == output {
                true => input,
                false => format!("{input} to {output}"),
            };
            *listing.sizes.entry(size).or_default() += 1;
            let group = Group::of(&sample, truth.as_ref());
            *listing.tasks.entry(group.name().into()).or_default() += 1;
        }
        listing.damage = walk.damage().clone();
        listing.left_out = walk.left_out().to_vec();
        Ok(listing)
    }

    /// It in words.
    pub fn text(&self) -> String {
        let place = match self.shards {
            Some(count) => format!("{count} shards"),
            None => "a folder".into(),
        };
        let counts = |counts: &BTreeMap<String, u64>| {
            let each = counts.iter().map(|(name, count)| format!("{count} {name}"));
            each.collect::<Vec<_>>().join(", ")
        };
        let mut text = format!(
            "{}: {} samples in {place}, {:.1} MB, {} with ground truth\n",
            self.path.display(),
            self.samples,
            self.bytes as f64 / 1e6,
            self.truths
        );
        if self.samples > 0 {
            text += &format!("  tasks: {}\n", counts(&self.tasks));
            text += &format!("  sizes: {}\n", counts(&self.sizes));
        }
        let Damage {
            samples,
            shards,
            names,
            ..
        } = &self.damage;
        if samples + shards > 0 {
            text += &format!("  damaged: {samples} samples, {shards} shards\n");
            for name in names {
                text += &format!("    {name}\n");
            }
        }
        if !self.left_out.is_empty() {
            text += &format!("  left out: {} files\n", self.left_out.len());
            for name in self.left_out.iter().take(LEFT_OUT) {
                text += &format!("    {name}\n");
            }
            if let Some(more @ 1..) = self.left_out.len().checked_sub(LEFT_OUT) {
                text += &format!("    and {more} more\n");
            }
        }
        text
    }
}
