//! Models on the wire.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::time::Timestamp;

/// What `GET /v1/models` tells of one model version; the manifest that lies beside its weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ModelManifest {
    /// Names the version: `base-1`, `2026-01-31T02-00-00Z`.
    pub version: String,
    /// The version it was trained from or beside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_version: Option<String>,
    /// When it was trained; absent for the base model, so that the same command gives the same file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trained_at: Option<Timestamp>,
    /// Where its records are from: `simulated` or `store`.
    pub source: String,
    /// Records it was trained on.
    pub record_count: u64,
    /// Seed of initialization, shuffling and simulation.
    pub seed: u64,
    /// Names of the numeric features, in order; a model is refused when they are not this binary's.
    pub features: FeatureNames,
    /// Means and standard deviations by which the features are normalized.
    pub normalization: Normalization,
    /// Seed of the feature hash and size of its table.
    pub hashing: Hashing,
    /// SHA-256 of the weights file, in hex.
    pub weights_sha256: String,
    /// The audit that it passed.
    pub audit: AuditReport,
}

/// Names of the features, in order, by the part of the network that they enter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FeatureNames {
    /// The failure probability never rises when one of these does.
    pub capacity: Vec<String>,
    /// What differs between candidates and may raise or lower cost.
    pub candidate: Vec<String>,
    /// What does not differ between candidates.
    pub context: Vec<String>,
}

/// How the features are normalized: `(x − mean) / deviation`, one number a feature.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Normalization {
    /// Means, in the order of capacity, candidate, context.
    pub mean: Vec<f32>,
    /// Standard deviations, never 0.
    pub deviation: Vec<f32>,
}

/// How tokens are hashed into the embedding table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Hashing {
    /// Seed of the hash.
    pub seed: u64,
    /// Rows of the table.
    pub buckets: u32,
}

/// How a model did on what it was not trained on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditReport {
    /// Records of the held-out slice.
    pub records: u64,
    /// Area under the ROC curve of the failure probability, 0 to 1.
    pub auc: f64,
    /// Expected calibration error of the failure probability, 0 to 1.
    pub calibration_error: f64,
    /// Median of |predicted − real| / real cost.
    pub cost_error_median: f64,
    /// Pairs in which the probability rose although only memory grew; 0 passes.
    pub monotonicity_violations: u64,
    /// Mean log loss of the failure probability; 0.69 is a coin's.
    #[serde(default)]
    pub log_loss: f64,
    /// Median time to score the candidates of one batch, in milliseconds.
    #[serde(default)]
    pub batch_ms: f64,
    /// Each check by name, and whether it passed.
    pub checks: std::collections::BTreeMap<String, bool>,
    /// Beside the champion of the time, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub champion: Option<ChampionComparison>,
}

/// How a model did beside the champion: on the last days, and on the fixed reference set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChampionComparison {
    /// The champion.
    pub version: String,
    /// The model on the last records.
    pub recent: ScoreSummary,
    /// The champion on them.
    pub champion_recent: ScoreSummary,
    /// The model on the reference set.
    pub reference: ScoreSummary,
    /// The champion on it.
    pub champion_reference: ScoreSummary,
}

/// How good predictions were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ScoreSummary {
    /// Records.
    pub records: u64,
    /// Mean log loss of the failure probability.
    pub log_loss: f64,
    /// Area under the ROC curve.
    pub auc: f64,
    /// Expected calibration error.
    pub calibration_error: f64,
    /// Median of |predicted − real| / real cost.
    pub cost_error_median: f64,
}

/// One model version, as listed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ModelListing {
    /// Its manifest.
    #[serde(flatten)]
    pub manifest: ModelManifest,
    /// It is the one in use.
    pub champion: bool,
    /// It scores live requests without deciding.
    #[serde(default)]
    pub challenger: bool,
}
