//! How an attempt ended: stored, and forwarded as a training label.

use paramedic_domain::{AttemptEvidence, AttemptRecord, OutcomeReceipt, OutcomeReport};
use paramedic_service::ApiError;

use crate::{
    configuration,
    cost::cost_usd,
    degraded::{Degraded, STORE_UNAVAILABLE},
    evidence::duration_s,
    pipeline::step,
    secrets,
    state::Classifier,
};

/// Records the end of an attempt: collect → price → forward → settle → store. A repetition gets the first receipt.
pub(crate) async fn record(classifier: &Classifier, mut report: OutcomeReport) -> Result<OutcomeReceipt, ApiError> {
    let mut degraded = Degraded::default();
    let event_log = step("collect", classifier.collector.event_log(report.event_log.as_ref(), &mut degraded)).await;
    secrets::mask_outcome(&mut report);
    let config = configuration::effective(&report.config, event_log.as_ref());
    let cost_usd =
        report.cost_usd.or_else(|| cost_usd(&classifier.prices, &config, report.started_at, report.finished_at));
    let ran_with = step("ran_with", classifier.ran_with(&report.job, &config, &mut degraded)).await;
    let evidence = AttemptEvidence {
        event_log,
        cluster: None,
        duration_s: duration_s(report.started_at, report.finished_at),
        cost_usd,
    };
    let attempt = AttemptRecord {
        job: report.job.clone(),
        application_id: report.application_id.clone(),
        config,
        status: report.status,
        class: None,
        category: None,
        memory_side: None,
        started_at: report.started_at,
        finished_at: report.finished_at,
        cost_usd,
        evidence: Some(evidence),
        recommendation_id: classifier.followed_recommendation(&report.job, &ran_with, &mut degraded).await,
    };
    let forwarded = step("forward", classifier.forward(&attempt, &mut degraded)).await;
    step("settle", classifier.settle_outcome(&report.job, report.status, &ran_with, &mut degraded)).await;
    step("store", store(classifier, &report, cost_usd, degraded, forwarded)).await
}

async fn store(
    classifier: &Classifier,
    report: &OutcomeReport,
    cost_usd: Option<f64>,
    mut degraded: Degraded,
    forwarded: bool,
) -> Result<OutcomeReceipt, ApiError> {
    let receipt = OutcomeReceipt {
        job: report.job.clone(),
        status: report.status,
        cost_usd,
        degraded: degraded.clone().into_vec(),
    };
    metrics::counter!("paramedic_outcomes_total", "status" => report.status.as_str()).increment(1);
    let stored = Box::pin(classifier.store.record_outcome(report, &receipt, classifier.clock.now()));
    match classifier.in_time(stored, &mut degraded).await {
        Some(receipt) => Ok(receipt),
        None if forwarded => Ok(OutcomeReceipt { degraded: degraded.into_vec(), ..receipt }),
        // Nobody has it: the scheduler must send it again.
        None => Err(ApiError::unavailable("the outcome could not be kept; send it again later", STORE_UNAVAILABLE)),
    }
}
