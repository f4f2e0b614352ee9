//! Features of frozen networks, cached on disk: one file for each picture and network, named by the
//! SHA-256 of the network's digest and the picture's bytes.
//!
//! A file is the SHA-256 of its body in hexadecimal digits, then the body: rank and extents as
//! `u32`, values as `f32`, little-endian. A file that is not that is computed again.

use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use burn::module::Module;
use burn::tensor::TensorData;
use flowinone_files::{AtomicFile, sha256_of};
use flowinone_weights::values;
use image::RgbImage;
use serde::Serialize;

use crate::Error;

/// Hexadecimal digits of a SHA-256.
const DIGITS: usize = 64;

/// A folder of results.
#[derive(Debug)]
pub struct Cache {
    folder: PathBuf,
    found: AtomicU64,
    computed: AtomicU64,
    damaged: AtomicU64,
    /// The first file that could not be written, and why.
    unwritten: OnceLock<String>,
}

/// What a cache holds and did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheReport {
    /// Files in the folder.
    pub entries: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// Results that were read.
    pub found: u64,
    /// Results that were computed.
    pub computed: u64,
    /// Of these, how many because their file was damaged.
    pub damaged: u64,
    /// The first file that could not be written, and why.
    pub unwritten: Option<String>,
}

/// Name of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheKey(String);

impl CacheKey {
    /// For a network by its [`digest`], and a picture as the network sees it.
    pub fn new(digest: &str, picture: &RgbImage) -> Self {
        let (width, height) = picture.dimensions();
        let mut bytes = format!("{digest} {width} {height} ").into_bytes();
        bytes.extend_from_slice(picture.as_raw());
        Self(sha256_of(&bytes))
    }

    /// A seed that follows from the name.
    pub(crate) fn seed(&self) -> u64 {
        let digits = u64::from_str_radix(&self.0[..16], 16);
        digits.expect("hexadecimal digits")
    }
}

/// A name for a network: the SHA-256 of its configuration and of every value in it.
pub fn digest<M: Module>(config: &impl Serialize, module: &M) -> String {
    let mut text = serde_json::to_string(config).expect("plain data");
    values(module, |spec, data| {
        text += &format!("\n{} {}", spec.path, sha256_of(data.as_bytes()));
    });
    sha256_of(text.as_bytes())
}

impl Cache {
    /// Opens a folder of results, which is made if need be.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        std::fs::create_dir_all(folder).map_err(Error::io("make", folder))?;
        Ok(Self {
            folder: folder.to_path_buf(),
            found: AtomicU64::new(0),
            computed: AtomicU64::new(0),
            damaged: AtomicU64::new(0),
            unwritten: OnceLock::new(),
        })
    }

    /// The result `key` of this shape, in float32; `compute` gives it if it is not there, and then
    /// it is kept. A disk that cannot be written to is [reported](Self::report), and costs nothing
    /// but time.
    pub fn result(
        &self,
        key: &CacheKey,
        shape: &[usize],
        compute: impl FnOnce() -> TensorData,
    ) -> TensorData {
        match self.find(key, shape) {
            Some(data) => data,
            None => self.keep(key, compute()),
        }
    }

    /// The result `key` if it is there in this shape.
    pub(crate) fn find(&self, key: &CacheKey, shape: &[usize]) -> Option<TensorData> {
        let bytes = std::fs::read(self.place(key)).ok()?;
        let data = decoded(&bytes, shape);
        let count = match data {
            Some(_) => &self.found,
            None => &self.damaged,
        };
        count.fetch_add(1, Ordering::Relaxed);
        data
    }

    /// Keeps a result that was computed, and gives it back.
    pub(crate) fn keep(&self, key: &CacheKey, data: TensorData) -> TensorData {
        self.computed.fetch_add(1, Ordering::Relaxed);
        let path = self.place(key);
        if let Err(error) = write(&path, &encoded(&data)) {
            let first = || format!("cannot write {}: {error}", path.display());
            self.unwritten.get_or_init(first);
        }
        data
    }

    fn place(&self, key: &CacheKey) -> PathBuf {
        self.folder.join(&key.0[..2]).join(&key.0[2..])
    }

    /// What the folder holds now, and what happened since it was opened.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn report(&self) -> Result<CacheReport, Error> {
        let read = |path: &Path| std::fs::read_dir(path).map_err(Error::io("read", path));
        let (mut entries, mut bytes) = (0, 0);
        for group in read(&self.folder)? {
            let group = group.map_err(Error::io("read", &self.folder))?.path();
            if !group.is_dir() {
                continue;
            }
            for entry in read(&group)? {
                let entry = entry.map_err(Error::io("read", &group))?;
                bytes += entry.metadata().map_err(Error::io("read", &group))?.len();
                entries += 1;
            }
        }
        Ok(CacheReport {
            entries,
            bytes,
            found: self.found.load(Ordering::Relaxed),
            computed: self.computed.load(Ordering::Relaxed),
            damaged: self.damaged.load(Ordering::Relaxed),
            unwritten: self.unwritten.get().cloned(),
        })
    }
}

