//! The history: lists of jobs, newest first, and what is forgotten of them.

use rusqlite::params;

use super::jobs::{COLUMNS, entry};
use super::{Entry, Store, StoreError, remove};

impl Store {
    /// Up to `limit` jobs that are older than the job `before`, newest first.
    pub(crate) fn list(&self, before: Option<&str>, limit: u32) -> Result<Vec<Entry>, StoreError> {
        let query = format!("SELECT {COLUMNS} FROM jobs WHERE id < ? ORDER BY id DESC LIMIT ?");
        let journal = self.journal();
        let found = journal.prepare_cached(&query).and_then(|mut query| {
            // No id begins with a letter after z.
            query
                .query_map(params![before.unwrap_or("{"), limit], entry)?
                .collect()
        });
        found.map_err(|e| self.error(e))
    }

    /// Forgets a job that is over, and its files. Says whether there was one.
    pub(crate) fn forget(&self, id: &str) -> Result<bool, StoreError> {
        let mut journal = self.journal();
        let mut forgotten = || -> rusqlite::Result<usize> {
            let change = journal.transaction()?;
            let count = change.execute(
                "DELETE FROM jobs WHERE id = ? AND state NOT IN ('queued', 'running')",
                [id],
            )?;
            if count > 0 {
                change.execute("DELETE FROM needs WHERE job = ?", [id])?;
            }
            change.commit()?;
            Ok(count)
        };
        let count = forgotten().map_err(|e| self.error(e))?;
        drop(journal);
        if count > 0 {
            remove(&self.picture(id));
            remove(&self.frames(id));
        }
        Ok(count > 0)
    }
}
