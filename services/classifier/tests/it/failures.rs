use std::time::Duration;

use paramedic_classifier::ClassifierConfig;
use paramedic_domain::{Action, Category, FailureId};
use paramedic_service::{Client, ClientError, FailureQuery, Timeouts, client::http_client};
use paramedic_store::Store;
use tokio::net::TcpListener;

use crate::harness::{HEAP, RULES, closed_port, inline, job, report, silent_port, start, start_on, stepping_clock};

#[tokio::test]
async fn a_class_with_nothing_to_heal_follows_its_rule() {
    let running = start(|_| {}).await;
    let user_code = running.client.report_failure(&report("a", vec![inline("ZeroDivisionError: x")])).await.unwrap();
    assert_eq!(
        (user_code.classification.class.as_str(), user_code.classification.category, user_code.action),
        ("DivisionByZero", Category::UserCode, Action::DoNotRetry)
    );
    assert_eq!(user_code.classification.evidence[0].text, "ZeroDivisionError: x");
    let transient = running.client.report_failure(&report("b", vec![inline("FetchFailedException")])).await.unwrap();
    assert_eq!(transient.action, Action::RetryUnchanged);
    assert_eq!((user_code.recommendation, user_code.patch), (None, None));
}

#[tokio::test]
async fn a_repeated_report_gets_the_stored_decision_even_with_other_logs() {
    let store = Store::open("sqlite::memory:").await.unwrap();
    let running = start_on(store, stepping_clock(), |_| {}).await;
    let first = running.client.report_failure(&report("a", vec![inline(HEAP)])).await.unwrap();
    let second = running.client.report_failure(&report("a", vec![inline("ZeroDivisionError")])).await.unwrap();
    assert_eq!(first, second);
    assert_eq!(first.classification.class, "ExecutorHeapOom");
    assert_eq!(running.client.failure(first.failure_id).await.unwrap(), Some(first));
    assert_eq!(running.client.failures(&FailureQuery::default()).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn reports_of_one_failure_at_the_same_time_give_one_decision() {
    let store = Store::open("sqlite::memory:").await.unwrap();
    let running = start_on(store, stepping_clock(), |_| {}).await;
    let logs = [HEAP, "ZeroDivisionError", "FetchFailedException", ""];
    let reports = (0..16).map(|index| report("a", vec![inline(logs[index % 4])]));
    let calls = reports.map(|report| {
        let client = running.client.clone();
        async move { client.report_failure(&report).await.unwrap() }
    });
    let decisions = futures::future::join_all(calls).await;
    assert!(decisions.iter().all(|decision| *decision == decisions[0]));
}

#[tokio::test]
async fn another_attempt_run_or_job_is_another_failure() {
    let running = start(|_| {}).await;
    let mut ids = vec![];
    for (name, run, attempt) in [("a", "r", 1), ("a", "r", 2), ("a", "s", 1), ("b", "r", 1)] {
        let mut report = report(name, vec![inline(HEAP)]);
        report.job.run = run.into();
        report.job.attempt = attempt;
        ids.push(running.client.report_failure(&report).await.unwrap().failure_id);
    }
    let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
    assert_eq!(distinct.len(), 4);
}

#[tokio::test]
async fn names_with_quotes_are_names_and_a_newline_is_refused() {
    let running = start(|_| {}).await;
    let name = r#"it's "quoted"; drop table decisions; --"#;
    let decision = running.client.report_failure(&report(name, vec![inline(HEAP)])).await.unwrap();
    assert_eq!(decision.job.job, name);
    let query = FailureQuery { job: Some(name.into()), ..FailureQuery::default() };
    assert_eq!(running.client.failures(&query).await.unwrap().items, [decision]);

    let error = running.client.report_failure(&report("two\nlines", vec![])).await.unwrap_err();
    let problem = error.problem().unwrap();
    assert_eq!((problem.status, problem.errors[0].pointer.as_str()), (422, "/job/job"));
}

#[tokio::test]
async fn malformed_json_and_unknown_fields_are_refused_by_place() {
    let running = start(|_| {}).await;
    let http = http_client(Timeouts::default()).unwrap();
    let url = format!("{}/v1/failures", running.base);
    let post = |body: String| http.post(&url).header("content-type", "application/json").body(body).send();
    assert_eq!(post("{".into()).await.unwrap().status(), 400);

    let mut body = serde_json::to_value(report("a", vec![inline(HEAP)])).unwrap();
    body["logs"][0]["txt"] = "typo".into();
    let answer: serde_json::Value = post(body.to_string()).await.unwrap().json().await.unwrap();
    assert_eq!((&answer["status"], &answer["errors"][0]["pointer"]), (&422.into(), &"/logs/0/txt".into()));

    let mut body = serde_json::to_value(report("a", vec![inline(HEAP)])).unwrap();
    body["logs"][0]["url"] = "http://also".into();
    let answer: serde_json::Value = post(body.to_string()).await.unwrap().json().await.unwrap();
    assert_eq!((&answer["status"], &answer["errors"][0]["pointer"]), (&422.into(), &"/logs/0".into()));
}

#[tokio::test]
async fn an_empty_log_and_no_log_are_unclassified_and_said_to_be() {
    let running = start(|_| {}).await;
    let empty = running.client.report_failure(&report("a", vec![inline("")])).await.unwrap();
    assert_eq!((empty.classification.class.as_str(), empty.action), ("Unclassified", Action::DoNotRetry));
    assert_eq!(empty.degraded, ["log_empty:driver.stderr", "recommender_unavailable"]);
    let none = running.client.report_failure(&report("b", vec![])).await.unwrap();
    assert_eq!(none.degraded, ["logs_missing", "recommender_unavailable"]);
}

#[tokio::test]
async fn lists_are_filtered_paged_and_newest_first() {
    let store = Store::open("sqlite::memory:").await.unwrap();
    let running = start_on(store, stepping_clock(), |_| {}).await;
    for (name, log) in [("a", HEAP), ("b", "ZeroDivisionError"), ("c", HEAP)] {
        running.client.report_failure(&report(name, vec![inline(log)])).await.unwrap();
    }
    let jobs = |page: &paramedic_domain::Page<paramedic_domain::Decision>| -> Vec<String> {
        page.items.iter().map(|decision| decision.job.job.clone()).collect()
    };
    let query = FailureQuery { category: Some(Category::MemoryConfiguration), ..FailureQuery::default() };
    assert_eq!(jobs(&running.client.failures(&query).await.unwrap()), ["c", "a"]);

    let query = FailureQuery { limit: Some(2), ..FailureQuery::default() };
    let first = running.client.failures(&query).await.unwrap();
    assert_eq!(jobs(&first), ["c", "b"]);
    let query = FailureQuery { cursor: first.next_cursor, ..query };
    let last = running.client.failures(&query).await.unwrap();
    assert_eq!((jobs(&last), last.next_cursor), (vec!["a".to_owned()], None));

    let query = FailureQuery { cursor: Some("nonsense".into()), ..query };
    let error = running.client.failures(&query).await.unwrap_err();
    assert!(matches!(error, ClientError::Problem(ref problem) if problem.errors[0].pointer == "/cursor"), "{error}");
}

#[tokio::test]
async fn what_nobody_reported_is_not_found() {
    let running = start(|_| {}).await;
    assert_eq!(running.client.failure(FailureId::of(&job("x").attempt_key())).await.unwrap(), None);
}

#[tokio::test]
async fn without_a_store_the_rules_still_answer() {
    let running = start(|_| {}).await;
    running.store.close().await;
    let decision = running.client.report_failure(&report("a", vec![inline("FetchFailedException")])).await.unwrap();
    assert_eq!((decision.classification.class.as_str(), decision.action), ("FetchFailed", Action::RetryUnchanged));
    assert!(decision.degraded.contains(&"store_unavailable".to_owned()), "{:?}", decision.degraded);
}

#[tokio::test]
async fn a_scheduler_that_hangs_up_finds_the_decision_later() {
    let (silent, _listener) = silent_port().await;
    let running = start(|config| config.peers.recommender_url = silent).await;
    let impatient = Timeouts { total: Duration::from_millis(200), ..Timeouts::default() };
    let impatient = Client::new(&running.base, None, impatient).unwrap();
    let error = impatient.report_failure(&report("a", vec![inline(HEAP)])).await.unwrap_err();
    assert!(matches!(error, ClientError::TimedOut { .. }), "{error}");
    let id = FailureId::of(&job("a").attempt_key());
    let found = async {
        loop {
            if let Some(decision) = running.client.failure(id).await.unwrap() {
                return decision;
            }
        }
    };
    let decision = tokio::time::timeout(Duration::from_secs(20), found).await.unwrap();
    assert_eq!(decision.classification.class, "ExecutorHeapOom");
}

#[tokio::test]
async fn a_restart_keeps_decisions() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("rules")).unwrap();
    std::fs::write(folder.path().join("rules/a.yaml"), RULES).unwrap();
    let mut config = ClassifierConfig {
        database_url: format!("sqlite://{}", folder.path().join("paramedic.db").display()),
        rules_dir: folder.path().join("rules"),
        ..ClassifierConfig::default()
    };
    config.peers.recommender_url = closed_port().await;
    let mut decisions = vec![];
    for log in [HEAP, "ZeroDivisionError"] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let served = tokio::spawn(paramedic_classifier::serve(config.clone(), listener, async {
            let _ = stopped.await;
        }));
        let client = Client::new(&base, None, Timeouts::default()).unwrap();
        decisions.push(client.report_failure(&report("a", vec![inline(log)])).await.unwrap());
        drop((client, stop));
        served.await.unwrap().unwrap();
    }
    assert_eq!(decisions[0], decisions[1]);
}

#[tokio::test]
async fn more_reports_than_may_wait_are_refused_to_be_sent_again() {
    let (silent, _listener) = silent_port().await;
    let running = start(|config| {
        config.peers.recommender_url = silent;
        config.decision.reports_max = 1;
        config.decision.reports_waiting_max = 1;
    })
    .await;
    let reports = ["a", "b", "c", "d"].map(|name| report(name, vec![inline(HEAP)]));
    let answers = futures::future::join_all(reports.iter().map(|report| running.client.report_failure(report))).await;
    let refused: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().err()?.problem()).collect();
    assert_eq!(refused.iter().map(|problem| problem.status).collect::<Vec<_>>(), [503, 503]);
    for report in &reports {
        assert!(running.client.report_failure(report).await.is_ok());
    }
}