impl fmt::Display for CacheReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mebibytes = self.bytes as f64 / f64::from(1 << 20);
        write!(
            f,
            "{} results in {mebibytes:.1} MiB; {} read, {} computed",
            self.entries, self.found, self.computed
        )?;
        if self.damaged > 0 {
            write!(
                f,
                ", {} of them because their file was damaged",
                self.damaged
            )?;
        }
        match &self.unwritten {
            None => Ok(()),
            Some(reason) => write!(f, "; {reason}: what does not fit is computed again"),
        }
    }
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut file = AtomicFile::create(path)?;
    file.write_all(bytes)?;
    file.commit()
}

fn encoded(data: &TensorData) -> Vec<u8> {
    let shape = data.shape();
    let numbers = shape.iter().map(|&extent| extent as u32);
    let mut body: Vec<u8> = [shape.len() as u32]
        .into_iter()
        .chain(numbers)
        .flat_map(u32::to_le_bytes)
        .collect();
    body.extend(data.iter::<f32>().flat_map(f32::to_le_bytes));
    [sha256_of(&body).as_bytes(), &body].concat()
}

/// The values, if the file is whole and of this shape.
fn decoded(bytes: &[u8], shape: &[usize]) -> Option<TensorData> {
    let (digits, body) = bytes.split_at_checked(DIGITS)?;
    if sha256_of(body).as_bytes() != digits {
        return None;
    }
    let (head, values) = body.split_at_checked(4 * (1 + shape.len()))?;
    let expected = [&[shape.len()], shape].concat();
    let same = words(head)
        .zip(&expected)
        .all(|(found, &wanted)| u32::from_le_bytes(found) as usize == wanted);
    let values: Vec<f32> = words(values).map(f32::from_le_bytes).collect();
    let whole = values.len() == shape.iter().product::<usize>();
    (same && whole).then(|| TensorData::new(values, shape))
}

fn words(bytes: &[u8]) -> impl Iterator<Item = [u8; 4]> {
    let (words, _) = bytes.as_chunks::<4>();
    words.iter().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(shape: [usize; 2]) -> TensorData {
        let count = shape.iter().product();
        TensorData::new(
            (0..count).map(|i| i as f32 / 3.0).collect::<Vec<_>>(),
            shape,
        )
    }

    #[test]
    fn a_result_is_computed_once_and_again_when_its_file_is_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        let picture = RgbImage::from_pixel(4, 4, image::Rgb([1, 2, 3]));
        let key = CacheKey::new("network", &picture);
        let none = || -> TensorData { panic!("it is there already") };
        let first = cache.result(&key, &[2, 3], || numbers([2, 3]));
        assert_eq!(cache.result(&key, &[2, 3], none), first);
        assert_ne!(key, CacheKey::new("another network", &picture));
        let wide = RgbImage::from_raw(8, 2, picture.clone().into_raw()).unwrap();
        assert_ne!(key, CacheKey::new("network", &wide));

        let path = folder.path().join(&key.0[..2]).join(&key.0[2..]);
        let whole = std::fs::read(&path).unwrap();
        let mut flipped = whole.clone();
        flipped[80] ^= 1;
        for damaged in [
            vec![],
            whole[..70].to_vec(),
            whole[..whole.len() - 1].to_vec(),
            flipped,
        ] {
            std::fs::write(&path, damaged).unwrap();
            assert_eq!(cache.result(&key, &[2, 3], || numbers([2, 3])), first);
            assert_eq!(std::fs::read(&path).unwrap(), whole);
        }
        // A sound file of another shape belongs to another program.
        let other = cache.result(&key, &[3, 2], || numbers([3, 2]));
        assert_eq!(other.shape().as_slice(), [3, 2]);

        let report = cache.report().unwrap();
        let expected = CacheReport {
            entries: 1,
            bytes: whole.len() as u64,
            found: 1,
            computed: 6,
            damaged: 5,
            unwritten: None,
        };
        assert_eq!(report, expected);
        let text = report.to_string();
        assert!(
            text.contains("1 results") && text.contains("5 of them"),
            "{text}"
        );
    }

    #[test]
    fn a_folder_that_cannot_be_written_to_costs_time_alone() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        let picture = RgbImage::new(1, 1);
        let key = CacheKey::new("network", &picture);
        std::fs::write(folder.path().join(&key.0[..2]), "no folder").unwrap();
        for _ in 0..2 {
            let result = cache.result(&key, &[1, 1], || numbers([1, 1]));
            assert_eq!(result, numbers([1, 1]));
        }
    }
}
