//! What becomes of real failing jobs.

use serde_json::Value;
use tempfile::TempDir;

use crate::{process::Server, spark::submit};

fn attempts(report: &Value) -> &Vec<Value> {
    report["attempts"].as_array().unwrap()
}

#[tokio::test]
async fn a_heap_that_is_too_small_is_healed() {
    let (data, workdir) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let server = Server::start(data.path()).await;
    let conf = [
        "spark.master=local-cluster[1,1,4096]",
        "spark.executor.memory=512m",
        "spark.task.maxFailures=1",
        "spark.sql.shuffle.partitions=1",
    ];
    let report = submit(&server, workdir.path(), &conf, "collect_history.py", &[]).await;

    assert_eq!(report["healed"], true, "{report:#}");
    let first = &attempts(&report)[0];
    assert_ne!(first["exit_code"], 0, "{report:#}");
    assert_eq!(first["decision"]["action"], "retry_with_config", "{report:#}");
    assert_eq!(first["decision"]["classification"]["category"], "memory_configuration");
    let evidence = first["decision"]["classification"]["evidence"][0]["text"].as_str().unwrap();
    assert!(!evidence.is_empty());

    // The success is recorded, and the patch lives on for tomorrow's run.
    let stored = server.get("/v1/failures?workflow=e2e").await;
    assert_eq!(stored["items"].as_array().unwrap().len(), attempts(&report).len() - 1);
    assert!(attempts(&report).last().unwrap()["cost_usd"].as_f64().unwrap() > 0.0);
    let failure = server.get(&format!("/v1/failures/{}", first["decision"]["failure_id"].as_str().unwrap())).await;
    assert_eq!(failure, first["decision"], "what was stored is what was answered");
}

#[tokio::test]
async fn a_missing_table_is_not_retried() {
    let (data, workdir) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let server = Server::start(data.path()).await;
    let report = submit(&server, workdir.path(), &["spark.master=local[1]"], "missing_table.py", &[]).await;

    assert_eq!(report["healed"], false, "{report:#}");
    assert_eq!(attempts(&report).len(), 1, "{report:#}");
    let decision = &attempts(&report)[0]["decision"];
    assert_eq!(decision["action"], "do_not_retry", "{decision:#}");
    assert_eq!(decision["classification"]["category"], "user_sql", "{decision:#}");
    assert!(decision["patch"].is_null(), "{decision:#}");
}

#[tokio::test]
async fn a_reset_connection_is_retried_unchanged() {
    let (data, workdir) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let server = Server::start(data.path()).await;
    let marker = workdir.path().join("was-here").display().to_string();
    let report = submit(&server, workdir.path(), &["spark.master=local[1]"], "reset_once.py", &[&marker]).await;

    assert_eq!(report["healed"], true, "{report:#}");
    assert_eq!(attempts(&report).len(), 2, "{report:#}");
    let decision = &attempts(&report)[0]["decision"];
    assert_eq!(decision["action"], "retry_unchanged", "{decision:#}");
    assert_eq!(decision["classification"]["category"], "transient_infrastructure", "{decision:#}");
    assert_eq!(attempts(&report)[1]["config_changes"], serde_json::json!({}), "{report:#}");
}
