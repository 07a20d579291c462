use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use paramedic_classifier::ClassifierConfig;
use paramedic_configsvc::ConfigState;
use paramedic_domain::{
    Action, AttemptRecord, AttemptStatus, Clock, Configuration, EventLogSummary, FailureId, Job, MutateRequest,
    NewPatch, OutcomeReport, PatchId, Recommendation, RecommendationId, RecommendationRequest, Scope, SkipCode,
    failure::EventLogSource,
};
use paramedic_service::{Auth, Client, PatchQuery, ServeOptions, Timeouts};
use paramedic_store::Store;
use serde_json::json;
use tokio::net::TcpListener;

use crate::harness::{HEAP, Running, inline, job, noon, report, silent_port, stand_in, start, start_on};

#[tokio::test]
async fn a_recommender_that_is_down_or_silent_is_missed_in_time() {
    let (silent, _listener) = silent_port().await;
    for url in [None, Some(silent)] {
        let running = start(|config| {
            if let Some(url) = url {
                config.peers.recommender_url = url;
            }
        })
        .await;
        let decide = async |name, log| running.client.report_failure(&report(name, vec![inline(log)])).await.unwrap();
        let started = Instant::now();
        let memory = decide("a", HEAP).await;
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
        assert_eq!((memory.action, memory.degraded), (Action::DoNotRetry, vec!["recommender_unavailable".to_owned()]));
        let unknown = decide("b", "what?").await;
        assert_eq!((unknown.action, unknown.classification.class.as_str()), (Action::DoNotRetry, "Unclassified"));
        assert_eq!(decide("c", "FetchFailedException").await.action, Action::RetryUnchanged);
    }
}

/// What a recommender was sent.
pub(crate) type Sent = Arc<Mutex<Vec<String>>>;

/// A recommender that says the same of everything: the search itself is not what is tested here.
async fn recommender(store: Store, action: Action, patch: serde_json::Value) -> (String, Sent) {
    let sent = Sent::default();
    let recommend = async move |State(sent): State<Sent>, Json(request): Json<RecommendationRequest>| {
        sent.lock().unwrap().push(format!("recommend {}", request.classification.class));
        Json(Recommendation {
            recommendation_id: RecommendationId::of(request.job.job.as_bytes()),
            action,
            model_version: None,
            config: request.config,
            patch: serde_json::from_value(patch).unwrap(),
            predicted: None,
            baseline: None,
            alternatives: vec![],
            explanation: vec!["More heap: 1g.".into()],
            evaluations: 1,
            elapsed_ms: 1.0,
            feasible: true,
            degraded: vec!["model_missing".into()],
        })
    };
    let record = async move |State(sent): State<Sent>, Json(attempt): Json<AttemptRecord>| {
        store.record_attempt(&attempt, noon()).await.unwrap();
        let followed = if attempt.recommendation_id.is_some() { " followed" } else { "" };
        let heap = attempt.config.get("spark.executor.memory").map_or("", String::as_str);
        sent.lock().unwrap().push(format!("attempt {} {heap}{followed}", attempt.job.attempt));
        StatusCode::CREATED
    };
    let app = Router::new().route("/v1/recommendations", post(recommend)).route("/v1/attempts", post(record));
    (stand_in(app.with_state(sent.clone())).await, sent)
}

/// The real configuration service.
async fn configsvc(store: Store) -> (String, Client) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let routes = paramedic_configsvc::routes(ConfigState::new(store, Clock::from_fn(noon)));
    let options = ServeOptions::new("configsvc", "0", Auth::Open);
    tokio::spawn(paramedic_service::serve(routes, options, listener, std::future::pending()));
    (base.clone(), Client::new(&base, None, Timeouts::default()).unwrap())
}

pub(crate) fn more_heap() -> serde_json::Value {
    json!([{"op": "add", "path": "/spark.executor.memory", "value": "1g"}])
}

pub(crate) async fn healing(
    patch: serde_json::Value,
    adjust: impl FnOnce(&mut ClassifierConfig),
) -> (Running, Client, Sent) {
    healing_at(Clock::from_fn(noon), patch, adjust).await
}

