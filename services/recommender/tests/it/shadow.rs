//! A challenger that scores without deciding.

use std::{path::Path, time::Duration};

use paramedic_domain::{AttemptRecord, MemorySide, RecommendationRequest};

use crate::server::{Server, base_models, job, request};

/// The base model under another name, as a version that was trained here.
fn copy_base(models: &Path, version: &str) {
    let (copy, base) = (models.join(version), base_models().join("base-1"));
    std::fs::create_dir_all(&copy).unwrap();
    let manifest = std::fs::read_to_string(base.join("manifest.json")).unwrap();
    std::fs::write(copy.join("manifest.json"), manifest.replace("\"base-1\"", &format!("\"{version}\""))).unwrap();
    std::fs::copy(base.join("weights.safetensors"), copy.join("weights.safetensors")).unwrap();
}

fn heap_request() -> RecommendationRequest {
    request(MemorySide::ExecutorHeap, &[("spark.executor.memory", "1g"), ("spark.master", "yarn")], &[])
}

#[tokio::test]
async fn a_challenger_is_counted_and_compared_and_decides_nothing() {
    let server = Server::start(Some(base_models())).await;
    copy_base(&server.data.path().join("models"), "trained-1");
    assert_eq!(server.client.shadow_report().await.unwrap().challenger, None);
    let listing = server.client.shadow_model("trained-1").await.unwrap();
    assert!(listing.challenger && !listing.champion);

    let given = server.client.recommend(&heap_request()).await.unwrap();
    assert_eq!(given.model_version.as_deref(), Some("base-1"));
    let followed: AttemptRecord = serde_json::from_value(serde_json::json!({
        "job": job(2), "config": given.config, "status": "succeeded", "recommendation_id": given.recommendation_id
    }))
    .unwrap();
    server.client.record_attempt(&followed).await.unwrap();
    // It is scored behind the answer.
    let report = loop {
        let report = server.client.shadow_report().await.unwrap();
        if report.decisions > 0 {
            break report;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    // The same weights and the same seed decide alike, and lose alike.
    assert_eq!((report.decisions, report.same_action, report.same_config, report.outcomes), (1, 1, 1, 1));
    assert!((report.log_loss.unwrap() - report.champion_log_loss.unwrap()).abs() < 1e-9, "{report:?}");

    server.client.promote_model("trained-1").await.unwrap();
    assert_eq!(server.client.shadow_report().await.unwrap().challenger, None, "who decides needs no shadow");
    server.client.shadow_model("base-1").await.unwrap();
    server.client.stop_shadow().await.unwrap();
    assert!(server.client.models().await.unwrap().items.iter().all(|model| !model.challenger));
}

#[tokio::test]
async fn a_champion_that_another_process_promoted_is_taken_without_a_restart() {
    let server = Server::start(Some(base_models())).await;
    let models = server.data.path().join("models");
    copy_base(&models, "trained-1");
    std::fs::write(models.join("champion.json"), r#"{"champion": "trained-1", "earlier": ["base-1"]}"#).unwrap();
    loop {
        let listed = server.client.models().await.unwrap().items;
        if listed.iter().any(|model| model.champion && model.manifest.version == "trained-1") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // One that does not load leaves the last good one in use.
    std::fs::write(models.join("champion.json"), r#"{"champion": "gone", "earlier": []}"#).unwrap();
    assert_eq!(server.client.rollback_model().await.unwrap_err().problem().unwrap().status, 409);
    assert!(server.client.models().await.unwrap().items.iter().any(|model| model.champion));
}
