//! The story of all attempts.

use std::{collections::BTreeMap, fs, io, path::Path};

use paramedic_domain::{Configuration, Decision, Job, Timestamp};
use serde::Serialize;

/// What `--report` writes.
#[derive(Debug, Serialize)]
pub(crate) struct Story {
    /// The first attempt.
    pub(crate) job: Job,
    /// The attempts, in order.
    pub(crate) attempts: Vec<AttemptStory>,
    /// It failed first and succeeded in the end.
    pub(crate) healed: bool,
    /// Exit code of the last attempt, which is this program's own.
    pub(crate) exit_code: i32,
    /// The end in one sentence.
    pub(crate) outcome: String,
}

/// One attempt.
#[derive(Debug, Serialize)]
pub(crate) struct AttemptStory {
    /// Its number.
    pub(crate) attempt: u32,
    /// Its exit code; 128 + n when signal n ended it.
    pub(crate) exit_code: i32,
    /// Start.
    pub(crate) started_at: Timestamp,
    /// End.
    pub(crate) finished_at: Timestamp,
    /// Seconds between the two.
    pub(crate) wall_s: f64,
    /// The application's id, where the job told it.
    pub(crate) application_id: Option<String>,
    /// What it ran with other than the job's owner wrote.
    pub(crate) config_changes: BTreeMap<String, ConfigChange>,
    /// What was decided when it failed.
    pub(crate) decision: Option<Decision>,
    /// What it cost, where the server told.
    pub(crate) cost_usd: Option<f64>,
}

/// One key that was changed.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ConfigChange {
    /// As written by the job's owner; none where it was not set.
    pub(crate) from: Option<String>,
    /// As the attempt ran; none where it was removed.
    pub(crate) to: Option<String>,
}

/// The changes beside what they change.
pub(crate) fn config_changes(
    written: &Configuration,
    changes: &BTreeMap<String, Option<String>>,
) -> BTreeMap<String, ConfigChange> {
    let change = |key: &String, to: &Option<String>| ConfigChange { from: written.get(key).cloned(), to: to.clone() };
    changes.iter().map(|(key, to)| (key.clone(), change(key, to))).collect()
}

impl Story {
    /// Writes it as JSON.
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        fs::write(path, text)
    }
}
