//! What a job starts with.

use paramedic_domain::MutateResponse;
use serde_json::{Value, json};

use crate::server::{Server, job, patch, retry_patch};

#[tokio::test]
async fn a_retry_gets_the_patch_and_the_first_attempt_does_not() {
    let server = Server::start().await;
    server.create("retry", &retry_patch("2g")).await;
    let config = json!({"spark.executor.memory": "512m", "spark.app.name": "orders"});
    let first = server.mutate(&job(1), config.clone()).await;
    assert_eq!(first, json!({"config": config, "applied": [], "skipped": [], "provenance": {}}));

    let answer: MutateResponse = serde_json::from_value(server.mutate(&job(2), config).await).unwrap();
    insta::assert_json_snapshot!(answer, @r#"
    {
      "config": {
        "spark.app.name": "orders",
        "spark.executor.memory": "2g"
      },
      "applied": [
        {
          "patch_id": "9620d938-d183-5b83-985f-c7963721d90d",
          "source": "recommender"
        }
      ],
      "skipped": [],
      "provenance": {
        "spark.executor.memory": {
          "patch_id": "9620d938-d183-5b83-985f-c7963721d90d",
          "from": "512m",
          "to": "2g"
        }
      }
    }
    "#);
    server.stop().await;
}

#[tokio::test]
async fn the_most_specific_patch_has_the_last_word_and_a_failing_one_is_skipped_whole() {
    let server = Server::start().await;
    let cores = |scope: Value, value| patch(&scope, "spark.executor.cores", value);
    server.create("specific", &cores(json!({"workflow": "daily_sales", "job": "orders"}), "8")).await;
    server.create("everywhere", &cores(json!({}), "2")).await;
    let mut urgent = cores(json!({"scheduler": "airflow"}), "6");
    urgent["priority"] = json!(100);
    server.create("urgent", &urgent).await;
    server.create("workflow", &cores(json!({"workflow": "daily_sales"}), "4")).await;
    let failing = json!({
        "scope": {"workflow": "daily_sales", "job": "orders", "run": "2026-01-31"},
        "patch": [
            {"op": "add", "path": "/spark.executor.memory", "value": "9g"},
            {"op": "test", "path": "/spark.executor.cores", "value": "1"},
        ],
        "source": "operator",
    });
    let failing = server.create("failing", &failing).await;

    let answer = server.mutate(&job(1), json!({})).await;
    assert_eq!(answer["config"], json!({"spark.executor.cores": "8"}));
    assert_eq!(answer["applied"].as_array().unwrap().len(), 4);
    assert_eq!(answer["skipped"][0]["patch_id"], failing.body["id"]);
    assert_eq!(answer["skipped"][0]["reason"], "operation 1 at /spark.executor.cores: the `test` found another value");
    assert_eq!(answer["provenance"]["spark.executor.cores"]["from"], "6");
    let uses = server.get(&format!("/v1/patches/{}", failing.id())).await.body["uses"].clone();
    assert_eq!(uses, 0, "a skipped patch is not used");
    server.stop().await;
}

#[tokio::test]
async fn uses_are_counted_but_for_dry_runs() {
    let server = Server::start().await;
    let mut twice = retry_patch("2g");
    twice["max_uses"] = json!(2);
    let path = format!("/v1/patches/{}", server.create("twice", &twice).await.id());
    let dry = json!({"job": job(2), "config": {}, "dry_run": true});
    for _ in 0..3 {
        let answer = server.post("/v1/configs/mutate", &dry).await;
        assert_eq!(answer.body["config"], json!({"spark.executor.memory": "2g"}));
    }
    for _ in 0..2 {
        assert_eq!(server.get(&path).await.body["status"], "active");
        assert_eq!(server.mutate(&job(2), json!({})).await["applied"].as_array().unwrap().len(), 1);
    }
    assert_eq!(server.mutate(&job(2), json!({})).await["config"], json!({}));
    let used_up = server.get(&path).await.body;
    assert_eq!((&used_up["uses"], &used_up["status"], &used_up["version"]), (&json!(2), &json!("expired"), &json!(1)));
    server.stop().await;
}

#[tokio::test]
async fn the_last_use_goes_to_one_of_two_calls_at_once() {
    let server = Server::start().await;
    let mut once = retry_patch("2g");
    once["max_uses"] = json!(1);
    server.create("once", &once).await;
    server.create("always", &patch(&json!({"workflow": "daily_sales"}), "spark.executor.cores", "2")).await;
    let retry = job(2);
    let call = || server.mutate(&retry, json!({}));
    let answers = tokio::join!(call(), call(), call(), call(), call(), call());
    let answers = [answers.0, answers.1, answers.2, answers.3, answers.4, answers.5];
    let with_memory = answers.iter().filter(|answer| answer["config"]["spark.executor.memory"] == "2g").count();
    assert_eq!(with_memory, 1, "{answers:?}");
    assert!(answers.iter().all(|answer| answer["config"]["spark.executor.cores"] == "2"), "{answers:?}");
    server.stop().await;
}

#[tokio::test]
async fn a_policy_that_was_narrowed_holds_for_stored_patches() {
    let server = Server::start().await;
    server.create("retry", &retry_patch("2g")).await;
    let narrow = json!({"allowed_keys": ["spark.executor.memory"], "bounds": {"spark.executor.memory": {"max": "1g"}}});
    assert_eq!(server.put("/v1/policy", None, &narrow).await.status, 200);
    let answer = server.mutate(&job(2), json!({})).await;
    assert_eq!(answer["config"], json!({}));
    assert!(answer["skipped"][0]["reason"].as_str().unwrap().contains("1g"), "{answer}");
    server.stop().await;
}

#[tokio::test]
async fn a_wrong_request_is_named() {
    let server = Server::start().await;
    for (body, pointer) in [
        (json!({"job": job(0), "config": {}}), "/job/attempt"),
        (json!({"job": job(1), "config": {"spark.executor.cores": 4}}), "/config/spark.executor.cores"),
        (json!({"job": job(1), "config": {}, "dryrun": true}), "/dryrun"),
        (json!({"job": job(1)}), ""),
    ] {
        let answer = server.post("/v1/configs/mutate", &body).await;
        assert_eq!((answer.status, answer.pointers()), (422, vec![pointer]), "{body}");
    }
    server.stop().await;
}
