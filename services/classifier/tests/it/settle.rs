//! What the end of an attempt means for the patches that it ran with.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use paramedic_domain::{
    Action, AttemptStatus, Clock, Configuration, Decision, Job, LedgerOutcome, MutateRequest, MutateResponse,
    OutcomeReport, Patch, PatchId, PatchStatus, SkipCode,
};
use paramedic_service::{Client, PatchQuery};

use crate::{
    harness::{HEAP, Running, inline, job, noon, report},
    peers::{healing, healing_at, more_heap},
};

const MEMORY: &str = "spark.executor.memory";

async fn start_of(configsvc: &Client, job: Job, own: &str) -> MutateResponse {
    let config = Configuration::from_iter([(MEMORY, own), ("spark.master", "yarn")]);
    configsvc.mutate(&MutateRequest { job, config, dry_run: false }).await.unwrap()
}

async fn failed(running: &Running, job: Job, memory: &str, log: &str) -> Decision {
    let mut failure = report("a", vec![inline(log)]);
    failure.job = job;
    failure.config.insert(MEMORY.into(), memory.into());
    running.client.report_failure(&failure).await.unwrap()
}

async fn succeeded(running: &Running, job: Job, memory: &str) {
    let outcome = OutcomeReport {
        job,
        application_id: None,
        config: Configuration::from_iter([(MEMORY, memory), ("spark.master", "yarn")]),
        status: AttemptStatus::Succeeded,
        started_at: None,
        finished_at: None,
        cost_usd: Some(0.5),
        event_log: None,
    };
    assert_eq!(running.client.report_outcome(&outcome).await.unwrap().degraded, Vec::<String>::new());
}

async fn patch(configsvc: &Client, id: PatchId) -> Patch {
    configsvc.patch(id).await.unwrap().unwrap()
}

fn attempt(number: u32) -> Job {
    Job { attempt: number, ..job("a") }
}

fn next_run() -> Job {
    Job { run: "2026-02-01".into(), ..job("a") }
}

#[tokio::test]
async fn a_patch_whose_retry_succeeded_is_widened_renewed_on_use_and_expires_otherwise() {
    let seconds = Arc::new(AtomicI64::new(0));
    let ticks = seconds.clone();
    let clock = Clock::from_fn(move || noon().plus_seconds(ticks.load(Ordering::Relaxed)));
    let (running, configsvc, _) = healing_at(clock, more_heap(), |_| {}).await;
    let decision = failed(&running, attempt(1), "512m", HEAP).await;
    let retry = patch(&configsvc, decision.patch.clone().unwrap().id).await;
    assert_eq!(retry.content.only_if[MEMORY].as_deref(), Some("512m"));
    assert_eq!(start_of(&configsvc, attempt(2), "512m").await.config[MEMORY], "1g");
    succeeded(&running, attempt(2), "1g").await;

    let line = running.client.ledger(decision.failure_id).await.unwrap().unwrap();
    assert_eq!((line.outcome, line.decision), (LedgerOutcome::Healed, decision));
    assert_eq!((line.attempt.unwrap().job.attempt, line.retry.unwrap().cost_usd), (1, Some(0.5)));
    assert_eq!(line.retry_patch.unwrap().status, PatchStatus::Superseded);
    let widened = line.job_patch.unwrap();
    assert_eq!((widened.status, widened.content.scope.run.clone()), (PatchStatus::Active, None));
    assert_eq!(widened.content.expires_at, Some(noon().plus_seconds(14 * 24 * 3600)));
    assert!(widened.content.reason.unwrap().starts_with("Attempt 2 of run 2026-01-31 succeeded with it. Attempt 1"));

    // Tomorrow's run does not fail first. Two days later its success is proven use; within the first day it was not yet.
    assert_eq!(start_of(&configsvc, next_run(), "512m").await.config[MEMORY], "1g");
    succeeded(&running, next_run(), "1g").await;
    assert_eq!(patch(&configsvc, widened.id).await.version, widened.version);
    seconds.store(2 * 24 * 3600, Ordering::Relaxed);
    let third = Job { run: "2026-02-02".into(), ..job("a") };
    succeeded(&running, third, "1g").await;
    let renewed = patch(&configsvc, widened.id).await;
    assert_eq!(renewed.content.expires_at, Some(noon().plus_seconds(16 * 24 * 3600)));
    // A run that ran with something else proves nothing.
    seconds.store(4 * 24 * 3600, Ordering::Relaxed);
    succeeded(&running, Job { run: "2026-02-03".into(), ..job("a") }, "4g").await;
    assert_eq!(patch(&configsvc, widened.id).await.version, renewed.version);
}