/// All on one store, as in real life.
pub(crate) async fn healing_at(
    clock: Clock,
    patch: serde_json::Value,
    adjust: impl FnOnce(&mut ClassifierConfig),
) -> (Running, Client, Sent) {
    let store = Store::open("sqlite::memory:").await.unwrap();
    let (recommender_url, sent) = recommender(store.clone(), Action::RetryWithConfig, patch).await;
    let (configsvc_url, configsvc) = configsvc(store.clone()).await;
    let running = start_on(store, clock, |config| {
        config.peers.recommender_url = recommender_url;
        config.peers.configsvc_url = configsvc_url;
        adjust(config);
    })
    .await;
    (running, configsvc, sent)
}

#[tokio::test]
async fn a_memory_failure_is_healed_by_a_patch_for_the_next_attempts() {
    let (running, configsvc, sent) = healing(more_heap(), |_| {}).await;
    let failure = report("a", vec![inline(HEAP)]);
    let decision = running.client.report_failure(&failure).await.unwrap();
    assert_eq!(
        (decision.action, decision.degraded.as_slice()),
        (Action::RetryWithConfig, &["model_missing".into()][..])
    );
    assert_eq!(*sent.lock().unwrap(), ["attempt 1 512m", "recommend ExecutorHeapOom"]);

    let patch = configsvc.patch(decision.patch.clone().unwrap().id).await.unwrap().unwrap();
    assert_eq!(patch.content.source, "recommender");
    assert_eq!(patch.content.expires_at, Some(noon().plus_seconds(7 * 24 * 3600)));
    assert_eq!(
        patch.content.reason.as_deref(),
        Some("Attempt 1 failed with ExecutorHeapOom: An executor ran out of Java heap. More heap: 1g.")
    );
    let mutate = async |attempt| {
        let request = MutateRequest { job: Job { attempt, ..job("a") }, config: failure.config.clone(), dry_run: true };
        configsvc.mutate(&request).await.unwrap().config["spark.executor.memory"].clone()
    };
    assert_eq!((mutate(1).await.as_str(), mutate(2).await.as_str()), ("512m", "1g"));
    let edited = [("spark.executor.memory", "700m")].into_iter().collect();
    let request = MutateRequest { job: Job { attempt: 2, ..job("a") }, config: edited, dry_run: true };
    let answer = configsvc.mutate(&request).await.unwrap();
    assert_eq!(
        (answer.config["spark.executor.memory"].as_str(), answer.skipped[0].code),
        ("700m", SkipCode::Precondition)
    );

    assert_eq!(running.client.report_failure(&failure).await.unwrap(), decision);
    assert_eq!(configsvc.patches(&PatchQuery::default()).await.unwrap().items.len(), 1);
    // The next attempt is known to have followed the recommendation, where it shows.
    let mut next = report("a", vec![inline(HEAP)]);
    next.job.attempt = 2;
    running.client.report_failure(&next).await.unwrap();
    // What the job's code or a stronger patch has set over it was not followed.
    assert_eq!(sent.lock().unwrap()[2], "attempt 2 512m");
    next.job.attempt = 3;
    next.config.insert("spark.executor.memory".into(), "1g".into());
    running.client.report_failure(&next).await.unwrap();
    assert_eq!(sent.lock().unwrap()[4], "attempt 3 1g followed");
}

