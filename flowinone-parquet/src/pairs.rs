//! The rows of a file as pairs of a benchmark.
//!
//! A row is called as its `image_name`; where two of a subset share that, as
//! `CATEGORY/image_name`, and where that repeats as well, as its `pair_id`.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::{Component, Path, PathBuf};

use flowinone_prompts::Task;

use crate::Error;
use crate::table::{Column, Table};

/// A row that is a pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The task of its subset.
    pub task: Task,
    /// Its name in the subset with the picture's extension, `/` between folders.
    pub name: String,
    /// The words of the prompt, if the file has them.
    pub words: Option<String>,
    /// Its number in the file, from 0 on.
    pub number: usize,
}

/// A row that is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Its number in the file, from 0 on.
    pub number: usize,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "row {}: {}", self.number + 1, self.reason)
    }
}

/// The pairs of a Parquet file; pictures stay in it.
pub struct Pairs {
    path: PathBuf,
    table: Table,
    prompts: Column,
    targets: Option<Column>,
    rows: Vec<Row>,
    left_out: Vec<LeftOut>,
}

impl Pairs {
    /// Opens a file and lists its rows.
    ///
    /// # Errors
    /// Names the file and what is wrong: no Parquet file, damaged, or without a column that pairs
    /// need.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let table = Table::open(path)?;
        let needed = |name: &str, found: Option<Column>| {
            found.ok_or_else(|| {
                let reason = format!(
                    "it has no column {name}, which pairs of prompt and target need; it has {}",
                    table.names()
                );
                Error::table(path, reason)
            })
        };
        let picture = |name: &str| match table.column(&format!("{name}.bytes"))? {
            Some(column) => Ok::<_, Error>(Some(column)),
            None => table.column(name),
        };
        let subsets = table.texts(needed("subset", table.column("subset")?)?)?;
        let names = table.texts(needed("image_name", table.column("image_name")?)?)?;
        let rest = |name: &str| match table.column(name)? {
            Some(column) => table.texts(column),
            None => Ok(vec![]),
        };
        let (categories, keys) = (rest("category")?, rest("pair_id")?);
        let words = rest("recognized_text")?;
        let prompts = needed("input_image", picture("input_image")?)?;
        let targets = picture("output_image")?;

        let text = |list: &[Option<String>], row: usize| list.get(row).cloned().flatten();
        let (mut found, mut left_out) = (vec![], vec![]);
        for (number, subset) in subsets.iter().enumerate() {
            let subset = subset.as_deref().unwrap_or_default();
            let task = Task::ALL.into_iter().find(|t| t.benchmark_name() == subset);
            let Some(task) = task else {
                let reason = format!("{subset:?} is no subset that is known");
                left_out.push(LeftOut { number, reason });
                continue;
            };
            let plain = text(&names, number).unwrap_or_default();
            let category = text(&categories, number).unwrap_or_default();
            let key = text(&keys, number).unwrap_or_default();
            let ending = plain.rsplit_once('.').map_or("png", |(_, ending)| ending);
            found.push(Candidate {
                number,
                task,
                names: [
                    plain.clone(),
                    format!("{category}/{plain}"),
                    format!("{key}.{ending}"),
                ],
            });
        }
        let mut rows = vec![];
        for (candidate, name) in named(found) {
            let Candidate { number, task, .. } = candidate;
            match name {
                Ok(name) => rows.push(Row {
                    task,
                    name,
                    words: text(&words, number).filter(|words| !words.trim().is_empty()),
                    number,
                }),
                Err(reason) => left_out.push(LeftOut { number, reason }),
            }
        }
        rows.sort_by(|a, b| (a.task, &a.name).cmp(&(b.task, &b.name)));
        left_out.sort_by_key(|row| row.number);
        Ok(Self {
            path: path.to_path_buf(),
            table,
            prompts,
            targets,
            rows,
            left_out,
        })
    }

    /// The pairs, by subset and name.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The rows that are no pairs, by number.
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    /// The path that stands for a row's prompt: `FILE.parquet/SUBSET/NAME`.
    pub fn place(&self, row: &Row) -> PathBuf {
        self.path.join(row.task.benchmark_name()).join(&row.name)
    }

    /// The bytes of a row's prompt picture.
    ///
    /// # Errors
    /// Names the row that is damaged or holds no picture.
    pub fn prompt(&self, row: &Row) -> Result<Vec<u8>, Error> {
        let bytes = self.table.bytes(self.prompts, row.number)?;
        let reason = "its input_image holds no bytes; the picture may lie in another file";
        bytes.ok_or_else(|| Error::table(&self.place(row), reason))
    }

    /// The bytes of a row's target picture, if the file has it.
    ///
    /// # Errors
    /// Names the row that is damaged.
    pub fn target(&self, row: &Row) -> Result<Option<Vec<u8>>, Error> {
        match self.targets {
            Some(column) => self.table.bytes(column, row.number),
            None => Ok(None),
        }
    }
}

/// A row with the names that it could have, the preferred one first.
struct Candidate {
    number: usize,
    task: Task,
    names: [String; 3],
}

/// Gives each row the first of its names that no other row of its subset has.
fn named(candidates: Vec<Candidate>) -> Vec<(Candidate, Result<String, String>)> {
    let key = |candidate: &Candidate, choice: usize| {
        let name = candidate.names[choice].replace('\\', "/");
        (candidate.task, without_extension(&name).to_lowercase())
    };
    let mut counts: [HashMap<_, usize>; 3] = Default::default();
    for candidate in &candidates {
        for (choice, counts) in counts.iter_mut().enumerate() {
            *counts.entry(key(candidate, choice)).or_default() += 1;
        }
    }
    let mut taken = HashSet::new();
    let choose = |candidate: Candidate| {
        let mut own = (0..3).filter(|choice| counts[*choice][&key(&candidate, *choice)] == 1);
        let Some(choice) = own.next() else {
            let reason = "another row has the same names (image_name, category, pair_id)";
            return (candidate, Err(reason.into()));
        };
        let name = candidate.names[choice].replace('\\', "/");
        let name = match is_plain(&name) {
            true => Ok(name),
            false => Err(format!("{name:?} is no name for a file")),
        };
        // One row's category and name may spell another's name.
        let name = name.and_then(|name| match taken.insert(key(&candidate, choice)) {
            true => Ok(name),
            false => Err(format!("another row is called {name:?} too")),
        });
        (candidate, name)
    };
    candidates.into_iter().map(choose).collect()
}

/// Whether a name stays below the folder that it is put in.
fn is_plain(name: &str) -> bool {
    let stem = without_extension(name)
        .rsplit('/')
        .next()
        .unwrap_or_default();
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_));
    !stem.is_empty()
        && !name.starts_with('.')
        && !name.contains([':', '\0', '\n'])
        && Path::new(name).components().all(plain)
}

fn without_extension(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(bare, _)| bare)
}
