//! The service around the decisions: idempotency, degradation, bad input, models.

use paramedic_domain::{Action, MemorySide};
use paramedic_service::ClientError;

use crate::server::{Server, base_models, job, request};

fn heap_request() -> paramedic_domain::RecommendationRequest {
    request(MemorySide::ExecutorHeap, &[("spark.executor.memory", "1g")], &[])
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer() {
    let server = Server::start(Some(base_models())).await;
    let first = server.client.recommend(&heap_request()).await.unwrap();
    let second = server.client.recommend(&heap_request()).await.unwrap();
    assert_eq!(first, second);
}

#[tokio::test]
async fn two_servers_with_empty_stores_decide_alike() {
    let (one, other) = (Server::start(Some(base_models())).await, Server::start(Some(base_models())).await);
    let mut first = one.client.recommend(&heap_request()).await.unwrap();
    let second = other.client.recommend(&heap_request()).await.unwrap();
    first.elapsed_ms = second.elapsed_ms;
    assert_eq!(first, second);
}

#[tokio::test]
async fn without_a_model_the_failing_sides_memory_is_escalated_plainly() {
    let server = Server::start(None).await;
    let recommendation = server.client.recommend(&heap_request()).await.unwrap();
    assert_eq!(recommendation.degraded, ["model_missing"]);
    assert_eq!(recommendation.action, Action::RetryWithConfig);
    assert_eq!(recommendation.config.get("spark.executor.memory").map(String::as_str), Some("2g"));
    assert_eq!(recommendation.predicted, None);
}

#[tokio::test]
async fn a_damaged_model_is_not_used() {
    let dir = tempfile::tempdir().unwrap();
    let version = dir.path().join("base-1");
    std::fs::create_dir(&version).unwrap();
    std::fs::copy(base_models().join("base-1/manifest.json"), version.join("manifest.json")).unwrap();
    std::fs::write(version.join("weights.safetensors"), b"not weights").unwrap();
    let server = Server::start(Some(dir.path().to_owned())).await;
    let recommendation = server.client.recommend(&heap_request()).await.unwrap();
    assert_eq!(recommendation.degraded, ["model_missing"]);
}

#[tokio::test]
async fn a_size_that_spark_refuses_names_its_key() {
    let server = Server::start(Some(base_models())).await;
    for size in ["-1g", "1.5g", "lots", "99999999999999t"] {
        let refused = server
            .client
            .recommend(&request(MemorySide::ExecutorHeap, &[("spark.executor.memory", size)], &[]))
            .await
            .unwrap_err();
        let ClientError::Problem(problem) = refused else { panic!("{size}: {refused:?}") };
        assert_eq!(problem.status, 422, "{size}");
        assert_eq!(problem.errors[0].pointer, "/config/spark.executor.memory", "{size}");
    }
}

#[tokio::test]
async fn models_are_listed_promoted_and_rolled_back() {
    let server = Server::start(Some(base_models())).await;
    let listed = server.client.models().await.unwrap();
    assert_eq!(listed.items.iter().filter(|model| model.champion).count(), 1);
    let copy = server.data.path().join("models/trained-1");
    std::fs::create_dir_all(&copy).unwrap();
    let base = base_models().join("base-1");
    let manifest = std::fs::read_to_string(base.join("manifest.json")).unwrap();
    std::fs::write(copy.join("manifest.json"), manifest.replace("\"base-1\"", "\"trained-1\"")).unwrap();
    std::fs::copy(base.join("weights.safetensors"), copy.join("weights.safetensors")).unwrap();
    server.client.promote_model("trained-1").await.unwrap();
    let recommendation = server.client.recommend(&heap_request()).await.unwrap();
    assert_eq!(recommendation.model_version.as_deref(), Some("trained-1"));
    assert_eq!(server.client.rollback_model().await.unwrap().manifest.version, "base-1");
    let missing = server.client.promote_model("nothing").await.unwrap_err();
    assert!(matches!(missing, ClientError::Problem(problem) if problem.status == 404));
}

#[tokio::test]
async fn an_attempt_is_recorded_once() {
    let server = Server::start(None).await;
    let record: paramedic_domain::AttemptRecord =
        serde_json::from_value(serde_json::json!({"job": job(1), "config": {}, "status": "succeeded"})).unwrap();
    server.client.record_attempt(&record).await.unwrap();
    server.client.record_attempt(&record).await.unwrap();
}
