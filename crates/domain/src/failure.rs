//! A failure report and the decision on it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    classification::{Classification, wire_enum},
    configuration::Configuration,
    container::{ContainerEnd, validate_containers},
    evidence::{ClusterLimits, EventLogSummary},
    id::{FailureId, PatchId},
    job::Job,
    log::{LogSource, validate_logs},
    recommendation::Recommendation,
    time::Timestamp,
    validation::{Validate, Violation},
};
use std::fmt;

/// What ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Engine {
    /// The engine's kind.
    pub kind: EngineKind,
    /// Its version, such as `4.1.4`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

wire_enum! {
    /// Engines that Paramedic heals.
    EngineKind {
        /// Apache Spark.
        Spark = "spark",
    }
}

/// Where a Spark event log is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EventLogSource {
    /// `http:`, `https:`, `file:`, or an object store's (`s3:`, `gs:`, `abfss:`), as the classifier allows.
    pub url: String,
}

/// `POST /v1/failures`: one failed attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FailureReport {
    /// The attempt that failed.
    pub job: Job,
    /// `spark.app.id`, where it got one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_id: Option<String>,
    /// What ran.
    pub engine: Engine,
    /// The configuration it ran with.
    pub config: Configuration,
    /// Its logs.
    #[serde(default)]
    pub logs: Vec<LogSource>,
    /// Its event log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_log: Option<EventLogSource>,
    /// Its event log, already read by the reporter; wins over `event_log`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_log_summary: Option<EventLogSummary>,
    /// What the cluster can give, where the reporter knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_limits: Option<ClusterLimits>,
    /// Exit code of the driver's process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// How its containers ended, where the reporter knows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub containers: Vec<ContainerEnd>,
    /// Start of the attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// End of the attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// Its cost, where the platform reports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
}

impl Validate for FailureReport {
    fn validate(&self, pointer: &str, violations: &mut Vec<Violation>) {
        self.job.validate(&format!("{pointer}/job"), violations);
        self.config.validate(&format!("{pointer}/config"), violations);
        validate_logs(&self.logs, &format!("{pointer}/logs"), violations);
        validate_containers(&self.containers, &format!("{pointer}/containers"), violations);
        validate_application_id(self.application_id.as_deref(), pointer, violations);
        validate_period(self.started_at, self.finished_at, pointer, violations);
        validate_cost(self.cost_usd, pointer, violations);
    }
}

pub(crate) fn validate_application_id(id: Option<&str>, pointer: &str, violations: &mut Vec<Violation>) {
    if let Some(id) = id {
        crate::validation::validate_name(id, &format!("{pointer}/application_id"), violations);
    }
}

pub(crate) fn validate_period(
    started_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
    pointer: &str,
    violations: &mut Vec<Violation>,
) {
    if let (Some(started), Some(finished)) = (started_at, finished_at)
        && finished < started
    {
        violations.push(Violation::at(format!("{pointer}/finished_at"), "is before started_at"));
    }
}

pub(crate) fn validate_cost(cost_usd: Option<f64>, pointer: &str, violations: &mut Vec<Violation>) {
    if cost_usd.is_some_and(|cost| !cost.is_finite() || cost < 0.0) {
        violations.push(Violation::at(format!("{pointer}/cost_usd"), "must be a finite number, 0 or more"));
    }
}

wire_enum! {
    /// What the scheduler should do.
    Action {
        /// Retry with the mutated configuration.
        RetryWithConfig = "retry_with_config",
        /// Retry as it was.
        RetryUnchanged = "retry_unchanged",
        /// Leave it failed.
        DoNotRetry = "do_not_retry",
    }
}

/// The answer to a failure report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Decision {
    /// The failure; also the id that joins everything that followed from it.
    pub failure_id: FailureId,
    /// The attempt.
    pub job: Job,
    /// What it was.
    pub classification: Classification,
    /// What to do.
    pub action: Action,
    /// What the recommender said, where it was asked and answered.
    #[serde(default)]
    pub recommendation: Option<Recommendation>,
    /// The patch that carries the recommended configuration to the retry.
    #[serde(default)]
    pub patch: Option<PatchReference>,
    /// What could not be used: `log_unavailable:<log>`, `log_truncated:<log>`, `recommender_unavailable`,
    /// `configsvc_unavailable`, `model_missing`, `event_log_unavailable`, `layer_unavailable:<layer>: <what mends it>`, …
    pub degraded: Vec<String>,
    /// The action that was not given, because the job is held out as control: it is retried as if nobody looked after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withheld: Option<Action>,
    /// When it was decided.
    pub decided_at: Timestamp,
}

/// A stored patch, as a decision names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PatchReference {
    /// The patch.
    pub id: PatchId,
    /// Until when it applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}
