//! From a failure report to a decision: collect → classify → recommend → patch → decide.

use std::{future::Future, time::Instant};

use paramedic_domain::{Classification, Decision, FailureId, FailureReport, Job, Timestamp};
use paramedic_rules::{Circumstances, LogText};
use tokio::{sync::OwnedSemaphorePermit, task::JoinError};
use tracing::Instrument;

use crate::{
    configuration,
    cost::cost_usd,
    decide,
    degraded::{CLASSIFICATION_FAILED, CLASSIFICATION_TIMED_OUT, Degraded},
    evidence,
    inbox::Excerpts,
    patch::Occasion,
    remedy::Healing,
    secrets::Sources,
    state::Classifier,
    stored::Begun,
};

/// Decides on a failure. The first decision on it stands: a repeated report gets that one, whatever else it says.
///
/// Until its work starts a report may be dropped; from then on it is finished on a task of its own, so that a scheduler
/// that hangs up leaves no decision half made.
pub(crate) async fn decide(classifier: Classifier, mut report: FailureReport) -> Result<Decision, JoinError> {
    let failure_id = FailureId::of(&report.job.attempt_key());
    let Job { workflow, job, run, attempt, .. } = &report.job;
    let span = tracing::info_span!("failure", %failure_id, workflow, job, run, attempt);
    let working = span.clone();
    async {
        let alone = classifier.in_progress.enter(failure_id).await;
        let mut degraded = Degraded::default();
        let sources = Sources::take_from(&mut report);
        let reported_at = match step("begin", classifier.begin(&report, failure_id, &mut degraded)).await {
            Begun::Decided(decision) => return Ok(*decision),
            Begun::Undecided(reported_at) => reported_at,
        };
        let slot = step("wait", classifier.slot()).await;
        let work = async move {
            let _alone = alone;
            sources.put_into(&mut report);
            let begun = Undecided { failure_id, reported_at, slot };
            let (decision, kept) = work(&classifier, report, begun, degraded).await;
            let decision = step("finish", classifier.finish(decision)).await;
            step("keep", classifier.keep(&decision, kept.excerpts, kept.cost_usd)).await;
            decision
        };
        tokio::spawn(work.instrument(working)).await
    }
    .instrument(span)
    .await
}

/// A failure whose work starts.
struct Undecided {
    failure_id: FailureId,
    /// When it was first reported.
    reported_at: Timestamp,
    slot: Slot,
}

/// What is kept of a failure beside the decision.
struct Kept {
    excerpts: Excerpts,
    cost_usd: Option<f64>,
}

async fn work(
    classifier: &Classifier,
    mut report: FailureReport,
    begun: Undecided,
    mut degraded: Degraded,
) -> (Decision, Kept) {
    let Undecided { failure_id, reported_at, slot } = begun;
    let collected = step("collect", classifier.collect(&mut report, &mut degraded)).await;
    report.containers.extend(collected.containers);
    let excerpts = Excerpts::of(&collected.logs, &classifier.keep_bounds);
    let config = configuration::effective(&report.config, collected.event_log.as_ref());
    let circumstances = Circumstances::new(report.exit_code, &config, &report.containers);
    let classification =
        step("classify", classifier.classify(slot, collected.logs, circumstances, &mut degraded)).await;

    let cost_usd =
        report.cost_usd.or_else(|| cost_usd(&classifier.prices, &config, report.started_at, report.finished_at));
    let evidence = evidence::of_failure(&report, collected.event_log, cost_usd);
    let ran_with = step("ran_with", classifier.ran_with(&report.job, &config, &mut degraded)).await;
    let followed = classifier.followed_recommendation(&report.job, &ran_with, &mut degraded).await;
    let attempt = evidence::record_of_failure(&report, &config, &classification, evidence, followed);

    let occasion = Occasion {
        failure_id,
        job: &report.job,
        submitted: &report.config,
        ran_with: &ran_with,
        classification: &classification,
        reported_at,
        control: report.job.is_control(classifier.bounds.control_share),
    };
    let Healing { recommendation, patch, given_back } = classifier.heal(&occasion, attempt, &mut degraded).await;

    let carried =
        if patch.is_some() || given_back || occasion.control { decide::Carried::Yes } else { decide::Carried::No };
    let decided = decide::action(&classification, recommendation.as_ref(), carried);
    step("settle", classifier.settle_failure(&occasion, decided, &mut degraded)).await;
    let (action, withheld) = decide::given(decided, occasion.control);
    let decision = Decision {
        failure_id,
        job: report.job,
        classification,
        action,
        recommendation,
        patch,
        degraded: degraded.into_vec(),
        withheld,
        decided_at: classifier.clock.now(),
    };
    classifier.rules.count(&decision.classification);
    count(&decision);
    (decision, Kept { excerpts, cost_usd })
}

impl Classifier {
    /// Waits for a slot to hold logs in memory.
    pub(crate) async fn slot(&self) -> Slot {
        // The semaphore is never closed.
        Slot { _permit: self.slots.clone().acquire_owned().await.ok() }
    }

    /// Matches the rules, off the threads that serve requests and within a bounded time. The slot is held until the
    /// matching has really ended, so that reports whose time ran out do not pile up behind it.
    pub(crate) async fn classify(
        &self,
        slot: Slot,
        logs: Vec<LogText>,
        circumstances: Circumstances,
        degraded: &mut Degraded,
    ) -> Classification {
        let rules = self.rules.current();
        let matching = tokio::task::spawn_blocking(move || {
            let classification = rules.classify_in(&logs, &circumstances);
            drop((logs, slot));
            classification
        });
        match tokio::time::timeout(self.bounds.match_timeout, matching).await {
            Ok(Ok(classification)) => return classification,
            Ok(Err(panic)) => degraded.add_because(CLASSIFICATION_FAILED, &panic),
            Err(elapsed) => degraded.add_because(CLASSIFICATION_TIMED_OUT, &elapsed),
        }
        Classification::unclassified()
    }
}

/// The right to hold one report's logs in memory.
pub(crate) struct Slot {
    _permit: Option<OwnedSemaphorePermit>,
}

/// Runs one step, traced and timed under its name.
pub(crate) async fn step<T>(name: &'static str, work: impl Future<Output = T>) -> T {
    let started = Instant::now();
    let result = work.instrument(tracing::debug_span!("step", name)).await;
    let elapsed = started.elapsed();
    metrics::histogram!("paramedic_step_duration_seconds", "step" => name).record(elapsed.as_secs_f64());
    tracing::debug!(step = name, elapsed_ms = elapsed.as_secs_f64() * 1e3, "done");
    result
}

fn count(decision: &Decision) {
    let Classification { class, category, .. } = &decision.classification;
    metrics::counter!("paramedic_decisions_total", "class" => class.clone(), "category" => category.as_str(),
        "action" => decision.action.as_str())
    .increment(1);
    if let Some(withheld) = decision.withheld {
        metrics::counter!("paramedic_withheld_total", "action" => withheld.as_str()).increment(1);
    }
    tracing::info!(%class, %category, action = %decision.action, degraded = ?decision.degraded, "decided");
}
