//! The journal of a judge: one JSON line an item, appended as soon as the item is settled, so that
//! a run that ends early continues where it was.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::super::Error;
use super::verdict::Verdict;

/// What became of one item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// What was asked.
    #[serde(flatten)]
    pub question: Asked,
    /// How many tries it took.
    pub tries: u32,
    /// The verdict, or why there is none.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What tells one question from another: equal ones are asked once.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Asked {
    /// The subset's name.
    pub subset: String,
    /// The item's name in it.
    pub name: String,
    /// The judge.
    pub model: String,
    /// The words of the prompt, if they were known.
    pub instruction: Option<String>,
    /// SHA-256 of the prompt picture's file.
    pub prompt_sha256: String,
    /// SHA-256 of the result's file.
    pub result_sha256: String,
}

/// The end of an item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The judge has answered.
    Verdict(Verdict),
    /// No try gave an answer; a later run tries again.
    Error(String),
}

/// An open journal.
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
}

impl Journal {
    /// Opens or begins a journal, and reads what it holds; a last line that was cut short is
    /// removed.
    ///
    /// # Errors
    /// The file cannot be read or written, or a whole line of it is no entry.
    pub(crate) fn open(path: &Path) -> Result<(Self, Vec<Entry>), Error> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(Error::io("make", folder))?;
        }
        let open = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path);
        let mut file = open.map_err(Error::io("write", path))?;
        let mut bytes = vec![];
        file.read_to_end(&mut bytes)
            .map_err(Error::io("read", path))?;
        let whole = bytes
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let mut entries = vec![];
        for (number, line) in bytes[..whole].split(|byte| *byte == b'\n').enumerate() {
            if line.is_empty() {
                continue;
            }
            let entry = serde_json::from_slice(line).map_err(|e| {
                let reason = format!(
                    "line {} is no entry of a judge's journal ({e}); choose another output folder",
                    number + 1
                );
                Error::benchmark(path, reason)
            })?;
            entries.push(entry);
        }
        file.set_len(whole as u64)
            .map_err(Error::io("write", path))?;
        file.seek(SeekFrom::End(0))
            .map_err(Error::io("write", path))?;
        let path = path.to_path_buf();
        Ok((Self { path, file }, entries))
    }

    /// Appends an entry with a single write.
    pub(crate) fn add(&mut self, entry: &Entry) -> Result<(), Error> {
        let mut line = serde_json::to_vec(entry).expect("an entry is plain data");
        line.push(b'\n');
        let written = self.file.write_all(&line);
        written.map_err(Error::io("write", &self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, outcome: Outcome) -> Entry {
        Entry {
            question: Asked {
                subset: "force".into(),
                name: name.into(),
                model: "eye".into(),
                instruction: None,
                prompt_sha256: "1".into(),
                result_sha256: "2".into(),
            },
            tries: 1,
            outcome,
        }
    }

    #[test]
    fn a_line_cut_short_is_forgotten_and_the_rest_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/journal.jsonl");
        let failed = entry("a", Outcome::Error("HTTP 500".into()));
        let judged = entry(
            "b",
            Outcome::Verdict(Verdict {
                fidelity: 5,
                consistency: 4,
                realism: 3,
                spatial: 2,
                analysis: "two\nlines".into(),
            }),
        );
        let (mut journal, none) = Journal::open(&path).unwrap();
        assert!(none.is_empty());
        journal.add(&failed).unwrap();
        journal.add(&judged).unwrap();
        drop(journal);
        let mut text = std::fs::read_to_string(&path).unwrap();
        text.push_str("{\"subset\": \"for");
        std::fs::write(&path, text).unwrap();
        let (mut journal, entries) = Journal::open(&path).unwrap();
        assert_eq!(entries, [failed.clone(), judged]);
        journal.add(&failed).unwrap();
        assert_eq!(Journal::open(&path).unwrap().1.len(), 3);

        std::fs::write(&path, "what is this?\n").unwrap();
        let text = Journal::open(&path).err().unwrap().to_string();
        assert!(text.contains("line 1"), "{text}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "what is this?\n");
    }
}
