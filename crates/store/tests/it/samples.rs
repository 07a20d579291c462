//! What the cases store.

use std::collections::BTreeMap;

use paramedic_domain::{
    Action, AttemptRecord, AttemptStatus, Category, Classification, Decision, FailureId, FailureReport, HostSample,
    Job, LogKind, LogSource, NewPatch, OutcomeReceipt, OutcomeReport, PatchId, Recommendation, RecommendationId,
    RunQueueCause, Scope, Timestamp,
    failure::{Engine, EngineKind},
};
use serde_json::json;

/// Seconds after a fixed day.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_microseconds(1_769_860_800_000_000).plus_seconds(seconds)
}

pub(crate) fn job(name: &str, attempt: u32) -> Job {
    Job {
        scheduler: "airflow".into(),
        cluster: Some("c1".into()),
        workflow: "daily_sales".into(),
        job: name.into(),
        run: "2026-01-31".into(),
        attempt,
        user: Some("ada".into()),
        labels: BTreeMap::from([("team".into(), "core".into())]),
    }
}

pub(crate) fn failure_id(job: &Job) -> FailureId {
    FailureId::of(&job.attempt_key())
}

pub(crate) fn report(job: Job) -> FailureReport {
    FailureReport {
        job,
        application_id: Some("app-1".into()),
        engine: Engine { kind: EngineKind::Spark, version: None },
        config: [("spark.executor.memory", "512m")].into_iter().collect(),
        logs: vec![LogSource { log: LogKind::DriverStderr, text: Some("OutOfMemoryError".into()), url: None }],
        event_log: None,
        event_log_summary: None,
        cluster_limits: None,
        exit_code: Some(1),
        containers: Vec::new(),
        started_at: None,
        finished_at: None,
        cost_usd: None,
    }
}

pub(crate) fn decision(job: Job, class: &str, category: Category, decided_at: Timestamp) -> Decision {
    Decision {
        failure_id: failure_id(&job),
        job,
        classification: Classification { class: class.into(), category, ..Classification::unclassified() },
        action: Action::DoNotRetry,
        recommendation: None,
        patch: None,
        degraded: Vec::new(),
        withheld: None,
        decided_at,
    }
}

pub(crate) fn outcome(job: Job, status: AttemptStatus) -> (OutcomeReport, OutcomeReceipt) {
    let receipt = OutcomeReceipt { job: job.clone(), status, cost_usd: None, degraded: Vec::new() };
    let report = OutcomeReport {
        job,
        application_id: None,
        config: [("spark.executor.memory", "1g")].into_iter().collect(),
        status,
        started_at: None,
        finished_at: None,
        cost_usd: Some(0.25),
        event_log: None,
    };
    (report, receipt)
}

pub(crate) fn attempt(job: Job, status: AttemptStatus) -> AttemptRecord {
    AttemptRecord {
        job,
        application_id: None,
        config: [("spark.executor.memory", "1g")].into_iter().collect(),
        status,
        class: None,
        category: None,
        memory_side: None,
        started_at: None,
        finished_at: None,
        cost_usd: Some(0.1 + 0.2),
        evidence: None,
        recommendation_id: None,
    }
}

pub(crate) fn recommendation(request: &str, action: Action) -> Recommendation {
    Recommendation {
        recommendation_id: RecommendationId::of(request.as_bytes()),
        action,
        model_version: Some("base".into()),
        config: [("spark.executor.memory", "2g")].into_iter().collect(),
        patch: patch_of("/spark.executor.memory", "2g"),
        predicted: None,
        baseline: None,
        alternatives: Vec::new(),
        explanation: vec!["ünïcode \u{1F680} and a NUL \0 too".into()],
        evaluations: 64,
        elapsed_ms: 12.5,
        feasible: true,
        degraded: Vec::new(),
    }
}

pub(crate) fn host_sample(application_id: &str, seconds: i64) -> HostSample {
    HostSample {
        host: "node-1".into(),
        application_id: application_id.into(),
        executor_id: "1".into(),
        sampled_at: at(seconds),
        rss_peak_bytes: u64::MAX,
        python_rss_peak_bytes: Some(7),
        pss_bytes: Some(1),
        uss_bytes: None,
        oom_kills: 1,
        python_oom_kills: 1,
        run_queue_p50_s: Some(1e-6),
        run_queue_p99_s: None,
        run_queue_cause: Some(RunQueueCause::Throttled),
        run_queue_behind: None,
    }
}

pub(crate) fn patch_id(key: &str) -> PatchId {
    PatchId::of(key)
}

pub(crate) fn new_patch(scope: Scope) -> NewPatch {
    NewPatch {
        scope,
        patch: patch_of("/spark.executor.memory", "2g"),
        source: "recommender".into(),
        reason: Some("it ran out of heap".into()),
        ..NewPatch::default()
    }
}

pub(crate) fn job_scope(name: &str) -> Scope {
    Scope { workflow: Some("daily_sales".into()), job: Some(name.into()), ..Scope::default() }
}

fn patch_of<T: serde::de::DeserializeOwned>(path: &str, value: &str) -> T {
    serde_json::from_value(json!([{"op": "add", "path": path, "value": value}])).unwrap()
}