#[tokio::test]
async fn a_patch_whose_retry_failed_is_revoked_and_what_it_set_is_carried_on() {
    let cores = serde_json::json!([{"op": "add", "path": "/spark.executor.cores", "value": "1"}]);
    let (running, configsvc, _) = healing(cores, |_| {}).await;
    let first = failed(&running, attempt(1), "512m", HEAP).await.patch.unwrap();
    start_of(&configsvc, attempt(2), "512m").await;
    let mut again = report("a", vec![inline(HEAP)]);
    again.job = attempt(2);
    again.config.insert("spark.executor.cores".into(), "1".into());
    let second = running.client.report_failure(&again).await.unwrap();
    let old = patch(&configsvc, first.id).await;
    assert_eq!(old.status, PatchStatus::Revoked);
    let history = configsvc.patch_history(first.id).await.unwrap().items;
    assert_eq!(
        history[0].reason.as_deref(),
        Some("It did not help: attempt 2 failed with ExecutorHeapOom although it ran with it.")
    );
    // The job's own value is the one before the first patch.
    let new = patch(&configsvc, second.patch.unwrap().id).await;
    assert!(new.content.only_if.is_empty(), "what the job does not set is not held against it");
    assert_eq!(start_of(&configsvc, attempt(3), "512m").await.config["spark.executor.cores"], "1");
    let line = running.client.ledger(first_failure()).await.unwrap().unwrap();
    assert_eq!((line.outcome, line.job_patch), (LedgerOutcome::FailedAgain, None));
}

fn first_failure() -> paramedic_domain::FailureId {
    paramedic_domain::FailureId::of(&attempt(1).attempt_key())
}

#[tokio::test]
async fn a_loss_between_two_attempts_keeps_the_raised_value() {
    let (running, configsvc, _) = healing(more_heap(), |_| {}).await;
    let first = failed(&running, attempt(1), "512m", HEAP).await.patch.unwrap();
    let lost = failed(&running, attempt(2), "1g", "FetchFailedException").await;
    assert_eq!((lost.action, patch(&configsvc, first.id).await.status), (Action::RetryUnchanged, PatchStatus::Active));
    assert_eq!(start_of(&configsvc, attempt(3), "512m").await.config[MEMORY], "1g");
    succeeded(&running, attempt(3), "1g").await;
    assert!(running.client.ledger(first_failure()).await.unwrap().unwrap().job_patch.is_some());
}

#[tokio::test]
async fn a_job_that_was_edited_meanwhile_is_left_alone_and_told() {
    let (running, configsvc, _) = healing(more_heap(), |_| {}).await;
    failed(&running, attempt(1), "512m", HEAP).await;
    let edited = start_of(&configsvc, attempt(2), "768m").await;
    assert_eq!((edited.config[MEMORY].as_str(), edited.skipped[0].code), ("768m", SkipCode::Precondition));
}

#[tokio::test]
async fn jobs_held_out_as_control_are_retried_unchanged_and_what_was_withheld_is_told() {
    let (running, configsvc, sent) = healing(more_heap(), |config| config.decision.control_share = 1.0).await;
    let decision = failed(&running, attempt(1), "512m", HEAP).await;
    assert_eq!((decision.action, decision.withheld), (Action::RetryUnchanged, Some(Action::RetryWithConfig)));
    assert!(decision.recommendation.is_some() && decision.patch.is_none());
    assert_eq!(sent.lock().unwrap().len(), 2, "the attempt and the question");
    assert_eq!(configsvc.patches(&PatchQuery::default()).await.unwrap().items, []);
    let hopeless = failed(&running, Job { job: "b".into(), ..attempt(1) }, "512m", "ZeroDivisionError").await;
    assert_eq!((hopeless.action, hopeless.withheld), (Action::RetryUnchanged, Some(Action::DoNotRetry)));
}

#[tokio::test]
async fn right_sizing_is_taken_back_on_the_first_failure_for_want_of_memory() {
    let (running, configsvc, sent) = healing(more_heap(), |_| {}).await;
    let lowered: paramedic_domain::NewPatch = serde_json::from_value(serde_json::json!({
        "scope": {"scheduler": "airflow", "workflow": "daily_sales", "job": "a"}, "source": "right-sizing",
        "merge": {MEMORY: "512m"}, "only_if": {MEMORY: "2g"}
    }))
    .unwrap();
    let lowered = configsvc.create_patch(&lowered, None).await.unwrap();
    assert_eq!(start_of(&configsvc, attempt(1), "2g").await.config[MEMORY], "512m");
    // A failure of another kind is none of its business.
    failed(&running, Job { run: "other".into(), ..attempt(1) }, "512m", "ZeroDivisionError").await;
    assert_eq!(patch(&configsvc, lowered.id).await.status, PatchStatus::Active);

    let decision = failed(&running, attempt(1), "512m", HEAP).await;
    assert_eq!((decision.action, decision.patch, decision.degraded.len()), (Action::RetryWithConfig, None, 0));
    assert_eq!(decision.recommendation.unwrap().config[MEMORY], "2g");
    assert_eq!(patch(&configsvc, lowered.id).await.status, PatchStatus::Revoked);
    assert_eq!(start_of(&configsvc, attempt(2), "2g").await.config[MEMORY], "2g");
    assert!(!sent.lock().unwrap().iter().any(|it| it.starts_with("recommend ExecutorHeapOom")), "nothing was searched");
    // Should that fail too, it is healed as any other.
    let again = failed(&running, attempt(2), "2g", HEAP).await;
    assert!(again.patch.is_some());
}
