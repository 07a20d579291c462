//! The classifier with a recommender that does not answer: the scheduler still gets its answer in time.

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    process::{Server, free_port},
    report::heap_failure,
};

/// The classifier gives the recommender three seconds; the rest is for logs, rules and the store on a busy machine.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

#[tokio::test]
async fn nobody_listens() {
    let url = format!("http://127.0.0.1:{}", free_port());
    let decision = decide_with_recommender_at(&url, "nobody").await;
    assert_eq!(decision["degraded"][0], "recommender_unavailable", "{decision}");
}

#[tokio::test]
async fn somebody_listens_and_never_answers() {
    // The kernel accepts connections of a listener that nobody asks for them.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let decision = decide_with_recommender_at(&url, "silence").await;
    assert_eq!(decision["degraded"][0], "recommender_unavailable", "{decision}");
}

#[tokio::test]
async fn the_three_services_as_processes_decide_together() {
    let data = TempDir::new().unwrap();
    let models = data.path().join("models").display().to_string();
    let recommender =
        Server::start_service("paramedic-recommender", data.path(), &["--models", "models", "--model-data", &models])
            .await;
    let decision = decide(&recommender.url, "together", &data).await;
    assert_eq!(decision["degraded"], serde_json::json!([]), "{decision}");
    assert_eq!(decision["action"], "retry_with_config", "{decision}");
    assert!(decision["patch"]["id"].is_string(), "{decision}");
}

async fn decide_with_recommender_at(url: &str, run: &str) -> Value {
    let data = TempDir::new().unwrap();
    let decision = decide(url, run, &data).await;
    assert!(decision["recommendation"].is_null(), "{decision}");
    assert_eq!(decision["classification"]["category"], "memory_configuration", "the rules still say what it was");
    decision
}

async fn decide(recommender_url: &str, run: &str, data: &TempDir) -> Value {
    let configsvc = Server::start_service("paramedic-configsvc", data.path(), &[]).await;
    let arguments = ["--recommender-url", recommender_url, "--configsvc-url", &configsvc.url, "--rules", "rules"];
    let classifier = Server::start_service("paramedic-classifier", data.path(), &arguments).await;
    let start = Instant::now();
    let decision = classifier.post("/v1/failures", &heap_failure(run)).await;
    assert!(start.elapsed() < ANSWER_TIMEOUT, "answered after {:?}", start.elapsed());
    decision
}
