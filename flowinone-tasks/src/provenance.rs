//! Where the files of a model came from.

use std::path::Path;

use flowinone_files::write_atomically;
use serde::{Deserialize, Serialize};

use crate::Error;

/// The file of a model directory that says so.
const PROVENANCE: &str = "provenance.json";

/// Where the files of a model came from, and under which licences: `provenance.json` beside the
/// weights. Of a model that was converted or trained here there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// Addresses with revisions, for people.
    pub files: Vec<String>,
    /// The licences of the weights.
    pub licences: Vec<LicenceNote>,
}

/// A licence of weights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LicenceNote {
    /// Its name.
    pub name: String,
    /// Where its text is, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

impl Provenance {
    /// Reads that of a model directory; none if it has none, or one that says nothing.
    pub fn read(directory: &Path) -> Option<Self> {
        let text = std::fs::read(directory.join(PROVENANCE)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Writes it into a model directory.
    ///
    /// # Errors
    /// Names the file that cannot be written.
    pub fn write(&self, directory: &Path) -> Result<(), Error> {
        let mut text = serde_json::to_vec_pretty(self).expect("plain data");
        text.push(b'\n');
        Ok(write_atomically(directory.join(PROVENANCE), &text)?)
    }
}
