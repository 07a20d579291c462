use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use paramedic_classifier::{Classifier, ClassifierConfig};
use paramedic_domain::{Clock, MatchRequest};
use paramedic_service::FailureQuery;
use paramedic_store::Store;

use crate::harness::{HEAP, RULES, Running, inline, report, start};

fn rule_file(running: &Running) -> PathBuf {
    running.folder.path().join("rules/10-test.yaml")
}

#[tokio::test]
async fn rules_are_listed_in_order_and_found_by_name() {
    let running = start(|_| {}).await;
    let names: Vec<_> = running.client.rules().await.unwrap().items.iter().map(|rule| rule["name"].clone()).collect();
    assert_eq!(names, ["ExecutorHeapOom", "DivisionByZero", "FetchFailed"]);
    let rule = running.client.rule("FetchFailed").await.unwrap().unwrap();
    assert_eq!(rule["category"], "transient_infrastructure");
    assert_eq!(running.client.rule("No/Such Rule").await.unwrap(), None);
}

#[tokio::test]
async fn a_dry_run_classifies_and_stores_nothing() {
    let running = start(|_| {}).await;
    let request = MatchRequest { logs: vec![inline(HEAP)], ..MatchRequest::default() };
    let answer = running.client.match_rules(&request).await.unwrap();
    assert_eq!(answer.classification.class, "ExecutorHeapOom");
    assert_eq!(running.client.failures(&FailureQuery::default()).await.unwrap().items, []);
}

#[tokio::test]
async fn a_reload_takes_good_files_and_keeps_the_last_good_set_otherwise() {
    let running = start(|_| {}).await;
    let shorter = RULES.split("  - name: FetchFailed").next().unwrap();
    std::fs::write(rule_file(&running), shorter).unwrap();
    assert_eq!(running.client.reload_rules().await.unwrap().rules, 2);

    let broken =
        shorter.replace("ZeroDivisionError'", "(unclosed'").replace("category: memory_configuration", "category: x");
    std::fs::write(rule_file(&running), broken).unwrap();
    let error = running.client.reload_rules().await.unwrap_err();
    let problem = error.problem().unwrap();
    assert_eq!(problem.status, 422);
    let all: Vec<_> = problem.errors.iter().map(|error| error.detail.as_str()).collect();
    let all = all.join("\n");
    assert!(all.contains("ExecutorHeapOom") && all.contains("DivisionByZero") && all.contains("10-test.yaml"), "{all}");
    assert_eq!(running.client.rules().await.unwrap().items.len(), 2);
}

/// Waits until `holds` does.
async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let started = Instant::now();
    let mut looks = tokio::time::interval(Duration::from_millis(20));
    while !holds().await {
        assert!(started.elapsed() < Duration::from_secs(10), "{what}");
        looks.tick().await;
    }
}

async fn text_of(running: &Running, path: &str) -> String {
    reqwest::get(format!("{}{path}", running.base)).await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn changed_files_are_taken_without_being_asked_and_bad_ones_are_not() {
    let running = start(|_| {}).await;
    let request = MatchRequest { logs: vec![inline(HEAP)], ..MatchRequest::default() };
    let first = running.client.match_rules(&request).await.unwrap().classification.rules_version.unwrap();
    let rules = async || running.client.rules().await.unwrap().items.len();

    let shorter = RULES.split("  - name: FetchFailed").next().unwrap();
    std::fs::write(rule_file(&running), shorter).unwrap();
    until("the change is taken", async || rules().await == 2).await;
    let second = running.client.match_rules(&request).await.unwrap().classification.rules_version.unwrap();
    assert_ne!(first, second);

    std::fs::write(rule_file(&running), shorter.replace("ZeroDivisionError'", "(unclosed'")).unwrap();
    until("the fault is told", async || text_of(&running, "/readyz").await.contains("10-test.yaml")).await;
    assert!(text_of(&running, "/readyz").await.starts_with("ready\nwarning: "));
    assert_eq!(rules().await, 2);

    std::fs::write(rule_file(&running), RULES).unwrap();
    until("the mend is taken", async || rules().await == 3).await;
    assert_eq!(text_of(&running, "/readyz").await, "ready\n");
}

#[tokio::test]
async fn each_rule_is_counted() {
    let running = start(|_| {}).await;
    running.client.report_failure(&report("a", vec![inline(&format!("{HEAP}\nZeroDivisionError"))])).await.unwrap();
    let counts = async |rule: &str| running.client.rule(rule).await.unwrap().unwrap()["counts"].clone();
    assert_eq!(counts("ExecutorHeapOom").await, serde_json::json!({"matched": 1, "decided": 1}));
    assert_eq!(counts("DivisionByZero").await, serde_json::json!({"matched": 1, "decided": 0}));
    assert_eq!(counts("FetchFailed").await, serde_json::json!({"matched": 0, "decided": 0}));
}

#[tokio::test]
async fn with_wrong_rules_it_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.yaml"), "rules: [{name: 1}]").unwrap();
    let config = ClassifierConfig { rules_dir: folder.path().to_owned(), ..ClassifierConfig::default() };
    let store = Store::open("sqlite::memory:").await.unwrap();
    let refused = Classifier::start(&config, store, Clock::system()).err().unwrap();
    assert!(refused.to_string().contains("a.yaml"), "{refused}");
}
