//! What is known of an attempt beside its logs, as the recommender wants it.

use paramedic_domain::{
    AttemptEvidence, AttemptRecord, AttemptStatus, Classification, Configuration, EventLogSummary, FailureReport,
    RecommendationId, Timestamp,
};

/// How long an attempt ran, in seconds, where both times are known.
pub(crate) fn duration_s(started_at: Option<Timestamp>, finished_at: Option<Timestamp>) -> Option<f64> {
    Some(finished_at?.seconds_since(started_at?))
}

/// The evidence on a failed attempt; `cost_usd` reported, or by the price table.
pub(crate) fn of_failure(
    report: &FailureReport,
    event_log: Option<EventLogSummary>,
    cost_usd: Option<f64>,
) -> AttemptEvidence {
    AttemptEvidence {
        event_log,
        cluster: report.cluster_limits.clone(),
        duration_s: duration_s(report.started_at, report.finished_at),
        cost_usd,
    }
}

/// The failed attempt as a record.
pub(crate) fn record_of_failure(
    report: &FailureReport,
    config: &Configuration,
    classification: &Classification,
    evidence: AttemptEvidence,
    recommendation_id: Option<RecommendationId>,
) -> AttemptRecord {
    AttemptRecord {
        job: report.job.clone(),
        application_id: report.application_id.clone(),
        config: config.clone(),
        status: AttemptStatus::Failed,
        class: Some(classification.class.clone()),
        category: Some(classification.category),
        memory_side: classification.memory_side,
        started_at: report.started_at,
        finished_at: report.finished_at,
        cost_usd: evidence.cost_usd,
        evidence: Some(evidence),
        recommendation_id,
    }
}
