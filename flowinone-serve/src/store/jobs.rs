//! Jobs in the journal: accepted, begun, ended.

use rusqlite::{OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use super::{Store, StoreError};
use crate::id::now;

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// Accepted, and it waits.
    Queued,
    /// It is computed.
    Running,
    /// Its picture is there.
    Done,
    /// No picture could be made.
    Failed,
    /// It was cancelled.
    Cancelled,
}

impl State {
    /// All of them.
    pub(crate) const ALL: [Self; 5] = [
        Self::Queued,
        Self::Running,
        Self::Done,
        Self::Failed,
        Self::Cancelled,
    ];

    /// Its name in the journal and on the wire.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of a name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether nothing more will happen to the job.
    pub(crate) fn is_over(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

/// What the journal says of a job.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) id: String,
    pub(crate) task: String,
    pub(crate) state: State,
    /// Times that it was begun and not ended.
    pub(crate) attempts: u32,
    /// What was asked for, as JSON.
    pub(crate) request: String,
    pub(crate) created: u64,
    pub(crate) started: Option<u64>,
    pub(crate) finished: Option<u64>,
    pub(crate) size: Option<[u32; 2]>,
    pub(crate) bytes: u64,
    pub(crate) code: Option<String>,
    pub(crate) error: Option<String>,
}

/// The columns of an [`Entry`].
pub(super) const COLUMNS: &str = "id, task, state, attempts, request, created, started, finished, width, height, bytes, code, error";

pub(super) fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let state: String = row.get(2)?;
    let size = (row.get::<_, Option<u32>>(8)?, row.get::<_, Option<u32>>(9)?);
    let time =
        |column| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(column)?.map(|t| t as u64));
    Ok(Entry {
        id: row.get(0)?,
        task: row.get(1)?,
        state: State::named(&state).unwrap_or(State::Failed),
        attempts: row.get(3)?,
        request: row.get(4)?,
        created: time(5)?.unwrap_or_default(),
        started: time(6)?,
        finished: time(7)?,
        size: size.0.zip(size.1).map(|(width, height)| [width, height]),
        bytes: row.get::<_, i64>(10)? as u64,
        code: row.get(11)?,
        error: row.get(12)?,
    })
}

impl Store {
    /// Writes a job down; from here on it is not lost. With a key that a job has already, that job
    /// is given back instead.
    pub(crate) fn accept(
        &self,
        id: &str,
        task: &str,
        request: &str,
        inputs: &[String],
        key: Option<&str>,
    ) -> Result<Option<Entry>, StoreError> {
        self.room()?;
        if let Some(key) = key
            && let Some(known) = self.by_key(key)?
        {
            return Ok(Some(known));
        }
        let mut journal = self.journal();
        let written = || -> rusqlite::Result<()> {
            let change = journal.transaction()?;
            change.prepare_cached(
                "INSERT INTO jobs (id, task, state, attempts, request, created, key) VALUES (?, ?, 'queued', 0, ?, ?, ?)",
            )?.execute(params![id, task, request, now() as i64, key])?;
            for sha256 in inputs {
                change.execute("INSERT OR IGNORE INTO needs VALUES (?, ?)", [id, sha256])?;
            }
            change.commit()
        };
        let mut written = written;
        written().map_err(|e| self.error(e))?;
        Ok(None)
    }

    fn by_key(&self, key: &str) -> Result<Option<Entry>, StoreError> {
        let query = format!("SELECT {COLUMNS} FROM jobs WHERE key = ?");
        let journal = self.journal();
        let found = journal
            .prepare_cached(&query)
            .and_then(|mut query| query.query_row([key], entry).optional());
        found.map_err(|e| self.error(e))
    }

    /// What is known of a job.
    pub(crate) fn job(&self, id: &str) -> Result<Option<Entry>, StoreError> {
        let query = format!("SELECT {COLUMNS} FROM jobs WHERE id = ?");
        let journal = self.journal();
        let found = journal
            .prepare_cached(&query)
            .and_then(|mut query| query.query_row([id], entry).optional());
        found.map_err(|e| self.error(e))
    }

    /// Jobs are begun: should the process die with them, that is an attempt.
    pub(crate) fn begin(&self, ids: &[&str]) -> Result<(), StoreError> {
        let mut journal = self.journal();
        let mut written = || -> rusqlite::Result<()> {
            let change = journal.transaction()?;
            for id in ids {
                change.prepare_cached(
                    "UPDATE jobs SET state = 'running', attempts = attempts + 1, started = ? WHERE id = ? AND state IN ('queued', 'running')",
                )?.execute(params![now() as i64, id])?;
            }
            change.commit()
        };
        written().map_err(|e| self.error(e))
    }

    /// A picture is there.
    pub(crate) fn done(
        &self,
        id: &str,
        [width, height]: [u32; 2],
        bytes: u64,
    ) -> Result<(), StoreError> {
        self.change(
            "UPDATE jobs SET state = 'done', finished = ?, width = ?, height = ?, bytes = ? WHERE id = ?",
            params![now() as i64, width, height, bytes as i64, id],
        )
    }

    /// No picture could be made.
    pub(crate) fn failed(&self, id: &str, code: &str, error: &str) -> Result<(), StoreError> {
        self.change(
            "UPDATE jobs SET state = 'failed', finished = ?, code = ?, error = ? WHERE id = ?",
            params![now() as i64, code, error, id],
        )
    }

    /// A job was cancelled; false if it was over.
    pub(crate) fn cancelled(&self, id: &str) -> Result<bool, StoreError> {
        self.changed(
            "UPDATE jobs SET state = 'cancelled', finished = ? WHERE id = ? AND state IN ('queued', 'running')",
            params![now() as i64, id],
        )
    }

    /// A job that was stopped in order waits for the next start; that was no attempt.
    pub(crate) fn put_back(&self, id: &str) -> Result<(), StoreError> {
        self.change(
            "UPDATE jobs SET state = 'queued', attempts = max(attempts - 1, 0), started = NULL WHERE id = ? AND state = 'running'",
            params![id],
        )
    }

    /// Jobs that an earlier process accepted and did not end, oldest first.
    pub(crate) fn left_over(&self) -> Result<Vec<Entry>, StoreError> {
        let query =
            format!("SELECT {COLUMNS} FROM jobs WHERE state IN ('queued', 'running') ORDER BY id");
        let journal = self.journal();
        let found = journal
            .prepare(&query)
            .and_then(|mut query| query.query_map([], entry)?.collect());
        found.map_err(|e| self.error(e))
    }

    pub(super) fn change(
        &self,
        statement: &str,
        values: impl rusqlite::Params,
    ) -> Result<(), StoreError> {
        self.changed(statement, values).map(drop)
    }

    fn changed(&self, statement: &str, values: impl rusqlite::Params) -> Result<bool, StoreError> {
        let journal = self.journal();
        let changed = journal
            .prepare_cached(statement)
            .and_then(|mut change| change.execute(values));
        changed.map(|rows| rows > 0).map_err(|e| self.error(e))
    }
}
