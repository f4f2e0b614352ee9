//! Writing `WebDataset` shards: tar files `pairs-000000.tar` of samples `KEY.in.png`,
//! `KEY.out.png`, `KEY.type`, `KEY.json`. A shard stands under its name only when complete.

use std::io::Write;
use std::path::{Path, PathBuf};

use flowinone_files::AtomicFile;

use super::shard::shards;
use super::{Error, Sample};

/// Writes samples to numbered shards in a folder.
pub struct ShardWriter {
    folder: PathBuf,
    samples: usize,
    first: usize,
    open: Option<Open>,
    written: Vec<PathBuf>,
}

struct Open {
    path: PathBuf,
    tar: tar::Builder<AtomicFile>,
    samples: usize,
    last: String,
}

impl ShardWriter {
    /// Begins with `pairs-000000.tar` in `folder` (made if missing), `samples` to a shard.
    ///
    /// # Errors
    /// The folder cannot be made, holds shards already, or `samples` is 0.
    pub fn create(folder: impl Into<PathBuf>, samples: usize) -> Result<Self, Error> {
        let folder = folder.into();
        if samples == 0 {
            return Err(Error::Config("shards of 0 samples".into()));
        }
        std::fs::create_dir_all(&folder).map_err(Error::io("make", &folder))?;
        if let Some(first) = shards(&folder)?.first() {
            let reason = format!(
                "shards are there already ({}); choose another folder",
                first.display()
            );
            return Err(Error::layout(&folder, reason));
        }
        Ok(Self {
            folder,
            samples,
            first: 0,
            open: None,
            written: vec![],
        })
    }

    /// The same that begins with another number: a share of shards that are written elsewhere.
    #[must_use]
    pub fn numbered_from(self, first: usize) -> Self {
        Self { first, ..self }
    }

    /// Adds a sample, in a new shard if the last is full.
    ///
    /// # Errors
    /// A key that a shard cannot hold (its name has a dot, at which readers would end it; it leads
    /// out of the shard; it is that of the sample before), or a disk that cannot be written to.
    pub fn write(&mut self, sample: &Sample) -> Result<(), Error> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.begin()?,
        };
        let fault = match sample.key == open.last {
            true => Some("is that of the sample before; keys must differ"),
            false => fault(&sample.key),
        };
        if let Some(fault) = fault {
            let reason = format!("the key {:?} {fault}", sample.key);
            self.open = Some(open);
            return Err(Error::layout(&self.folder, reason));
        }
        let Sample {
            key, input, output, ..
        } = sample;
        let text = |text: &Option<String>| text.as_ref().map(|t| t.as_bytes().to_vec());
        let files = [
            (format!("in.{}", input.extension), Some(input.bytes.clone())),
            (
                format!("out.{}", output.extension),
                Some(output.bytes.clone()),
            ),
            ("type".into(), text(&sample.kind)),
            ("json".into(), text(&sample.json)),
        ];
        for (extension, bytes) in files {
            let Some(bytes) = bytes else { continue };
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            header.set_mtime(0);
            open.tar
                .append_data(&mut header, format!("{key}.{extension}"), &*bytes)
                .map_err(Error::io("write", &open.path))?;
        }
        open.last.clone_from(key);
        open.samples += 1;
        match open.samples == self.samples {
            true => self.close(open),
            false => {
                self.open = Some(open);
                Ok(())
            }
        }
    }

    /// Completes the last shard and names all of them.
    ///
    /// # Errors
    /// The disk cannot be written to.
    pub fn finish(mut self) -> Result<Vec<PathBuf>, Error> {
        if let Some(open) = self.open.take() {
            self.close(open)?;
        }
        Ok(self.written)
    }

    fn begin(&self) -> Result<Open, Error> {
        let path = self
            .folder
            .join(format!("pairs-{:06}.tar", self.first + self.written.len()));
        let file = AtomicFile::create(&path).map_err(Error::io("write", &path))?;
        Ok(Open {
            path,
            tar: tar::Builder::new(file),
            samples: 0,
            last: String::new(),
        })
    }

    fn close(&mut self, open: Open) -> Result<(), Error> {
        let finish = |tar: tar::Builder<AtomicFile>| {
            let mut file = tar.into_inner()?;
            file.flush()?;
            file.commit()
        };
        finish(open.tar).map_err(Error::io("write", &open.path))?;
        self.written.push(open.path);
        Ok(())
    }
}

/// Why a shard cannot hold a key: readers take a file's name up to its first dot as the key of its
/// sample, and all before it as folders.
fn fault(key: &str) -> Option<&'static str> {
    let name = key.rsplit('/').next().unwrap_or_default();
    let odd = |c: char| c.is_control() || matches!(c, '\\' | ':');
    if key.split('/').any(|part| matches!(part, "" | "." | "..")) {
        Some("has an empty part, or leads out of the shard")
    } else if name.contains('.') {
        Some("has a dot in its name, where every reader of shards would end it; write '-' instead")
    } else if key.split('/').any(|part| part.starts_with("__")) {
        Some("has a part that begins with \"__\", which marks files that belong to no sample")
    } else if key.len() > 200 {
        Some("is longer than 200 bytes; shorten it")
    } else if key.contains(odd) {
        Some("has a control character, a backslash or a colon; write '-' instead")
    } else {
        None
    }
}

/// The key of sample `index`: nine digits.
pub(crate) fn key(index: u64) -> String {
    format!("{index:09}")
}

/// Makes sure that `path` is a folder's child without surprises; used for files inside folders.
pub(crate) fn child(folder: &Path, relative: &str) -> Option<PathBuf> {
    let safe = relative
        .split('/')
        .all(|part| !matches!(part, "" | "." | ".."))
        && !relative.contains(['\\', '\0', ':']);
    safe.then(|| folder.join(relative))
}
