use std::sync::{Arc, Mutex};

use axum::{
    Router,
    http::StatusCode,
    routing::{get, post},
};
use paramedic_domain::{AttemptStatus, FailureId, LogKind, OutcomeReport, failure::EventLogSource};
use paramedic_redaction::mask_text;
use paramedic_rules::{LogText, RuleSet};
use serde_json::json;

use crate::{
    harness::{HEAP, at, inline, job, report, stand_in, start},
    peers::healing,
};

const SECRET: &str = "hunter2Hunter2";
const URL_SECRET: &str = "aB3dE5fG7hI9";

/// A recommender that keeps what it is sent, word by word.
async fn recorder() -> (String, Arc<Mutex<Vec<String>>>) {
    let sent = Arc::new(Mutex::new(Vec::new()));
    let recording = sent.clone();
    let record = async move |body: String| {
        recording.lock().unwrap().push(body);
        StatusCode::CREATED
    };
    let app = Router::new().route("/v1/attempts", post(record.clone())).route("/v1/recommendations", post(record));
    (stand_in(app).await, sent)
}

#[tokio::test]
async fn no_secret_is_stored_answered_or_sent_on() {
    let log = format!("{HEAP}caused by password={SECRET} in ZeroDivisionError\n");
    let served = log.clone();
    let host = stand_in(Router::new().route("/log", get(async move || served))).await;
    let (recommender, sent) = recorder().await;
    let running = start(|config| config.peers.recommender_url = recommender).await;
    let signed = format!("{host}/log?sig={URL_SECRET}");
    let mut failure = report("a", vec![inline(&log), at(&signed)]);
    failure.event_log = Some(EventLogSource { url: signed });
    for (key, value) in [
        ("spark.hadoop.fs.s3a.secret.key", SECRET.to_owned()),
        ("spark.app.source", format!("postgres://ada:{SECRET}@db/sales")),
    ] {
        failure.config.insert(key.to_owned(), value);
    }
    let decision = running.client.report_failure(&failure).await.unwrap();
    // The signed URL was fetched with its signature, and the log behind it was read.
    assert_eq!(decision.classification.class, "ExecutorHeapOom");
    assert!(!decision.degraded.iter().any(|part| part.starts_with("log_")), "{:?}", decision.degraded);

    let stored = running.store.failure_report(FailureId::of(&failure.job.attempt_key())).await.unwrap().unwrap();
    let everything = [
        serde_json::to_string(&decision).unwrap(),
        serde_json::to_string(&stored).unwrap(),
        sent.lock().unwrap().concat(),
    ];
    for text in &everything {
        assert!(!text.contains(SECRET) && !text.contains(URL_SECRET), "{text}");
    }
    assert!(everything[1].contains("*(redacted)@db/sales"), "{}", everything[1]);
    assert_eq!(sent.lock().unwrap().len(), 2);
    assert!(everything[2].contains("*(redacted)@db/sales"), "{}", everything[2]);
}

#[tokio::test]
async fn evidence_shows_the_line_without_its_secret() {
    let running = start(|_| {}).await;
    let log = format!("ZeroDivisionError: token={URL_SECRET} for user=ada\n");
    let decision = running.client.report_failure(&report("a", vec![inline(&log)])).await.unwrap();
    let evidence = &decision.classification.evidence[0];
    assert_eq!(evidence.text, "ZeroDivisionError: token=*********(redacted) for user=ada");
}

#[tokio::test]
async fn a_masked_value_never_comes_back_as_a_change() {
    for patch in [
        json!([{"op": "add", "path": "/spark.executor.memory", "value": "*********(redacted)"}]),
        json!([{"op": "remove", "path": "/spark.hadoop.fs.s3a.secret.key"}]),
    ] {
        let (running, configsvc, _) = healing(patch, |_| {}).await;
        let decision = running.client.report_failure(&report("a", vec![inline(HEAP)])).await.unwrap();
        assert!(decision.patch.is_none());
        assert!(
            decision.degraded.iter().any(|part| part == "recommendation_touches_secret"),
            "{:?}",
            decision.degraded
        );
        assert!(configsvc.patches(&paramedic_service::PatchQuery::default()).await.unwrap().items.is_empty());
    }
}

#[tokio::test]
async fn outcomes_are_sent_on_without_secrets() {
    let (recommender, sent) = recorder().await;
    let running = start(|config| config.peers.recommender_url = recommender).await;
    let mut outcome = OutcomeReport {
        job: job("a"),
        application_id: None,
        config: report("a", vec![]).config,
        status: AttemptStatus::Succeeded,
        started_at: None,
        finished_at: None,
        cost_usd: None,
        event_log: None,
    };
    outcome.config.insert("spark.ssl.keyPassword".into(), SECRET.into());
    running.client.report_outcome(&outcome).await.unwrap();
    let sent = sent.lock().unwrap();
    assert!(sent.iter().any(|sent| sent.contains("*(redacted)")) && !sent.iter().any(|sent| sent.contains(SECRET)));
}

#[test]
fn masking_changes_no_verdict_of_the_rules_that_ship() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules");
    let rules = RuleSet::load_dir(&folder).unwrap();
    let mut examples = 0;
    for rule in rules.rules() {
        for example in rule.examples.hits.iter().chain(&rule.examples.near_misses) {
            let verdict = |text: &str| {
                let log = example.log.or(rule.log.first().copied()).unwrap_or(LogKind::DriverStderr);
                let log = LogText { log, name: String::new(), text: text.to_owned() };
                rules.classify_with(&[log], example.exit_code, &example.config).rule
            };
            assert_eq!(verdict(&mask_text(&example.text)), verdict(&example.text), "{}", rule.name);
            examples += 1;
        }
    }
    assert!(examples > 100, "{examples}");
}
