//! The metric log of a run: one entry a step, as JSON lines (`journal.jsonl`) and as a table
//! (`journal.csv`).

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use flowinone_files::AtomicFile;
use serde::{Deserialize, Deserializer, Serialize};

use crate::Error;

/// The metrics of one step, or of one validation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogEntry {
    /// Steps done.
    pub step: u64,
    /// Metrics by name: losses, learning rate, norm of the gradient, samples a second. JSON has no
    /// infinities: a value that is not finite is written as `null` and read as NaN.
    #[serde(flatten, deserialize_with = "numbers")]
    pub numbers: BTreeMap<String, f64>,
}

impl LogEntry {
    /// It in one line: `step 20/100: loss 0.5123, …`.
    pub fn line(&self, steps: u64) -> String {
        let number = |(name, value): (&String, &f64)| format!("{name} {}", short(*value));
        let numbers: Vec<String> = self.numbers.iter().map(number).collect();
        format!("step {}/{steps}: {}", self.step, numbers.join(", "))
    }
}

fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        v if !(1e-3..1e5).contains(&v) => format!("{value:.2e}"),
        v if v >= 100.0 => format!("{value:.0}"),
        _ => format!("{value:.4}"),
    }
}

fn numbers<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, f64>, D::Error> {
    let numbers = BTreeMap::<String, Option<f64>>::deserialize(from)?.into_iter();
    Ok(numbers
        .map(|(name, number)| (name, number.unwrap_or(f64::NAN)))
        .collect())
}

/// A metric log that grows.
#[derive(Debug)]
pub struct MetricLog {
    lines: BufWriter<File>,
    path: PathBuf,
}

impl MetricLog {
    /// Continues the log in `folder`, or starts one. Entries after step `step` belong to a run that
    /// was cut off and are dropped.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn open(folder: &Path, step: u64) -> Result<Self, Error> {
        let path = folder.join("journal.jsonl");
        let kept: Vec<LogEntry> = match path.exists() {
            true => read_metric_log(&path)?,
            false => vec![],
        };
        let failed = |e| Error::io("write", &path)(e);
        let mut file = AtomicFile::create(&path).map_err(failed)?;
        for entry in kept.iter().filter(|entry| entry.step <= step) {
            writeln!(file, "{}", line(entry)).map_err(failed)?;
        }
        file.commit().map_err(failed)?;
        let file = OpenOptions::new().append(true).open(&path);
        Ok(Self {
            lines: BufWriter::new(file.map_err(failed)?),
            path,
        })
    }

    /// Adds an entry.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn add(&mut self, entry: &LogEntry) -> Result<(), Error> {
        writeln!(self.lines, "{}", line(entry)).map_err(Error::io("write", &self.path))
    }

    /// Flushes everything to disk, and writes the same as a table, `journal.csv`, next to it.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn commit(&mut self) -> Result<(), Error> {
        let written = self.lines.flush();
        let written = written.and_then(|()| self.lines.get_ref().sync_data());
        written.map_err(Error::io("write", &self.path))?;
        let entries = read_metric_log(&self.path)?;
        let path = self.path.with_extension("csv");
        let failed = |e| Error::io("write", &path)(e);
        let mut names: Vec<&String> = entries.iter().flat_map(|e| e.numbers.keys()).collect();
        names.sort();
        names.dedup();
        let mut file = AtomicFile::create(&path).map_err(failed)?;
        let heads: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
        writeln!(file, "step,{}", heads.join(",")).map_err(failed)?;
        for entry in &entries {
            let cell = |name: &&String| {
                entry
                    .numbers
                    .get(*name)
                    .map_or(String::new(), f64::to_string)
            };
            let cells: Vec<String> = names.iter().map(cell).collect();
            writeln!(file, "{},{}", entry.step, cells.join(",")).map_err(failed)?;
        }
        file.commit().map_err(failed)
    }
}

fn line(entry: &LogEntry) -> String {
    serde_json::to_string(entry).expect("numbers by name")
}

/// Reads a metric log; a last line that was cut off is left out.
///
/// # Errors
/// The file cannot be read, or a line is no entry.
pub fn read_metric_log(path: &Path) -> Result<Vec<LogEntry>, Error> {
    let file = File::open(path).map_err(Error::io("read", path))?;
    let lines: Result<Vec<String>, _> = BufReader::new(file).lines().collect();
    let lines = lines.map_err(Error::io("read", path))?;
    let mut entries = vec![];
    for (number, line) in lines.iter().enumerate() {
        match serde_json::from_str(line) {
            Ok(entry) => entries.push(entry),
            Err(_) if number + 1 == lines.len() => {}
            Err(e) => {
                let reason = format!("line {} is no entry of a journal: {e}", number + 1);
                return Err(Error::file(path, reason));
            }
        }
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(step: u64, loss: f64) -> LogEntry {
        let numbers = [("loss".to_string(), loss)].into();
        LogEntry { step, numbers }
    }

    #[test]
    fn a_log_continues_where_its_run_does() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        let mut journal = MetricLog::open(folder.path(), 0).unwrap();
        for step in 1..=4 {
            journal.add(&entry(step, 1.0 / step as f64)).unwrap();
        }
        journal.commit().unwrap();
        drop(journal);
        // A process that was killed leaves half a line.
        let whole = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{whole}{{\"step\":5,\"lo")).unwrap();

        let mut journal = MetricLog::open(folder.path(), 3).unwrap();
        journal.add(&entry(4, 9.0)).unwrap();
        journal.commit().unwrap();
        let expected = [
            entry(1, 1.0),
            entry(2, 0.5),
            entry(3, 1.0 / 3.0),
            entry(4, 9.0),
        ];
        assert_eq!(read_metric_log(&path).unwrap(), expected);
        let table = std::fs::read_to_string(folder.path().join("journal.csv")).unwrap();
        assert_eq!(
            table,
            format!("step,loss\n1,1\n2,0.5\n3,{}\n4,9\n", 1.0 / 3.0)
        );
    }

    #[test]
    fn a_loss_that_is_not_finite_can_be_written_and_read() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = MetricLog::open(folder.path(), 0).unwrap();
        journal.add(&entry(1, f64::INFINITY)).unwrap();
        journal.commit().unwrap();
        let read = read_metric_log(&folder.path().join("journal.jsonl")).unwrap();
        assert!(read[0].numbers["loss"].is_nan());
    }

    #[test]
    fn a_line_that_is_no_entry_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        std::fs::write(&path, "{\"step\":1}\nhello\n{\"step\":2}\n").unwrap();
        let message = read_metric_log(&path).unwrap_err().to_string();
        assert!(
            message.contains("journal.jsonl") && message.contains("line 2"),
            "{message}"
        );
    }
}
