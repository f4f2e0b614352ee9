//! The part of a file that is here: it grows at its end, and its SHA-256 with it.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use flowinone_files::{Error, hexadecimal};
use sha2::{Digest, Sha256};

/// Bytes that are read at once.
const PIECE: usize = 1 << 20;

/// A file that grows.
pub(crate) struct Part {
    path: PathBuf,
    file: File,
    digest: Sha256,
    length: u64,
}

impl Part {
    /// Opens what is there, or begins; of a part longer than `most` bytes nothing is kept. `see`
    /// hears how many bytes of it have been read.
    ///
    /// # Errors
    /// A file that cannot be read or written.
    pub(crate) fn open(path: &Path, most: u64, mut see: impl FnMut(u64)) -> Result<Self, Error> {
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(path).map_err(Error::of("write", path))?;
        let mut digest = Sha256::new();
        let mut length = 0;
        let mut piece = vec![0; PIECE];
        loop {
            match file.read(&mut piece).map_err(Error::of("read", path))? {
                0 => break,
                n => digest.update(&piece[..n]),
            }
            length = file.stream_position().map_err(Error::of("read", path))?;
            if length > most {
                break;
            }
            see(length);
        }
        let mut part = Self {
            path: path.to_path_buf(),
            file,
            digest,
            length,
        };
        if length > most {
            part.restart()?;
        }
        Ok(part)
    }

    /// How many bytes are here.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Throws away what is here.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub(crate) fn restart(&mut self) -> Result<(), Error> {
        let emptied = self.file.set_len(0).and_then(|()| self.file.rewind());
        emptied.map_err(Error::of("write", &self.path))?;
        (self.digest, self.length) = (Sha256::new(), 0);
        Ok(())
    }

    /// Adds bytes at its end.
    ///
    /// # Errors
    /// A file that cannot be written, such as on a full disk: what was there before stays.
    pub(crate) fn add(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if let Err(error) = self.file.write_all(bytes) {
            // What of them came to the disk is not in the digest.
            let _ = self.file.set_len(self.length);
            return Err(Error::of("write", &self.path)(error));
        }
        self.digest.update(bytes);
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// The SHA-256 of what is here.
    pub(crate) fn sha256(&self) -> String {
        hexadecimal(&self.digest.clone().finalize())
    }

    /// Puts it in its place.
    ///
    /// # Errors
    /// A file that cannot be brought to the disk or renamed.
    pub(crate) fn commit(self, target: &Path) -> Result<(), Error> {
        let Self { path, file, .. } = self;
        file.sync_data().map_err(Error::of("write", &path))?;
        drop(file);
        std::fs::rename(&path, target).map_err(Error::of("write", target))
    }

    /// Removes it.
    ///
    /// # Errors
    /// A file that cannot be removed.
    pub(crate) fn remove(self) -> Result<(), Error> {
        let Self { path, file, .. } = self;
        drop(file);
        std::fs::remove_file(&path).map_err(Error::of("remove", &path))
    }
}

#[cfg(test)]
mod tests {
    use flowinone_files::sha256_of;

    use super::*;

    #[test]
    fn a_part_goes_on_where_it_ended_and_its_digest_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.part");
        let mut part = Part::open(&path, 100, |_| {}).unwrap();
        part.add(b"one ").unwrap();
        drop(part);
        let mut seen = vec![];
        let mut part = Part::open(&path, 100, |length| seen.push(length)).unwrap();
        assert_eq!((part.length(), &*seen), (4, &[4][..]));
        part.add(b"two").unwrap();
        assert_eq!(part.sha256(), sha256_of(b"one two"));
        part.restart().unwrap();
        part.add(b"three").unwrap();
        assert_eq!(part.sha256(), sha256_of(b"three"));
        part.commit(&folder.path().join("w")).unwrap();
        assert!(!path.exists());
        assert_eq!(std::fs::read(folder.path().join("w")).unwrap(), b"three");

        std::fs::write(&path, "longer than it may be").unwrap();
        let part = Part::open(&path, 20, |_| {}).unwrap();
        assert_eq!((part.length(), part.sha256()), (0, sha256_of(b"")));
        part.remove().unwrap();
        assert!(!path.exists());
    }
}
