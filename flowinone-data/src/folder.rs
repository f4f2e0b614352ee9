//! The folder layout: `input/NAME.png`, `output/NAME.png` with equal relative names, and
//! `truth/NAME.json` next to them; `type/NAME.txt` where a sample's type does not follow from its
//! truth.

use std::io::Write;
use std::path::{Path, PathBuf};

use flowinone_files::AtomicFile;
use flowinone_image::EXTENSIONS;

use super::damage::Damage;
use super::draw::{hash, permutation};
use super::files::{Files, listed};
use super::position::foreign;
use super::sample::kind_of;
use super::shard_writer::child;
use super::{Error, Example, Position, Sample, StreamConfig};

/// Writes samples as single files.
pub struct FolderWriter {
    root: PathBuf,
}

impl FolderWriter {
    /// Makes the folders `input`, `output` and `truth` in `root`.
    ///
    /// # Errors
    /// They cannot be made, or hold files already.
    pub fn create(root: impl Into<PathBuf>) -> Result<Self, Error> {
        let root = root.into();
        for name in ["input", "output", "truth"] {
            let folder = root.join(name);
            std::fs::create_dir_all(&folder).map_err(Error::io("make", &folder))?;
            let mut entries = std::fs::read_dir(&folder).map_err(Error::io("read", &folder))?;
            if entries.next().is_some() {
                let reason = "it holds files already; choose another folder";
                return Err(Error::layout(&folder, reason));
            }
        }
        Ok(Self { root })
    }

    /// Writes one sample; its files appear only when complete, the input last.
    ///
    /// # Errors
    /// A key that leads out of the folder or is there already, or a disk that cannot be written to.
    pub fn write(&self, sample: &Sample) -> Result<(), Error> {
        let Sample {
            key, input, output, ..
        } = sample;
        let place = |folder: &str, extension: &str| {
            let relative = format!("{folder}/{key}.{extension}");
            let reason = || format!("the key {key:?} leads out of it");
            child(&self.root, &relative).ok_or_else(|| Error::layout(&self.root, reason()))
        };
        for extension in EXTENSIONS {
            if place("input", extension)?.exists() {
                let reason = format!("the key {key:?} is there already; keys must differ");
                return Err(Error::layout(&self.root, reason));
            }
        }
        let text = |text: &'_ Option<String>| text.as_ref().map(|t| t.clone().into_bytes());
        let kind = match sample.kind == kind_of(sample.json.as_deref()) {
            true => None,
            false => text(&sample.kind),
        };
        let files = [
            ("output", &*output.extension, Some(output.bytes.clone())),
            ("truth", "json", text(&sample.json)),
            ("type", "txt", kind),
            ("input", &*input.extension, Some(input.bytes.clone())),
        ];
        for (folder, extension, bytes) in files {
            let Some(bytes) = bytes else { continue };
            let path = place(folder, extension)?;
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder).map_err(Error::io("make", folder))?;
            }
            let written = AtomicFile::create(&path).and_then(|mut file| {
                file.write_all(&bytes)?;
                file.commit()
            });
            written.map_err(Error::io("write", &path))?;
        }
        Ok(())
    }
}

/// Passes over a folder.
pub struct FolderStream {
    name: String,
    samples: Vec<Files>,
    config: StreamConfig,
    epoch: u64,
    order: Vec<usize>,
    turn: usize,
    given: u64,
    damage: Damage,
}

impl FolderStream {
    /// Lists the samples of a folder, by their inputs.
    ///
    /// # Errors
    /// A folder that cannot be read, or fewer samples than parts.
    pub fn open(root: impl AsRef<Path>, config: StreamConfig) -> Result<Self, Error> {
        let root = root.as_ref();
        let samples = listed(root)?.samples;
        if samples.len() < config.part.of as usize {
            let reason = format!("{} samples for {} readers", samples.len(), config.part.of);
            return Err(Error::layout(root, reason));
        }
        let mut stream = Self {
            name: root.display().to_string(),
            samples,
            config,
            epoch: 0,
            order: vec![],
            turn: 0,
            given: 0,
            damage: Damage::default(),
        };
        stream.begin(0);
        Ok(stream)
    }

    /// The keys of the samples, sorted.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.samples.iter().map(|files| &*files.key)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn damage(&self) -> &Damage {
        &self.damage
    }

    fn begin(&mut self, epoch: u64) {
        let order = permutation(self.samples.len(), self.config.seed, epoch);
        let mine = order.into_iter().enumerate();
        let mine = mine.filter(|(turn, _)| self.config.part.holds(*turn));
        self.order = mine.map(|(_, sample)| sample).collect();
        (self.epoch, self.turn, self.given) = (epoch, 0, 0);
    }

    /// The next sample with its bytes as they are; `None` after the last pass.
    ///
    /// # Errors
    /// More is damaged than was allowed, or a whole pass has no usable sample.
    pub fn next_sample(&mut self) -> Result<Option<Sample>, Error> {
        loop {
            if self.config.epochs.is_some_and(|most| self.epoch >= most) {
                return Ok(None);
            }
            let Some(&number) = self.order.get(self.turn) else {
                if self.given == 0 {
                    let reason = format!("a whole pass over {} has no usable sample", self.name);
                    return Err(Error::Config(reason));
                }
                self.begin(self.epoch + 1);
                continue;
            };
            self.turn += 1;
            self.damage.seen += u64::from(self.epoch == 0);
            match self.samples[number].read() {
                Ok(sample) => {
                    self.given += 1;
                    return Ok(Some(sample));
                }
                Err(reason) => self.bad(&self.samples[number].key.clone(), &reason)?,
            }
        }
    }

    pub(crate) fn next_example(&mut self) -> Result<Option<Example>, Error> {
        while let Some(sample) = self.next_sample()? {
            match sample.decode(&self.name) {
                Ok(example) => return Ok(Some(example)),
                Err(reason) => {
                    self.given -= 1;
                    self.bad(&sample.key, &reason)?;
                }
            }
        }
        Ok(None)
    }

    fn bad(&mut self, key: &str, reason: &str) -> Result<(), Error> {
        let place = format!("{}, {key}", self.name);
        if !self.damage.sample(&place, format!("{place}: {reason}")) {
            return Ok(()); // known from another pass
        }
        let samples = self.samples.len() as u64;
        let tolerance = self.config.tolerance;
        self.damage.check(&self.name, samples, 0, tolerance)
    }

    fn fingerprint(&self) -> u64 {
        let config = serde_json::to_string(&self.config).expect("plain data");
        let words: Vec<&str> = self.keys().chain([&*config]).collect();
        hash(&words)
    }

    pub(crate) fn position(&self) -> Position {
        Position::Folder {
            fingerprint: self.fingerprint(),
            epoch: self.epoch,
            turn: self.turn,
            given: self.given,
            damage: self.damage.clone(),
        }
    }

    pub(crate) fn resume(&mut self, position: Position) -> Result<(), Error> {
        match position {
            Position::Folder {
                fingerprint,
                epoch,
                turn,
                given,
                damage,
            } if fingerprint == self.fingerprint() => {
                self.begin(epoch);
                (self.turn, self.given, self.damage) = (turn, given, damage);
                Ok(())
            }
            _ => Err(foreign(&self.name)),
        }
    }
}
