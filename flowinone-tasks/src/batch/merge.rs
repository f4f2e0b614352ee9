//! The reports of all shards of a run as one, as the whole run would have written it.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::shard::ShardHeader;
use crate::Error;

/// The place of a line in a report: its input, its line there, its output.
type Key = (String, Option<usize>, Option<String>);

/// What of a line tells which item it is of.
#[derive(Deserialize)]
struct Item {
    input: String,
    line: Option<usize>,
    output: Option<String>,
}

/// Merges the reports of the shards of one run: their lines, as they are, by input and line.
///
/// # Errors
/// Names the reports that overlap, are of different runs, miss lines or are no reports, and the
/// shards that are missing.
pub fn merge_reports(reports: &[PathBuf]) -> Result<String, Error> {
    let mut shards: BTreeMap<u64, (&Path, ShardHeader)> = BTreeMap::new();
    let mut lines: Vec<(Key, String)> = vec![];
    let mut seen: HashMap<Key, &Path> = HashMap::new();
    for path in reports {
        let text = std::fs::read_to_string(path);
        let text = text.map_err(flowinone_files::Error::of("read", path))?;
        let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
        let header: ShardHeader = serde_json::from_str(first).map_err(|error| {
            refused(path, format!("its first line is none of a shard's report ({error}); reports of runs with --shard have one"))
        })?;
        if let Some((other, first)) = shards.values().next()
            && let Some(difference) = first.differs(&header)
        {
            return Err(refused(
                path,
                format!(
                    "it is of another run than {}: {difference}",
                    other.display()
                ),
            ));
        }
        if let Some((other, _)) = shards.get(&header.shard) {
            return Err(refused(
                path,
                format!(
                    "it is shard {} of {}, as is {}",
                    header.shard,
                    header.of,
                    other.display()
                ),
            ));
        }
        let mut count = 0;
        for (number, line) in rest.lines().enumerate() {
            let item: Item = serde_json::from_str(line)
                .map_err(|error| refused(path, format!("line {}: {error}", number + 2)))?;
            let key = (item.input, item.line, item.output);
            if let Some(other) = seen.insert(key.clone(), path) {
                return Err(refused(
                    path,
                    format!("line {}: {} has that item too", number + 2, other.display()),
                ));
            }
            lines.push((key, line.to_string()));
            count += 1;
        }
        if count != header.items {
            return Err(refused(
                path,
                format!(
                    "it has {count} of its {} items; run shard {} of {} again to its end",
                    header.items, header.shard, header.of
                ),
            ));
        }
        shards.insert(header.shard, (path, header));
    }
    let Some((_, header)) = shards.values().next() else {
        return Err(Error::Jobs("there is no report to merge".into()));
    };
    let missing: Vec<String> = (1..=header.of)
        .filter(|shard| !shards.contains_key(shard))
        .map(|shard| shard.to_string())
        .collect();
    if !missing.is_empty() {
        return Err(Error::Jobs(format!(
            "of {} shards {} have no report here: {}",
            header.of,
            missing.len(),
            some(&missing)
        )));
    }
    if lines.len() != header.total {
        return Err(Error::Jobs(format!(
            "all shards have {} items together, not {}",
            lines.len(),
            header.total
        )));
    }
    lines.sort_by(|(a, _), (b, _)| a.cmp(b));
    let lines: Vec<String> = lines.into_iter().map(|(_, line)| line + "\n").collect();
    Ok(lines.concat())
}

fn refused(path: &Path, reason: String) -> Error {
    Error::Jobs(format!("{}: {reason}", path.display()))
}

/// The first few of some names.
fn some(names: &[String]) -> String {
    match names.len() {
        0..=10 => names.join(", "),
        more => format!("{} and {} more", names[..10].join(", "), more - 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dtype, Settings};

    fn header(shard: u64, of: u64, items: usize, total: usize) -> ShardHeader {
        ShardHeader {
            shard,
            of,
            items,
            total,
            items_sha256: "12".into(),
            model_digest: "34".into(),
            precision: Dtype::F32,
            seed: 0,
            settings: Settings::mini(),
            upscale: None,
        }
    }

    fn report(folder: &Path, name: &str, header: &ShardHeader, lines: &[usize]) -> PathBuf {
        let mut text = serde_json::to_string(header).unwrap() + "\n";
        for line in lines {
            text += &format!(
                r#"{{"input":"p.jsonl","line":{line},"output":"o/{line}.png","item":1,"seed":0,"status":"skipped"}}"#
            );
            text.push('\n');
        }
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    #[test]
    fn all_shards_become_the_report_of_the_run() {
        let folder = tempfile::tempdir().unwrap();
        let report = |name: &str, shard, lines: &[usize]| {
            report(
                folder.path(),
                name,
                &header(shard, 2, lines.len(), 11),
                lines,
            )
        };
        let odd = report("a", 1, &[1, 3, 5, 7, 9, 11]);
        let even = report("b", 2, &[10, 8, 6, 4, 2]);
        let merged = merge_reports(&[even, odd]).unwrap();
        let lines = merged.lines().map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            line["line"].as_u64().unwrap()
        });
        assert_eq!(lines.collect::<Vec<_>>(), (1..=11).collect::<Vec<_>>());
    }

    #[test]
    fn overlaps_gaps_and_other_settings_are_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let report = |name: &str, header: &ShardHeader, lines: &[usize]| {
            report(folder.path(), name, header, lines)
        };
        let first = report("first", &header(1, 2, 2, 4), &[1, 3]);
        let second = report("second", &header(2, 2, 2, 4), &[2, 4]);
        assert!(merge_reports(&[first.clone(), second.clone()]).is_ok());
        let refused = |others: &[&PathBuf]| {
            let reports: Vec<_> = others.iter().copied().cloned().collect();
            merge_reports(&reports).unwrap_err().to_string()
        };
        let gap = refused(&[&first]);
        assert!(gap.contains("no report here: 2"), "{gap}");
        let again = report("again", &header(1, 2, 2, 4), &[1, 3]);
        let twice = refused(&[&first, &again, &second]);
        assert!(twice.contains("shard 1 of 2, as is"), "{twice}");
        let stopped = report("stopped", &header(2, 2, 2, 4), &[2]);
        let short = refused(&[&first, &stopped]);
        assert!(short.contains("1 of its 2 items"), "{short}");
        let overlap = report("overlap", &header(2, 2, 2, 4), &[2, 3]);
        let overlaps = refused(&[&first, &overlap]);
        assert!(overlaps.contains("has that item too"), "{overlaps}");
        let seed = ShardHeader {
            seed: 7,
            ..header(2, 2, 2, 4)
        };
        let other = refused(&[&first, &report("other", &seed, &[2, 4])]);
        assert!(other.contains("seed is 0 in one and 7"), "{other}");
        let plain = folder.path().join("plain");
        std::fs::write(&plain, "{\"input\":\"a\",\"status\":\"skipped\"}\n").unwrap();
        let plain = refused(&[&plain]);
        assert!(plain.contains("with --shard"), "{plain}");
    }
}
