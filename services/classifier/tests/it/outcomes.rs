use paramedic_domain::{AttemptStatus, Configuration, OutcomeReport};

use crate::harness::{job, noon, start};

fn outcome(name: &str) -> OutcomeReport {
    OutcomeReport {
        job: job(name),
        application_id: None,
        config: Configuration::from_iter([
            ("spark.master", "yarn"),
            ("spark.executor.instances", "1"),
            ("spark.executor.memory", "3g"),
            ("spark.executor.memoryOverhead", "1g"),
            ("spark.driver.memory", "3g"),
            ("spark.driver.memoryOverhead", "1g"),
        ]),
        status: AttemptStatus::Succeeded,
        started_at: Some(noon().plus_seconds(-3600)),
        finished_at: Some(noon()),
        cost_usd: None,
        event_log: None,
    }
}

#[tokio::test]
async fn an_outcome_is_stored_once_and_priced_where_no_cost_is_reported() {
    let running = start(|_| {}).await;
    let first = running.client.report_outcome(&outcome("a")).await.unwrap();
    // A core and 4 GiB for an hour, twice.
    assert!((first.cost_usd.unwrap() - 2.0 * (0.0526 + 4.0 * 0.0058)).abs() < 1e-9, "{first:?}");
    assert_eq!(first.degraded, ["recommender_unavailable"]);

    let later = OutcomeReport { status: AttemptStatus::Failed, cost_usd: Some(9.0), ..outcome("a") };
    assert_eq!(running.client.report_outcome(&later).await.unwrap(), first);
    let reported = running.client.report_outcome(&OutcomeReport { cost_usd: Some(9.0), ..outcome("b") }).await.unwrap();
    assert_eq!(reported.cost_usd, Some(9.0));
}

#[tokio::test]
async fn an_outcome_that_nobody_keeps_is_not_accepted() {
    let running = start(|_| {}).await;
    running.store.close().await;
    let error = running.client.report_outcome(&outcome("a")).await.unwrap_err();
    assert_eq!(error.problem().unwrap().status, 503);
}
