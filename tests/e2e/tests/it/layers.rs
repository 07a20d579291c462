//! A failure of which the scheduler knows the application's id only.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    process::{Server, client},
    standalone::Cluster,
};

/// Longest time until the History Server has read an event log, which it looks for each second.
const HISTORY_TIMEOUT: Duration = Duration::from_mins(1);

fn failure(run: &str, application_id: &str) -> Value {
    json!({
        "job": {"scheduler": "airflow", "workflow": "layers", "job": "heap", "run": run, "attempt": 1},
        "application_id": application_id,
        "engine": {"kind": "spark"},
        "config": {"spark.executor.memory": "512m"},
    })
}

async fn wait_for_history(history: &str, application_id: &str) {
    let url = format!("{history}/api/v1/applications/{application_id}");
    let start = Instant::now();
    while !client().get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
        assert!(start.elapsed() < HISTORY_TIMEOUT, "the History Server does not know {application_id}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn decision(arguments: &[&str], run: &str, application_id: &str) -> Value {
    let data = TempDir::new().unwrap();
    let server = Server::start_with(data.path(), arguments).await;
    server.post("/v1/failures", &failure(run, application_id)).await
}

fn degraded_layers(decision: &Value) -> Vec<&str> {
    let degraded = decision["degraded"].as_array().unwrap().iter().filter_map(Value::as_str);
    degraded.filter(|part| part.starts_with("layer") || part.starts_with("log")).collect()
}

fn assert_heap(decision: &Value) {
    let classification = &decision["classification"];
    assert_eq!(classification["category"], "memory_configuration", "{decision:#}");
    assert_eq!(classification["memory_side"], "executor_heap", "{decision:#}");
    assert_eq!(decision["action"], "retry_with_config", "{decision:#}");
}

#[tokio::test]
async fn the_standalone_cluster_and_the_history_server_tell_what_the_scheduler_does_not_know() {
    let folder = TempDir::new().unwrap();
    let mut cluster = Cluster::start(folder.path()).await;
    let settings = ["spark.executor.memory=512m", "spark.driver.memory=512m", "spark.task.maxFailures=1"];
    let id = cluster.run_to_failure("heap_on_cluster.py", &settings).await;
    wait_for_history(&cluster.history, &id).await;

    let (master, history) = (["--spark-master-url", &cluster.master_page], ["--history-server-url", &cluster.history]);
    let (by_master, by_history) = tokio::join!(decision(&master, "master", &id), decision(&history, "history", &id));
    assert_heap(&by_master);
    assert_eq!(by_master["classification"]["evidence"][0]["log"], "executor.stderr", "{by_master:#}");
    assert_eq!(degraded_layers(&by_master), [""; 0], "{by_master:#}");
    // The History Server has the driver's view, the exit code, and names the workers' pages.
    assert_heap(&by_history);
    assert_eq!(by_history["classification"]["evidence"][0]["log"], "driver.stderr", "{by_history:#}");
    assert_eq!(degraded_layers(&by_history), [""; 0], "{by_history:#}");
    let matched = by_history["classification"]["matched"].as_array().unwrap();
    assert!(matched.contains(&json!("SparkExecutorExitOutOfMemory")), "by its exit code 52: {by_history:#}");

    // With the master gone the work folder still tells, and the decision says what was missed.
    cluster.stop();
    let work = cluster.work_folder().display().to_string();
    let gone = ["--spark-master-url", &cluster.master_page, "--spark-work-dir", &work];
    let by_folder = decision(&gone, "folder", &id).await;
    assert_heap(&by_folder);
    assert_eq!(
        degraded_layers(&by_folder),
        ["layer_incomplete:standalone: it cannot be reached; check --spark-master-url"],
        "{by_folder:#}"
    );
}
