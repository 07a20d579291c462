//! Two servers on one database.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::server::{Server, job, retry_patch};

const DEADLINE: Duration = Duration::from_secs(30);

async fn until(server: &Server, expected: Value) {
    let start = Instant::now();
    loop {
        let config = server.mutate(&job(2), json!({})).await["config"].clone();
        if config == expected {
            return;
        }
        assert!(start.elapsed() < DEADLINE, "{config} is not {expected}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_change_through_one_is_seen_by_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("paramedic.db").display());
    let (one, other) = (Server::with(url.clone(), None).await, Server::with(url, None).await);
    let changed = json!({"spark.executor.memory": "2g"});
    until(&other, json!({})).await;
    let path = format!("/v1/patches/{}", one.create("k", &retry_patch("2g")).await.id());
    assert_eq!(one.mutate(&job(2), json!({})).await["config"], changed, "at once after a change through itself");
    until(&other, changed.clone()).await;
    let freeze = other.post("/v1/freezes", &json!({})).await;
    until(&one, json!({})).await;
    other.request("DELETE", &freeze.location.unwrap()).send().await.unwrap();
    until(&one, changed).await;
    other.post(&format!("{path}/revoke"), &json!({})).await;
    until(&one, json!({})).await;
    one.stop().await;
    other.stop().await;
}
