//! Drafts, successors, renewal, rollback, ownership.

use serde_json::{Value, json};

use crate::server::{Server, job, retry_patch, send};

async fn memory(server: &Server) -> Value {
    server.mutate(&job(2), json!({})).await["config"]["spark.executor.memory"].clone()
}

fn with(patch: Value, field: &str, value: Value) -> Value {
    let mut patch = patch;
    patch[field] = value;
    patch
}

#[tokio::test]
async fn a_draft_applies_once_it_is_activated_and_its_predecessor_no_longer() {
    let server = Server::start().await;
    let old = server.create("old", &retry_patch("2g")).await;
    let draft = with(with(retry_patch("3g"), "draft", json!(true)), "supersedes", old.body["id"].clone());
    let draft = server.create("draft", &draft).await;
    assert_eq!((draft.status, &draft.body["status"]), (201, &json!("draft")));
    assert_eq!(memory(&server).await, "2g");
    let path = format!("/v1/patches/{}", draft.id());
    let active = server.post(&format!("{path}/activate"), &json!({"reason": "reviewed"})).await;
    assert_eq!((active.status, &active.body["status"]), (200, &json!("active")));
    assert_eq!(memory(&server).await, "3g");
    let old = server.get(&format!("/v1/patches/{}", old.id())).await.body;
    assert_eq!(old["status"], "superseded");
    assert_eq!(server.get("/v1/patches?status=superseded").await.body["items"], json!([old]));
    assert_eq!(server.post(&format!("{path}/activate"), &json!({})).await.status, 200, "twice is once");
    server.stop().await;
}

#[tokio::test]
async fn a_patch_goes_back_to_an_earlier_version_within_the_policy() {
    let server = Server::start().await;
    let path = format!("/v1/patches/{}", server.create("k", &retry_patch("2g")).await.id());
    assert_eq!(server.put(&path, Some("\"1\""), &retry_patch("3g")).await.status, 200);
    assert_eq!(memory(&server).await, "3g");
    let back = server.post(&format!("{path}/rollback"), &json!({"version": 1, "reason": "too dear"})).await;
    assert_eq!((back.status, &back.body["version"]), (200, &json!(3)));
    assert_eq!(memory(&server).await, "2g");
    let entry = server.get(&format!("{path}/history?limit=1")).await.body["items"][0].clone();
    let told = (&entry["change"], &entry["reason"], &entry["before"]["version"], &entry["after"]["version"]);
    assert_eq!(told, (&json!("rollback"), &json!("too dear"), &json!(2), &json!(3)));
    assert_eq!(server.post(&format!("{path}/rollback"), &json!({"version": 9})).await.status, 404);
    let narrow = json!({"allowed_keys": ["spark.executor.memory"], "bounds": {"spark.executor.memory": {"max": "1g"}}});
    server.put("/v1/policy", None, &narrow).await;
    assert_eq!(server.post(&format!("{path}/rollback"), &json!({"version": 2})).await.status, 422);
    server.stop().await;
}

#[tokio::test]
async fn a_used_up_patch_is_renewed() {
    let server = Server::start().await;
    let once = with(retry_patch("2g"), "max_uses", json!(1));
    let path = format!("/v1/patches/{}", server.create("once", &once).await.id());
    assert_eq!((memory(&server).await, memory(&server).await), (json!("2g"), Value::Null));
    assert_eq!(server.post(&format!("{path}/renew"), &json!({})).await.status, 422);
    let past = json!({"expires_at": "2020-01-01T00:00:00Z"});
    assert_eq!(server.post(&format!("{path}/renew"), &past).await.pointers(), ["/expires_at"]);
    let renewed = server.post(&format!("{path}/renew"), &json!({"max_uses": 2})).await;
    assert_eq!((renewed.status, &renewed.body["status"]), (200, &json!("active")));
    assert_eq!((memory(&server).await, memory(&server).await), (json!("2g"), Value::Null));
    server.stop().await;
}

#[tokio::test]
async fn a_stale_recommendation_and_a_rollout_skip_a_job_and_say_so() {
    let server = Server::start().await;
    let stale = with(retry_patch("2g"), "only_if", json!({"spark.executor.memory": "512m"}));
    server.create("stale", &stale).await;
    let config = |memory: &str| json!({"spark.executor.memory": memory});
    assert_eq!(server.mutate(&job(2), config("512m")).await["config"], config("2g"));
    let edited = server.mutate(&job(2), config("1g")).await;
    assert_eq!((&edited["config"], &edited["skipped"][0]["code"]), (&config("1g"), &json!("precondition")));
    server.stop().await;
}

#[tokio::test]
async fn uses_without_a_limit_are_counted_too() {
    let server = Server::start().await;
    let path = format!("/v1/patches/{}", server.create("k", &retry_patch("2g")).await.id());
    for _ in 0..3 {
        memory(&server).await;
    }
    assert_eq!(server.get(&path).await.body["uses"], 3);
    server.stop().await;
}

#[tokio::test]
async fn what_runs_code_is_refused_whatever_is_allowed() {
    let server = Server::start().await;
    let all = json!({"allowed_keys": ["spark.*"], "bounds": {}});
    assert_eq!(server.put("/v1/policy", None, &all).await.status, 200);
    for key in ["spark.driver.extraJavaOptions", "spark.jars.packages", "spark.submit.pyFiles", "spark.ssl.keyPassword"]
    {
        let patch = json!({"scope": {"job": "j"}, "merge": {key: "x"}, "source": "operator"});
        let answer = server.post("/v1/patches", &patch).await;
        assert_eq!((answer.status, answer.pointers()), (422, vec![format!("/merge/{key}").as_str()]), "{answer:?}");
    }
    let wide = json!({"scope": {"job": "j"}, "merge": {"spark.speculation": "true"}, "source": "operator"});
    assert_eq!(send(server.request("POST", "/v1/patches").json(&wide)).await.status, 201);
    server.stop().await;
}
