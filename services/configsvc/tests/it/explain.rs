//! Why a job starts with what it starts with.

use paramedic_domain::Explanation;
use serde_json::{Value, json};

use crate::server::{Server, job, patch};

#[tokio::test]
async fn it_tells_who_set_each_key_and_which_values_lost() {
    let server = Server::start().await;
    let memory = |scope: Value, value: &str, source: &str| {
        let mut patch = patch(&scope, "spark.executor.memory", value);
        patch["source"] = json!(source);
        patch
    };
    let workflow = || json!({"workflow": "daily_sales"});
    server.create("base", &memory(json!({"scheduler": "airflow"}), "2g", "core team")).await;
    server.create("wide", &memory(workflow(), "3g", "operator")).await;
    let mut first = memory(json!({"workflow": "daily_sales", "job": "orders"}), "4g", "recommender");
    first["reason"] = json!("it ran out of heap");
    server.create("weak", &first).await;
    let query = "scheduler=airflow&workflow=daily_sales&job=orders&run=2026-01-31&attempt=1";
    let config = "%7B%22spark.executor.memory%22%3A%221g%22%2C%22spark.app.name%22%3A%22orders%22%7D";
    let answer = server.get(&format!("/v1/configs/explain?{query}&config={config}")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let explained: Explanation = serde_json::from_value(answer.body.clone()).unwrap();
    insta::assert_json_snapshot!(explained.keys, @r#"
    {
      "spark.executor.memory": {
        "own": "1g",
        "value": "3g",
        "set_by": "01a1ea34-0138-5897-ba96-35b2a5bafdaf",
        "owner": "operator",
        "lost": [
          {
            "patch_id": null,
            "value": "1g",
            "reason": "patch 43ff7e85-148e-526c-9841-38abc619a26a set it"
          },
          {
            "patch_id": "43ff7e85-148e-526c-9841-38abc619a26a",
            "value": "2g",
            "reason": "patch 01a1ea34-0138-5897-ba96-35b2a5bafdaf came after it: it is newer"
          },
          {
            "patch_id": "181fdb95-a6eb-53ef-9a2d-728ecd43f9e0",
            "value": "4g",
            "reason": "the patch was skipped: spark.executor.memory was set for the operator by patch 01a1ea34-0138-5897-ba96-35b2a5bafdaf, and the recommender is weaker"
          }
        ]
      }
    }
    "#);
    let became: Vec<_> = explained.patches.iter().map(|it| (it.source.as_str(), it.specificity, it.applied)).collect();
    assert_eq!(became, [("core team", 1, true), ("operator", 1, true), ("recommender", 2, false)]);
    assert_eq!(explained.patches[2].reason.as_deref(), Some("it ran out of heap"));
    assert_eq!(explained.config.0["spark.executor.memory"], "3g");

    let body = json!({"job": job(1), "config": {"spark.executor.memory": "1g", "spark.app.name": "orders"}});
    let posted = server.post("/v1/configs/explain", &body).await.body;
    assert_eq!(posted, answer.body);
    let mutated = server.mutate(&job(1), body["config"].clone()).await;
    assert_eq!(mutated["config"], posted["config"], "mutate does what explain tells");
    assert_eq!(server.get("/v1/configs/explain?scheduler=airflow").await.status, 422);
    assert_eq!(server.get(&format!("/v1/configs/explain?{query}&labels=x")).await.pointers(), ["/labels"]);
    server.stop().await;
}
