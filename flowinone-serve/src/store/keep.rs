//! Bounds: the oldest finished jobs go, and pictures that no job needs any more.

use std::time::Duration;

use rusqlite::params;

use super::{Store, StoreError, remove};
use crate::id::now;

/// The time that a picture is kept for a job that is still to be asked for, in milliseconds.
const WAITS: u64 = 3_600_000;

impl Store {
    /// Bytes of all pictures and uploads.
    pub(crate) fn bytes(&self) -> Result<u64, StoreError> {
        let journal = self.journal();
        let sum = journal.query_row(
            "SELECT (SELECT coalesce(sum(bytes), 0) FROM jobs) + (SELECT coalesce(sum(bytes), 0) FROM inputs)",
            [],
            |row| row.get::<_, i64>(0),
        );
        sum.map(|sum| sum as u64).map_err(|e| self.error(e))
    }

    /// Forgets finished jobs older than `age`, then the oldest until all files take at most
    /// `most` bytes. Returns how many were forgotten.
    pub(crate) fn prune(&self, most: u64, age: Duration) -> Result<usize, StoreError> {
        let oldest = now().saturating_sub(age.as_millis() as u64);
        let mut forgotten = 0;
        loop {
            self.drop_inputs(WAITS)?;
            let over = self.bytes()? > most;
            let next: Vec<(String, i64)> = {
                let journal = self.journal();
                let found = journal
                    .prepare_cached("SELECT id, finished FROM jobs WHERE state NOT IN ('queued', 'running') ORDER BY id LIMIT 16")
                    .and_then(|mut query| query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect());
                found.map_err(|e| self.error(e))?
            };
            let due = next
                .iter()
                .filter(|(_, finished)| over || (*finished as u64) < oldest);
            let due: Vec<&String> = due.map(|(id, _)| id).collect();
            if due.is_empty() {
                break;
            }
            for id in due {
                forgotten += usize::from(self.forget(id)?);
                if over && self.bytes()? <= most {
                    break;
                }
            }
        }
        if self.bytes()? > most {
            self.drop_inputs(0)?; // uploads alone fill the room
        }
        Ok(forgotten)
    }

    /// Drops pictures that no job needs and that were not used for some milliseconds.
    fn drop_inputs(&self, since: u64) -> Result<(), StoreError> {
        let files: Vec<String> = {
            let journal = self.journal();
            let found = journal
                .prepare_cached("DELETE FROM inputs WHERE used <= ? AND sha256 NOT IN (SELECT sha256 FROM needs) RETURNING file")
                .and_then(|mut query| {
                    query.query_map(params![now().saturating_sub(since) as i64], |row| row.get(0))?.collect()
                });
            found.map_err(|e| self.error(e))?
        };
        for file in files {
            remove(&self.inputs().join(file));
        }
        Ok(())
    }
}
