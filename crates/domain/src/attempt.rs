//! How attempts ended.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    classification::{Category, MemorySide, wire_enum},
    configuration::Configuration,
    evidence::AttemptEvidence,
    failure::{EventLogSource, validate_application_id, validate_cost, validate_period},
    id::RecommendationId,
    job::Job,
    time::Timestamp,
    validation::{Validate, Violation},
};
use std::fmt;

wire_enum! {
    /// How an attempt ended.
    AttemptStatus {
        /// It did its work.
        Succeeded = "succeeded",
        /// It did not.
        Failed = "failed",
    }
}

/// `POST /v1/outcomes` of the classifier: the end of an attempt that did not come through `/v1/failures`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OutcomeReport {
    /// The attempt.
    pub job: Job,
    /// `spark.app.id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_id: Option<String>,
    /// The configuration it ran with.
    pub config: Configuration,
    /// How it ended.
    pub status: AttemptStatus,
    /// Start of the attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// End of the attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// Its cost, where the platform reports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    /// Its event log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_log: Option<EventLogSource>,
}

impl Validate for OutcomeReport {
    fn validate(&self, pointer: &str, violations: &mut Vec<Violation>) {
        self.job.validate(&format!("{pointer}/job"), violations);
        self.config.validate(&format!("{pointer}/config"), violations);
        validate_application_id(self.application_id.as_deref(), pointer, violations);
        validate_period(self.started_at, self.finished_at, pointer, violations);
        validate_cost(self.cost_usd, pointer, violations);
    }
}

/// The answer to an outcome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OutcomeReceipt {
    /// The attempt.
    pub job: Job,
    /// How it ended, as first reported.
    pub status: AttemptStatus,
    /// What it cost: as reported, or by the price table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    /// What could not be used: `recommender_unavailable`, …
    pub degraded: Vec<String>,
}

/// `POST /v1/attempts` of the recommender: the end of any attempt, as the classifier forwards it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AttemptRecord {
    /// The attempt.
    pub job: Job,
    /// `spark.app.id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_id: Option<String>,
    /// The configuration it ran with.
    pub config: Configuration,
    /// How it ended.
    pub status: AttemptStatus,
    /// The class of the failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// The category of the failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// Which memory ran out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_side: Option<MemorySide>,
    /// Start of the attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// End of the attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// Its cost: reported, or by the price table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    /// What else is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<AttemptEvidence>,
    /// The recommendation whose configuration it ran with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recommendation_id: Option<RecommendationId>,
}

impl Validate for AttemptRecord {
    fn validate(&self, pointer: &str, violations: &mut Vec<Violation>) {
        self.job.validate(&format!("{pointer}/job"), violations);
        self.config.validate(&format!("{pointer}/config"), violations);
        validate_application_id(self.application_id.as_deref(), pointer, violations);
        validate_period(self.started_at, self.finished_at, pointer, violations);
        validate_cost(self.cost_usd, pointer, violations);
    }
}