#[tokio::test]
async fn a_report_that_was_cut_off_after_its_patch_finds_that_patch() {
    let (running, configsvc, _) = healing(more_heap(), |_| {}).await;
    let failure = report("a", vec![inline(HEAP)]);
    let key = FailureId::of(&failure.job.attempt_key()).to_string();
    let other = NewPatch {
        scope: Scope::next_attempts_of(&failure.job),
        patch: serde_json::from_value(json!([{"op": "add", "path": "/spark.executor.memory", "value": "2g"}])).unwrap(),
        source: "recommender".into(),
        ..NewPatch::default()
    };
    configsvc.create_patch(&other, Some(&key)).await.unwrap();
    let decision = running.client.report_failure(&failure).await.unwrap();
    assert_eq!((decision.action, decision.patch.unwrap().id), (Action::RetryWithConfig, PatchId::of(&key)));
    assert_eq!(configsvc.patches(&PatchQuery::default()).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn a_configuration_that_no_patch_carries_is_not_retried() {
    let down = crate::harness::closed_port().await;
    let (running, _, _) = healing(more_heap(), |config| config.peers.configsvc_url = down).await;
    let decision = running.client.report_failure(&report("a", vec![inline(HEAP)])).await.unwrap();
    assert_eq!((decision.action, decision.patch), (Action::DoNotRetry, None));
    assert_eq!(decision.degraded, ["model_missing", "configsvc_unavailable"]);

    let forbidden = json!([{"op": "add", "path": "/spark.driver.extraJavaOptions", "value": "-XX:OnError=sh"}]);
    for (patch, part) in [(forbidden, "configsvc_refused"), (json!([]), "recommendation_empty")] {
        let (running, _, _) = healing(patch, |_| {}).await;
        let decision = running.client.report_failure(&report("a", vec![inline(HEAP)])).await.unwrap();
        assert_eq!((decision.action, decision.degraded[1].as_str()), (Action::DoNotRetry, part));
    }
}

#[tokio::test]
async fn what_is_not_the_recommenders_business_is_forwarded_only() {
    let (running, _, sent) = healing(more_heap(), |_| {}).await;
    let decision = running.client.report_failure(&report("a", vec![inline("ZeroDivisionError")])).await.unwrap();
    assert_eq!((decision.action, decision.degraded.len()), (Action::DoNotRetry, 0));
    assert_eq!(*sent.lock().unwrap(), ["attempt 1 512m"]);
}

#[tokio::test]
async fn what_the_event_log_says_was_used_wins_over_what_was_submitted() {
    const EVENT_LOG: &str = concat!(
        r#"{"Event":"SparkListenerLogStart","Spark Version":"4.1.4"}"#,
        "\n",
        r#"{"Event":"SparkListenerEnvironmentUpdate","Spark Properties":{"spark.executor.memory":"700m"}}"#,
        "\n"
    );
    let compressed = zstd::encode_all(EVENT_LOG.as_bytes(), 3).unwrap();
    let app = Router::new().route("/log", get(async || EVENT_LOG)).route("/log.zstd", get(async move || compressed));
    let host = stand_in(app).await;
    let (running, _, sent) = healing(more_heap(), |_| {}).await;
    let on_disk = running.folder.path().join("logs/app-1");
    std::fs::write(&on_disk, EVENT_LOG).unwrap();
    for (name, url) in [
        ("http", format!("{host}/log")),
        ("compressed", format!("{host}/log.zstd")),
        ("file", format!("file://{}", on_disk.display())),
    ] {
        let mut failure = report(name, vec![inline(HEAP)]);
        failure.event_log = Some(EventLogSource { url });
        let decision = running.client.report_failure(&failure).await.unwrap();
        assert_eq!(decision.degraded, ["model_missing"], "{name}");
        assert_eq!(sent.lock().unwrap().drain(..).next().unwrap(), "attempt 1 700m", "{name}");
    }
    // A summary that the reporter made wins over the log.
    let mut failure = report("summary", vec![inline(HEAP)]);
    failure.event_log = Some(EventLogSource { url: format!("{host}/nothing") });
    failure.event_log_summary = Some(EventLogSummary {
        spark_properties: [("spark.executor.memory".to_owned(), "800m".to_owned())].into(),
        ..EventLogSummary::default()
    });
    running.client.report_failure(&failure).await.unwrap();
    assert_eq!(sent.lock().unwrap()[0], "attempt 1 800m");
}

#[tokio::test]
async fn an_outcome_reaches_the_recommender_with_what_it_followed() {
    let (running, _, sent) = healing(more_heap(), |_| {}).await;
    let failure = report("a", vec![inline(HEAP)]);
    running.client.report_failure(&failure).await.unwrap();
    let outcome = OutcomeReport {
        job: Job { attempt: 2, ..job("a") },
        application_id: None,
        config: Configuration::from_iter([("spark.executor.memory", "1g")]),
        status: AttemptStatus::Succeeded,
        started_at: None,
        finished_at: None,
        cost_usd: None,
        event_log: None,
    };
    let receipt = running.client.report_outcome(&outcome).await.unwrap();
    assert_eq!((receipt.cost_usd, receipt.degraded.len()), (None, 0));
    assert_eq!(sent.lock().unwrap()[2], "attempt 2 1g followed");
}
