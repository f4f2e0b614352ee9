//! What a job of the queue says: a line of a batch file, and everything besides the model that
//! decides its picture.

use flowinone_files::sha256_of;
use flowinone_image::Profiles;
use flowinone_tasks::batch::BatchLine;
use flowinone_tasks::{Adjustment, Job, Session};
use serde::{Deserialize, Serialize};

/// A job, as it stands in Redis: JSON.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueuedJob {
    /// What to make, the paths of its files absolute; its `output` names its picture, if the batch
    /// file did.
    pub line: BatchLine,
    /// The number that selects the noise.
    pub item: u64,
    /// Seed of the noise.
    pub seed: u64,
    /// What differs from the model's default settings.
    #[serde(default)]
    pub settings: Adjustment,
    /// Whether colour profiles inside pictures are ignored.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ignore_profiles: bool,
    /// The batch file, for the report.
    pub input: String,
    /// The number of its line there, for the report.
    pub number: usize,
}

impl QueuedJob {
    /// Its JSON.
    pub fn json(&self) -> String {
        serde_json::to_string(self).expect("a line that was read can be written")
    }

    /// What it is known by: equal for the same line of the same file with the same settings,
    /// wherever in the file it stands. 32 hexadecimal digits of a SHA-256.
    pub fn key(&self) -> String {
        let decides = serde_json::json!([
            self.line,
            self.item,
            self.seed,
            self.settings,
            self.ignore_profiles,
            self.input
        ]);
        sha256_of(decides.to_string().as_bytes())[..32].to_string()
    }

    /// The job of a session.
    pub(crate) fn job(&self, session: &Session) -> Result<Job, serde_json::Error> {
        // A line is plain data: a copy of it is what it reads as.
        let line: BatchLine = serde_json::from_value(serde_json::to_value(&self.line)?)?;
        let style = session.style();
        let profiles = Profiles::ignored(self.ignore_profiles);
        Ok(line.job(style, style.side, self.seed, self.item, profiles))
    }
}
