//! Less memory for jobs that succeed: proposed from peaks and the model, applied in steps.

use paramedic_configsvc::ConfigState;
use paramedic_domain::{AttemptRecord, Clock, PatchStatus, right_sizing::RightSizingRequest};
use paramedic_service::{Auth, Client, RightSizingQuery, ServeOptions, Timeouts};
use paramedic_store::Store;
use tokio::net::TcpListener;

use crate::server::{Server, base_models};

fn run(number: u32, memory: &str) -> AttemptRecord {
    serde_json::from_value(serde_json::json!({
        "job": {"scheduler": "s", "workflow": "w", "job": "j", "run": number.to_string(), "attempt": 1},
        "config": {"spark.executor.memory": memory, "spark.master": "yarn", "spark.executor.instances": "10"},
        "status": "succeeded",
        "evidence": {"duration_s": 3600.0, "event_log": {"executor_heap_peak_bytes": u64::from(2_000 + number % 3 * 20) * 1_048_576}}
    }))
    .unwrap()
}

/// A configuration service on a store of its own: the recommender reaches it over HTTP only.
async fn configsvc() -> Client {
    let store = Store::open("sqlite::memory:").await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let routes = paramedic_configsvc::routes(ConfigState::new(store, Clock::system()));
    let options = ServeOptions::new("configsvc", "0", Auth::Open);
    tokio::spawn(paramedic_service::serve(routes, options, listener, std::future::pending()));
    Client::new(&base, None, Timeouts::default()).unwrap()
}

#[tokio::test]
async fn a_step_is_proposed_with_its_risk_and_applied_once() {
    let configsvc = configsvc().await;
    let server = Server::start_beside(Some(base_models()), Some(configsvc.clone())).await;
    let query = RightSizingQuery { workflow: Some("w".into()), ..RightSizingQuery::default() };
    assert_eq!(server.client.right_sizing(&query).await.unwrap().items, []);
    for number in 0..6 {
        server.client.record_attempt(&run(number, "16g")).await.unwrap();
    }
    let page = server.client.right_sizing(&query).await.unwrap();
    let [proposal] = &page.items[..] else { panic!("{page:?}") };
    assert_eq!(proposal.values["spark.executor.memory"].as_deref(), Some("11520m"));
    assert!(proposal.failure_probability <= proposal.failure_probability_max, "{proposal:?}");
    assert!(
        proposal.changes[0].target_bytes > proposal.changes[0].peak_bytes && proposal.saved_usd_per_run > Some(0.0)
    );

    let request = RightSizingRequest { job: Some("j".into()), ..RightSizingRequest::default() };
    let applied = server.client.apply_right_sizing(&request).await.unwrap().items;
    let patch = applied[0].patch.clone().unwrap();
    assert_eq!((patch.status, patch.content.source.as_str()), (PatchStatus::Active, "right-sizing"));
    assert_eq!(patch.content.only_if["spark.executor.memory"].as_deref(), Some("16g"));
    // Until another run has ended it is the same step.
    let again = server.client.apply_right_sizing(&request).await.unwrap().items;
    assert_eq!(again[0].patch.as_ref().map(|patch| patch.id), Some(patch.id));
    // Runs with the new size, and fewer of them than a step waits for: no further step yet.
    for number in 10..13 {
        server.client.record_attempt(&run(number, "11520m")).await.unwrap();
    }
    assert_eq!(server.client.right_sizing(&query).await.unwrap().items, []);
}

#[tokio::test]
async fn not_every_job_at_once_and_not_without_a_configuration_service() {
    let server = Server::start(None).await;
    let every = server.client.apply_right_sizing(&RightSizingRequest::default()).await.unwrap_err();
    assert_eq!(every.problem().unwrap().status, 422);
    let request = RightSizingRequest { job: Some("j".into()), ..RightSizingRequest::default() };
    assert_eq!(server.client.apply_right_sizing(&request).await.unwrap_err().problem().unwrap().status, 503);
}
