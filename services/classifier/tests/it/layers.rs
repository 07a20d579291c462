//! What the cluster's layers know decides, and what they do not is said. The layers themselves are tested in their crate.

use axum::{Router, extract::Request, http::StatusCode, response::IntoResponse};
use paramedic_classifier::ClassifierConfig;
use paramedic_domain::{Decision, FailureReport, LogKind, LogSource};

use crate::harness::{Running, closed_port, report, stand_in, start};

const POD_RULE: &str = r"
rules:
  - name: ExecutorContainerOomKilled
    source: kubernetes
    log: [orchestrator]
    summary: Kubernetes killed an executor's container.
    category: memory_configuration
    memory_side: executor_overhead
    restartable: false
    container_reason: [OOMKilled]
    container_role: executor
    examples:
      match: [{containers: [{role: executor, reason: OOMKilled, exit_code: 137}]}]
      no_match: [{containers: [{role: driver, reason: OOMKilled, exit_code: 137}]}]
";
const APP: &str = "spark-0123456789abcdef0123456789abcdef";

/// An API server whose only pod ended so, and has this log.
async fn api_server(reason: &str, log: &'static str) -> String {
    let pods = serde_json::json!({"kind": "PodList", "items": [{
        "metadata": {"name": "sales-exec-1", "labels": {"spark-role": "executor", "spark-exec-id": "1"}},
        "spec": {"containers": [{"name": "spark-kubernetes-executor"}]},
        "status": {"phase": "Failed", "containerStatuses": [{
            "name": "spark-kubernetes-executor",
            "state": {"terminated": {"exitCode": 137, "reason": reason}},
        }]},
    }]});
    let pods = pods.to_string();
    let answer = async move |request: Request| match request.uri().path() {
        "/api/v1/namespaces/default/pods" => pods.into_response(),
        "/api/v1/namespaces/default/pods/sales-exec-1/log" => log.into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    };
    stand_in(Router::new().fallback(answer)).await
}

fn asks(server: &str) -> impl FnOnce(&mut ClassifierConfig) {
    let kubernetes = paramedic_cluster::KubernetesConfig { api_url: server.parse().ok(), ..Default::default() };
    move |config| {
        std::fs::write(config.rules_dir.join("20-pods.yaml"), POD_RULE).unwrap();
        config.collect.cluster.kubernetes = Some(kubernetes);
    }
}

async fn decide(running: &Running, report: &FailureReport) -> Decision {
    running.client.report_failure(report).await.unwrap()
}

fn layers(decision: &Decision) -> Vec<&str> {
    decision.degraded.iter().map(String::as_str).filter(|part| part.starts_with('l')).collect()
}

#[tokio::test]
async fn how_a_pod_ended_decides_where_no_log_does() {
    let running = start(asks(&api_server("OOMKilled", "INFO all is well\n").await)).await;
    let mut report = report("a", vec![]);
    report.application_id = Some(APP.into());
    let decision = decide(&running, &report).await;
    assert_eq!(decision.classification.class, "ExecutorContainerOomKilled");
    assert_eq!(layers(&decision), [""; 0]);
}

#[tokio::test]
async fn secrets_in_a_layers_log_are_masked() {
    let log = "java.lang.OutOfMemoryError: Java heap space with password=hunter2\n";
    let running = start(asks(&api_server("Error", log).await)).await;
    let mut report = report("a", vec![]);
    report.application_id = Some(APP.into());
    let decision = decide(&running, &report).await;
    assert_eq!(decision.classification.class, "ExecutorHeapOom");
    assert!(!serde_json::to_string(&decision).unwrap().contains("hunter2"));
}

#[tokio::test]
async fn a_layer_that_is_down_is_said_and_the_rest_decides() {
    let running = start(asks(&closed_port().await)).await;
    // The report names no application; its log does.
    let text = format!("spark-app-selector -> {APP}\nZeroDivisionError\n");
    let log = LogSource { log: LogKind::DriverStderr, text: Some(text), url: None };
    let mut with_log = report("a", vec![log]);
    with_log.application_id = None;
    let decision = decide(&running, &with_log).await;
    assert_eq!(decision.classification.class, "DivisionByZero");
    let down = "layer_unavailable:kubernetes: it cannot be reached; check --kubernetes-api-url";
    assert_eq!(layers(&decision), [down]);

    // Without any log that is said too.
    let mut without = report("b", vec![]);
    without.application_id = Some(APP.into());
    assert_eq!(layers(&decide(&running, &without).await), ["logs_missing", down]);
}
