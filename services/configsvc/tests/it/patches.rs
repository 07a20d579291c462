//! Patches: create, read, list, replace.

use paramedic_domain::Problem;
use serde_json::{Value, json};

use crate::server::{Server, patch, retry_patch, send};

#[tokio::test]
async fn a_patch_is_created_read_and_listed() {
    let server = Server::start().await;
    let created = server.post("/v1/patches", &retry_patch("2g")).await;
    assert_eq!((created.status, created.etag.as_deref()), (201, Some("\"1\"")));
    let path = format!("/v1/patches/{}", created.id());
    assert_eq!(created.location.as_deref(), Some(path.as_str()));
    assert_eq!((&created.body["status"], &created.body["version"]), (&json!("active"), &json!(1)));
    assert_eq!(created.body["scope"], retry_patch("2g")["scope"]);

    let read = server.get(&path).await;
    assert_eq!((read.status, read.etag.as_deref(), &read.body), (200, Some("\"1\""), &created.body));
    let listed = server.get("/v1/patches?workflow=daily_sales&status=active").await;
    assert_eq!(listed.body, json!({"items": [created.body]}));
    assert_eq!(server.get("/v1/patches?workflow=other").await.body, json!({"items": []}));
    server.stop().await;
}

#[tokio::test]
async fn what_is_not_there_is_404_and_what_is_wrong_is_named() {
    let server = Server::start().await;
    for path in ["/v1/patches/6b1f04c2-8a3d-4f0e-9d5b-71c05e2a94d3", "/v1/patches/nonsense"] {
        for path in [path.to_owned(), format!("{path}/history")] {
            assert_eq!(server.get(&path).await.status, 404, "{path}");
        }
        assert_eq!(server.post(&format!("{path}/pause"), &json!({})).await.status, 404);
        assert_eq!(send(server.request("DELETE", path)).await.status, 404);
    }
    for (query, pointer) in
        [("limit=0", "/limit"), ("cursor=x", "/cursor"), ("typo=1", "/typo"), ("status=x", "/status")]
    {
        let answer = server.get(&format!("/v1/patches?{query}")).await;
        assert_eq!((answer.status, answer.pointers()), (422, vec![pointer]), "{query}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_patch_that_leaves_the_policy_is_refused_with_a_pointer() {
    let server = Server::start().await;
    let with = |key: &str, value: Value| {
        let mut patch = retry_patch("2g");
        patch[key] = value;
        patch
    };
    let operation =
        |value: Value| with("patch", json!([{"op": "add", "path": "/spark.executor.memory", "value": value}]));
    for (patch, pointer) in [
        (operation(json!("-1g")), "/patch/0/value"),
        (operation(json!("999999t")), "/patch/0/value"),
        (operation(json!(2048)), "/patch/0/value"),
        (with("patch", json!([{"op": "add", "path": "/spark.master", "value": "local"}])), "/patch/0/path"),
        (with("patch", json!([{"op": "remove", "path": ""}])), "/patch/0/path"),
        (with("patch", json!([])), "/patch"),
        (with("expires_at", json!("2020-01-01T00:00:00Z")), "/expires_at"),
        (with("max_uses", json!(0)), "/max_uses"),
        (with("typo", json!(0)), "/typo"),
    ] {
        let answer = server.post("/v1/patches", &patch).await;
        assert_eq!((answer.status, answer.pointers()), (422, vec![pointer]), "{patch}");
    }
    assert_eq!(server.get("/v1/patches").await.body, json!({"items": []}));
    let refused = server.post("/v1/patches", &operation(json!("999999t"))).await;
    let problem: Problem = serde_json::from_value(refused.body).unwrap();
    insta::assert_json_snapshot!(problem, @r#"
    {
      "type": "urn:paramedic:problem:invalid_request",
      "title": "The request is not valid",
      "status": 422,
      "detail": "/patch/0/value: `999999t` is above the greatest value that the policy allows, 256g",
      "errors": [
        {
          "pointer": "/patch/0/value",
          "detail": "`999999t` is above the greatest value that the policy allows, 256g"
        }
      ]
    }
    "#);
    server.stop().await;
}

#[tokio::test]
async fn a_repeated_request_is_one_patch() {
    let server = Server::start().await;
    let first = server.create("key-1", &retry_patch("2g")).await;
    let second = server.create("key-1", &retry_patch("2g")).await;
    let quoted = server.create("\"key-1\"", &retry_patch("2g")).await;
    assert_eq!((first.status, second.status, quoted.status), (201, 200, 200));
    assert_eq!((&second.body, &quoted.body), (&first.body, &first.body));
    assert_eq!(second.etag.as_deref(), Some("\"1\""));

    let other = server.create("key-1", &retry_patch("4g")).await;
    assert_eq!((other.status, &other.body["type"]), (409, &json!("urn:paramedic:problem:conflict")));
    assert_eq!(server.create("key-2", &retry_patch("4g")).await.status, 201);
    assert_eq!(server.create("", &retry_patch("4g")).await.status, 422);
    assert_eq!(server.create(&"k".repeat(256), &retry_patch("4g")).await.status, 422);
    server.stop().await;
}

#[tokio::test]
async fn a_repetition_is_answered_as_before_when_the_policy_has_changed() {
    let server = Server::start().await;
    let first = server.create("key-1", &retry_patch("2g")).await;
    let nothing = json!({"allowed_keys": [], "bounds": {}});
    assert_eq!(server.put("/v1/policy", None, &nothing).await.status, 200);
    let second = server.create("key-1", &retry_patch("2g")).await;
    assert_eq!((second.status, &second.body), (200, &first.body));
    assert_eq!(server.create("key-2", &retry_patch("2g")).await.status, 422);
    server.stop().await;
}

#[tokio::test]
async fn requests_at_once_under_one_key_make_one_patch() {
    let server = Server::start().await;
    let body = retry_patch("2g");
    let answers = tokio::join!(
        server.create("key-1", &body),
        server.create("key-1", &body),
        server.create("key-1", &body),
        server.create("key-1", &body),
    );
    let answers = [answers.0, answers.1, answers.2, answers.3];
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1, "{answers:?}");
    assert!(answers.iter().all(|answer| answer.body == answers[0].body));
    server.stop().await;
}

#[tokio::test]
async fn a_replacement_names_the_version_it_replaces() {
    let server = Server::start().await;
    let created = server.post("/v1/patches", &retry_patch("2g")).await;
    let path = format!("/v1/patches/{}", created.id());

    assert_eq!(server.put(&path, None, &retry_patch("3g")).await.status, 428);
    assert_eq!(server.put(&path, Some("\"2\""), &retry_patch("3g")).await.status, 412);
    assert_eq!(server.put(&path, Some("\"1\""), &retry_patch("999999t")).await.pointers(), ["/patch/0/value"]);
    let replaced = server.put(&path, Some("\"1\""), &retry_patch("3g")).await;
    assert_eq!((replaced.status, replaced.etag.as_deref()), (200, Some("\"2\"")));
    assert_eq!(replaced.body["patch"][0]["value"], "3g");
    assert_eq!(server.put(&path, Some("\"1\""), &retry_patch("4g")).await.status, 412);
    assert_eq!(server.put(&path, Some("*"), &retry_patch("4g")).await.status, 200);
    let unknown = "/v1/patches/6b1f04c2-8a3d-4f0e-9d5b-71c05e2a94d3";
    assert_eq!(server.put(unknown, Some("\"1\""), &retry_patch("3g")).await.status, 404);
    server.stop().await;
}

#[tokio::test]
async fn lists_are_paged() {
    let server = Server::start().await;
    for number in 0..5 {
        let scope = json!({"workflow": format!("w{number}")});
        server.create(&format!("key-{number}"), &patch(&scope, "spark.executor.cores", "2")).await;
    }
    let (mut seen, mut path) = (Vec::new(), "/v1/patches?limit=2".to_owned());
    loop {
        let page = server.get(&path).await.body;
        let items = page["items"].as_array().unwrap();
        assert!((1..=2).contains(&items.len()));
        seen.extend(items.iter().map(|item| item["scope"]["workflow"].as_str().unwrap().to_owned()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/v1/patches?limit=2&cursor={cursor}");
    }
    assert_eq!(seen, ["w4", "w3", "w2", "w1", "w0"]);
    server.stop().await;
}

#[tokio::test]
async fn patches_outlive_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("paramedic.db").display());
    let server = Server::with(url.clone(), None).await;
    let created = server.create("key-1", &retry_patch("2g")).await;
    server.stop().await;
    let server = Server::with(url, None).await;
    assert_eq!(server.get(&format!("/v1/patches/{}", created.id())).await.body, created.body);
    server.stop().await;
}
