//! A server that is killed in the middle of its work loses and doubles nothing.

use std::collections::BTreeMap;

use serde_json::Value;
use tempfile::TempDir;
use tokio::{sync::mpsc, task::JoinSet};

use crate::{
    process::{Server, client},
    report::heap_failure,
};

const REPORTS: usize = 24;
/// The server is killed after so many answers, with the others under way.
const ANSWERS_BEFORE_THE_KILL: usize = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_between_decisions_it_decides_each_failure_once() {
    let data = TempDir::new().unwrap();
    let mut server = Server::start(data.path()).await;
    let (sender, mut answers) = mpsc::channel(REPORTS);
    let mut reports = JoinSet::new();
    for number in 0..REPORTS {
        let (url, sender) = (format!("{}/v1/failures", server.url), sender.clone());
        reports.spawn(async move {
            let run = format!("run-{number}");
            let Ok(answer) = client().post(url).json(&heap_failure(&run)).send().await else { return };
            if let Ok(decision) = answer.json::<Value>().await {
                sender.send((run, decision)).await.unwrap();
            }
        });
    }
    drop(sender);

    let mut before = BTreeMap::new();
    while let Some((run, decision)) = answers.recv().await {
        before.insert(run, decision);
        if before.len() == ANSWERS_BEFORE_THE_KILL {
            server.kill();
        }
    }
    while reports.join_next().await.is_some() {}
    assert!(before.len() >= ANSWERS_BEFORE_THE_KILL && before.len() < REPORTS, "{} were answered", before.len());

    let server = Server::start(data.path()).await;
    for number in 0..REPORTS {
        let run = format!("run-{number}");
        let again = server.post("/v1/failures", &heap_failure(&run)).await;
        let once_more = server.post("/v1/failures", &heap_failure(&run)).await;
        assert_eq!(again, once_more, "{run}: the same report, the same answer");
        assert_eq!(again["action"], "retry_with_config", "{again}");
        if let Some(first) = before.get(&run) {
            assert_eq!(first, &again, "{run}: what was answered before the kill stands");
        }
    }
    let failures = server.get("/v1/failures?limit=200").await;
    assert_eq!(failures["items"].as_array().unwrap().len(), REPORTS, "one failure each");
    let patches = server.get("/v1/patches?limit=200").await;
    assert_eq!(patches["items"].as_array().unwrap().len(), REPORTS, "one patch each");
}
