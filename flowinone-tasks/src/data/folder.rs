//! The folder layout: `input/NAME.png`, `output/NAME.png` with equal relative names, and
//! `truth/NAME.json` beside them.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use flowinone_weights::AtomicFile;
use walkdir::WalkDir;

use super::damage::Damage;
use super::draw::{hash, permutation};
use super::sample::{EXTENSIONS, kind};
use super::shard_writer::child;
use super::stream::{Position, StreamConfig, foreign};
use super::{Encoded, Error, Example, Sample, Truth};

/// Largest file that is read, in bytes.
const MAX_FILE: u64 = 64 << 20;

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
    /// A key that leads out of the folder, or a disk that cannot be written to.
    pub fn write(&self, sample: &Sample) -> Result<(), Error> {
        let Sample { input, output, .. } = sample;
        let json = sample
            .json
            .as_ref()
            .map(|json| ("truth", "json", json.as_bytes()));
        let files = [
            Some(("output", &*output.extension, &*output.bytes)),
            json,
            Some(("input", &*input.extension, &*input.bytes)),
        ];
        for (folder, extension, bytes) in files.into_iter().flatten() {
            let path = format!("{folder}/{}.{extension}", sample.key);
            let path = child(&self.root, &path).ok_or_else(|| {
                Error::layout(
                    &self.root,
                    format!("the key {:?} leads out of it", sample.key),
                )
            })?;
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder).map_err(Error::io("make", folder))?;
            }
            let written = AtomicFile::create(&path).and_then(|mut file| {
                file.write_all(bytes)?;
                file.commit()
            });
            written.map_err(Error::io("write", &path))?;
        }
        Ok(())
    }
}

/// The files of one sample.
struct Files {
    key: String,
    input: PathBuf,
    output: Option<PathBuf>,
    truth: PathBuf,
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
        let (inputs, outputs) = (
            pictures(&root.join("input"))?,
            pictures(&root.join("output"))?,
        );
        let files = |(key, input): (String, PathBuf)| Files {
            output: outputs.get(&key).cloned(),
            truth: root.join("truth").join(format!("{key}.json")),
            input,
            key,
        };
        let samples: Vec<Files> = inputs.into_iter().map(files).collect();
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
            self.damage.seen += 1;
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
        let named = format!("{}, {key}: {reason}", self.name);
        self.damage.sample(&self.name, named, self.config.tolerance)
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

impl Files {
    fn read(&self) -> Result<Sample, String> {
        let output = self.output.as_ref();
        let output = output.ok_or("output/ has no picture of this name")?;
        let json = match self.truth.is_file() {
            true => Some(String::from_utf8(bytes(&self.truth)?).map_err(|e| e.to_string())?),
            false => None,
        };
        let truth: Option<Truth> = json.as_deref().and_then(|j| serde_json::from_str(j).ok());
        Ok(Sample {
            key: self.key.clone(),
            input: encoded(&self.input)?,
            output: encoded(output)?,
            kind: truth.map(|truth| kind(truth.task).into()),
            json,
        })
    }
}

fn encoded(path: &Path) -> Result<Encoded, String> {
    Ok(Encoded {
        extension: extension(path).unwrap_or_default(),
        bytes: bytes(path)?,
    })
}

fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    let name = path.display();
    let fault = |e: std::io::Error| format!("{name}: {e}");
    let size = std::fs::metadata(path).map_err(fault)?.len();
    if size > MAX_FILE {
        return Err(format!("{name} has {size} bytes, more than {MAX_FILE}"));
    }
    std::fs::read(path).map_err(fault)
}

fn extension(path: &Path) -> Option<String> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    EXTENSIONS.contains(&&*extension).then_some(extension)
}

/// The pictures below a folder, by relative name without extension; links are not followed.
fn pictures(folder: &Path) -> Result<BTreeMap<String, PathBuf>, Error> {
    let mut found = BTreeMap::new();
    for entry in WalkDir::new(folder).sort_by_file_name() {
        let entry = entry.map_err(|e| Error::io("read", folder)(e.into()))?;
        let path = entry.path();
        if !entry.file_type().is_file() || extension(path).is_none() {
            continue;
        }
        let relative = path.strip_prefix(folder).expect("it lies in the folder");
        let relative = relative.with_extension("");
        let key = relative.to_str().map(|key| key.replace('\\', "/"));
        let key = key.ok_or_else(|| Error::layout(path, "its name is no text"))?;
        if let Some(other) = found.insert(key, path.to_path_buf()) {
            let reason = format!("{} has the same name", other.display());
            return Err(Error::layout(path, reason));
        }
    }
    Ok(found)
}
