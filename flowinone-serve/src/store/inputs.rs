//! Pictures that were sent: each once, under the SHA-256 of its bytes.

use std::path::PathBuf;

use flowinone_files::{sha256_of, write_atomically};
use rusqlite::{OptionalExtension, params};

use super::{Store, StoreError};
use crate::id::now;

/// A picture that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredInput {
    pub(crate) sha256: String,
    /// Its name in the folder of inputs.
    pub(crate) file: String,
    pub(crate) size: [u32; 2],
}

impl Store {
    /// A picture that is there, by its digest; it counts as used now.
    pub(crate) fn input(&self, sha256: &str) -> Result<Option<StoredInput>, StoreError> {
        let journal = self.journal();
        let found = journal
            .query_row(
                "UPDATE inputs SET used = ?2 WHERE sha256 = ?1 RETURNING sha256, file, width, height",
                params![sha256, now() as i64],
                |row| {
                    Ok(StoredInput {
                        sha256: row.get(0)?,
                        file: row.get(1)?,
                        size: [row.get(2)?, row.get(3)?],
                    })
                },
            )
            .optional();
        found.map_err(|e| self.error(e))
    }

    /// Keeps the bytes of a picture that was found good.
    pub(crate) fn keep_input(
        &self,
        bytes: &[u8],
        extension: &str,
        [width, height]: [u32; 2],
    ) -> Result<StoredInput, StoreError> {
        self.room()?;
        let sha256 = sha256_of(bytes);
        let file = format!("{sha256}.{extension}");
        write_atomically(self.inputs().join(&file), bytes).map_err(|error| {
            let source = std::error::Error::source(&error);
            match source.and_then(|source| source.downcast_ref::<std::io::Error>()) {
                Some(source) => self.file_error(source),
                None => StoreError::Broken(self.folder.clone(), error.to_string()),
            }
        })?;
        self.change(
            "INSERT INTO inputs VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET used = excluded.used",
            params![sha256, file, bytes.len() as i64, width, height, now() as i64],
        )?;
        Ok(StoredInput {
            sha256,
            file,
            size: [width, height],
        })
    }

    /// The file of a picture that was sent.
    pub(crate) fn input_file(&self, input: &StoredInput) -> PathBuf {
        self.inputs().join(&input.file)
    }
}
