//! Training: on simulated records (the base model that ships), or on what became of real attempts.
//!
//! Either way: records → split → fit with early stopping → calibrate → audit → report → publish. What does not pass its
//! audit is not published.

mod audit;
mod fit;
mod measured;
mod own;
mod records;
pub mod report;
mod simulated;

use paramedic_domain::model::ModelManifest;

use crate::model::{self, ModelError};
pub use measured::{MeasuredFailure, MeasuredRetry, read_measured, summary_of_measured};
pub use own::{StoreTraining, hashing, train_on};
pub use records::{RecordBuilder, read_records};
pub use report::TrainingReport;
pub use simulated::{SimulatedTraining, train_simulated};

/// Rows of the embedding table.
const BUCKETS: u32 = 4_096;

/// How far training is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TrainingProgress {
    /// Attempts are being read from the store.
    Reading {
        /// Attempts so far.
        done: u64,
    },
    /// Records are being simulated.
    Simulating {
        /// Records so far.
        done: u64,
        /// Records in all.
        total: u64,
    },
    /// A pass over the records ended.
    Epoch {
        /// Passes so far.
        epoch: u32,
        /// Most passes.
        epochs_max: u32,
        /// Mean loss of the pass.
        training_loss: f64,
        /// Loss on the validation slice.
        validation_loss: f64,
    },
    /// The audit runs.
    Auditing,
}

/// A version that was published.
#[derive(Clone, Debug)]
pub struct Trained {
    /// Its manifest.
    pub manifest: ModelManifest,
    /// It predicts the last records better than the champion does.
    pub beats_champion: bool,
}

/// Why nothing was published.
#[derive(Debug, thiserror::Error)]
pub enum TrainingError {
    /// The model could not be trained or written.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// Too few records to split.
    #[error("{found} records are too few to train, validate, calibrate and audit on; at least {min} are needed")]
    TooFewRecords {
        /// Records that there are.
        found: u64,
        /// Fewest that give every slice some.
        min: u64,
    },
    /// The audit failed: nothing was published.
    #[error("the model did not pass its audit, so nothing was published: {failed}", failed = failed_checks(.0))]
    AuditFailed(Box<ModelManifest>),
}

fn failed_checks(manifest: &ModelManifest) -> String {
    let failed: Vec<_> =
        manifest.audit.checks.iter().filter(|(_, passed)| !**passed).map(|(check, _)| check.as_str()).collect();
    failed.join(", ")
}

impl From<model::NetworkError> for TrainingError {
    fn from(error: model::NetworkError) -> Self {
        Self::Model(error.into())
    }
}

/// Publishes what passed its audit, with its report.
fn publish(
    out: &std::path::Path,
    mut manifest: ModelManifest,
    network: &model::network::Network,
    report: &TrainingReport,
) -> Result<ModelManifest, TrainingError> {
    if manifest.audit.checks.values().any(|passed| !passed) {
        return Err(TrainingError::AuditFailed(Box::new(manifest)));
    }
    let json = serde_json::to_vec_pretty(report)
        .map_err(|source| ModelError::Manifest { path: report::JSON_FILE.into(), source })?;
    let page = report::page(&manifest, report).into_bytes();
    model::publish(out, &mut manifest, network, &[(report::JSON_FILE, json), (report::PAGE_FILE, page)])?;
    Ok(manifest)
}
