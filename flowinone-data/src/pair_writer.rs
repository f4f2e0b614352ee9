//! Samples into files, as shards or as a folder.

use std::path::Path;

use crate::{Error, FolderWriter, Sample, ShardWriter};

/// Writes samples, whole or not at all.
pub enum PairWriter {
    /// Into shards.
    Shards(Box<ShardWriter>),
    /// Into a folder with `input/` and `output/`.
    Folder(FolderWriter),
}

impl PairWriter {
    /// Writes into `folder`: shards of `shard_size` samples, or pictures in folders if `None`.
    ///
    /// # Errors
    /// A folder that cannot be written to.
    pub fn create(folder: &Path, shard_size: Option<usize>) -> Result<Self, Error> {
        Ok(match shard_size {
            Some(size) => Self::Shards(Box::new(ShardWriter::create(folder, size)?)),
            None => Self::Folder(FolderWriter::create(folder)?),
        })
    }

    /// The same whose first shard has another number; a folder has none.
    #[must_use]
    pub fn numbered_from(self, first: usize) -> Self {
        match self {
            Self::Shards(writer) => Self::Shards(Box::new(writer.numbered_from(first))),
            folder @ Self::Folder(_) => folder,
        }
    }

    /// Writes a sample.
    ///
    /// # Errors
    /// A file that cannot be written, or a key that is there already.
    pub fn write(&mut self, sample: &Sample) -> Result<(), Error> {
        match self {
            Self::Shards(writer) => writer.write(sample),
            Self::Folder(writer) => writer.write(sample),
        }
    }

    /// Ends the last file, and says what was written: "3 shards", "a folder".
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn finish(self) -> Result<String, Error> {
        Ok(match self {
            Self::Shards(writer) => format!("{} shards", writer.finish()?.len()),
            Self::Folder(_) => "a folder".into(),
        })
    }
}
