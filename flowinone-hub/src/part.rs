//! The part of a file that is here: it grows at its end, and its SHA-256 with it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use flowinone_files::Error;

use crate::digester::Digester;

/// Where a file grows, by its digest: what was begun of another revision is another file.
pub(crate) fn part(folder: &Path, sha256: &str) -> PathBuf {
    folder.join(format!("{sha256}.part"))
}

/// Bytes that are digested at once; they are written as they come.
const PIECE: usize = 1 << 20;

/// A file that grows.
pub(crate) struct Part {
    path: PathBuf,
    file: File,
    digester: Digester,
    /// The last bytes, not yet digested.
    buffer: Vec<u8>,
    filled: usize,
    length: u64,
}

/// Why no more bytes come.
#[derive(Debug)]
pub(crate) enum Stop {
    /// There are none.
    End,
    /// More come than there may be.
    TooMany,
    /// They cannot be read.
    Read(io::Error),
    /// They cannot be written, such as on a full disk: what was there before stays.
    Write(Error),
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
        let digester = Digester::start();
        let mut part = Self {
            file: options.open(path).map_err(Error::of("write", path))?,
            path: path.to_path_buf(),
            buffer: digester.buffer(PIECE),
            digester,
            filled: 0,
            length: 0,
        };
        loop {
            let count = part.file.read(&mut part.buffer[part.filled..]);
            let count = count.map_err(Error::of("read", path))?;
            if count == 0 {
                return Ok(part);
            }
            part.grow(count);
            if part.length > most {
                part.restart()?;
                return Ok(part);
            }
            see(part.length);
        }
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
        (self.digester, self.filled, self.length) = (Digester::start(), 0, 0);
        Ok(())
    }

    /// Takes what has come of `from` and adds it at the end; `most` bytes may be here then.
    ///
    /// # Errors
    /// Why no more come.
    pub(crate) fn take(&mut self, from: &mut impl Read, most: u64) -> Result<(), Stop> {
        let room = &mut self.buffer[self.filled..];
        let count = match from.read(room) {
            Ok(0) => return Err(Stop::End),
            Ok(count) => count,
            Err(error) => return Err(Stop::Read(error)),
        };
        if self.length + count as u64 > most {
            return Err(Stop::TooMany);
        }
        if let Err(error) = self.file.write_all(&room[..count]) {
            // What of them came to the disk is not in the digest.
            let _ = self.file.set_len(self.length);
            let _ = self.file.seek(SeekFrom::Start(self.length));
            return Err(Stop::Write(Error::of("write", &self.path)(error)));
        }
        self.grow(count);
        Ok(())
    }

    /// Counts bytes that are in the buffer and in the file.
    fn grow(&mut self, count: usize) {
        self.filled += count;
        self.length += count as u64;
        if self.filled == self.buffer.len() {
            let next = self.digester.buffer(PIECE);
            let full = std::mem::replace(&mut self.buffer, next);
            self.digester.add(full, std::mem::take(&mut self.filled));
        }
    }

    /// Puts it in its place if its SHA-256 is the one expected, or removes it and says which it is.
    ///
    /// # Errors
    /// A file that cannot be brought to the disk, renamed or removed.
    pub(crate) fn finish(self, target: &Path, sha256: &str) -> Result<Result<(), String>, Error> {
        let Self {
            path,
            file,
            digester,
            buffer,
            filled,
            ..
        } = self;
        digester.add(buffer, filled);
        let found = digester.finish();
        if found != sha256 {
            drop(file);
            std::fs::remove_file(&path).map_err(Error::of("remove", &path))?;
            return Ok(Err(found));
        }
        file.sync_data().map_err(Error::of("write", &path))?;
        drop(file);
        std::fs::rename(&path, target).map_err(Error::of("write", target))?;
        Ok(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use flowinone_files::sha256_of;

    use super::*;

    fn add(part: &mut Part, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            part.take(&mut bytes, 100).unwrap();
        }
    }

    #[test]
    fn a_part_goes_on_where_it_ended_and_its_digest_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let (path, target) = (folder.path().join("w.part"), folder.path().join("w"));
        let mut part = Part::open(&path, 100, |_| {}).unwrap();
        add(&mut part, b"one ");
        drop(part);
        let mut seen = vec![];
        let mut part = Part::open(&path, 100, |length| seen.push(length)).unwrap();
        assert_eq!((part.length(), &*seen), (4, &[4][..]));
        add(&mut part, b"two");
        let digest = sha256_of(b"one two");
        assert_eq!(part.finish(&target, &digest).unwrap(), Ok(()));
        assert_eq!(std::fs::read(&target).unwrap(), b"one two");
        assert!(!path.exists());

        let mut part = Part::open(&path, 100, |_| {}).unwrap();
        add(&mut part, b"one ");
        part.restart().unwrap();
        add(&mut part, b"three");
        assert!(matches!(
            part.take(&mut &b"more"[..], 8),
            Err(Stop::TooMany)
        ));
        assert!(matches!(part.take(&mut &b""[..], 8), Err(Stop::End)));
        let other = part.finish(&folder.path().join("x"), &digest).unwrap();
        assert_eq!(other, Err(sha256_of(b"three")));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);

        std::fs::write(&path, "longer than it may be").unwrap();
        let part = Part::open(&path, 20, |_| {}).unwrap();
        assert_eq!(part.length(), 0);
        assert_eq!(part.finish(&target, &sha256_of(b"")).unwrap(), Ok(()));
    }
}
