//! Tokens: made, used, rotated, revoked, on two servers over one store; and never told to a log.

use std::{
    io::Write,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::server::{Answer, Server, job, patch, retry_patch, send};

/// A server over a store in a file.
async fn on(folder: &tempfile::TempDir) -> Server {
    Server::with(format!("sqlite://{}", folder.path().join("paramedic.db").display()), None).await
}

async fn with(server: &Server, secret: &str, method: &str, path: &str, body: &Value) -> Answer {
    let request = server.request(method, path).bearer_auth(secret);
    send(if body.is_null() { request } else { request.json(body) }).await
}

/// A new token: its id and its secret. `by` is an operator's secret.
async fn made(server: &Server, by: &str, token: &Value) -> (String, String) {
    let answer = with(server, by, "POST", "/v1/tokens", token).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&answer.body["token"]["id"]), text(&answer.body["secret"]))
}

/// Waits until the server answers the token with this status, and says how long that took.
async fn until(server: &Server, secret: &str, status: u16) -> Duration {
    let start = Instant::now();
    while with(server, secret, "GET", "/v1/policy", &Value::Null).await.status != status {
        assert!(start.elapsed() < Duration::from_secs(30), "it never answers {status}");
    }
    start.elapsed()
}

#[tokio::test]
async fn the_first_token_closes_every_server_and_a_revoked_one_is_refused_by_all() {
    let folder = tempfile::tempdir().unwrap();
    let (here, there) = (on(&folder).await, on(&folder).await);
    assert_eq!(here.get("/v1/policy").await.status, 200, "open before the first token");
    let (_, admin) = made(&here, "none needed", &json!({"name": "admin", "role": "operator"})).await;
    assert_eq!(here.get("/v1/policy").await.status, 401);
    until(&there, "a guess", 401).await;
    until(&there, &admin, 200).await;

    let (id, viewer) = made(&here, &admin, &json!({"name": "eve", "role": "viewer"})).await;
    until(&there, &viewer, 200).await;
    let rotated = with(&there, &admin, "POST", &format!("/v1/tokens/{id}/rotate"), &json!({"grace_s": 600})).await;
    let newer = rotated.body["secret"].as_str().unwrap().to_owned();
    for secret in [&viewer, &newer] {
        until(&here, secret, 200).await;
    }
    assert_eq!(with(&there, &admin, "POST", &format!("/v1/tokens/{id}/revoke"), &Value::Null).await.status, 200);
    for secret in [&viewer, &newer] {
        assert_eq!(with(&there, secret, "GET", "/v1/policy", &Value::Null).await.status, 401, "at once there");
        until(&here, secret, 401).await;
    }
    let listed = with(&here, &admin, "GET", "/v1/tokens?limit=1", &Value::Null).await.body;
    assert_eq!((&listed["items"][0]["name"], &listed["items"][0]["status"]), (&json!("eve"), &json!("revoked")));
    assert!(listed["next_cursor"].is_string() && !listed.to_string().contains("pmd_"));
    here.stop().await;
    there.stop().await;
}

#[tokio::test]
async fn a_token_acts_within_its_scope_only() {
    let folder = tempfile::tempdir().unwrap();
    let server = on(&folder).await;
    let (_, admin) = made(&server, "none needed", &json!({"name": "admin", "role": "operator"})).await;
    let scoped = |role| json!({"name": "sales", "role": role, "scope": {"workflow": "daily_sales"}});
    let (_, own) = made(&server, &admin, &scoped("scheduler")).await;
    let (_, lead) = made(&server, &admin, &scoped("operator")).await;
    let mut other = job(1);
    other["workflow"] = json!("billing");
    for (secret, path, body, status) in [
        (&own, "/v1/configs/mutate", json!({"job": job(1), "config": {}}), 200),
        (&own, "/v1/configs/mutate", json!({"job": other, "config": {}}), 403),
        (&own, "/v1/patches", retry_patch("2g"), 201),
        (&own, "/v1/patches", patch(&json!({"workflow": "billing"}), "spark.executor.cores", "2"), 403),
        (&lead, "/v1/patches", patch(&json!({"workflow": "daily_sales"}), "spark.executor.cores", "2"), 201),
        (&lead, "/v1/patches", patch(&json!({}), "spark.executor.cores", "2"), 403),
        (&lead, "/v1/tokens", json!({"name": "more", "role": "operator"}), 403),
    ] {
        let answer = with(&server, secret, "POST", path, &body).await;
        assert_eq!(answer.status, status, "{path} {body}: {answer:?}");
    }
    server.stop().await;
}

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_log_and_no_error_holds_a_token() {
    let captured = Captured::default();
    let writer = captured.clone();
    // Everything, also of the libraries, and unmasked: what is not written need not be masked.
    let logs = tracing_subscriber::fmt().with_max_level(tracing_subscriber::filter::LevelFilter::TRACE);
    let _guard =
        tracing_subscriber::util::SubscriberInitExt::set_default(logs.with_writer(move || writer.clone()).finish());
    let folder = tempfile::tempdir().unwrap();
    let server = on(&folder).await;
    let (id, admin) = made(&server, "none needed", &json!({"name": "admin", "role": "operator"})).await;
    let (viewer_id, viewer) = made(&server, &admin, &json!({"name": "eve", "role": "viewer"})).await;
    let mut secrets = vec![admin.clone(), viewer.clone()];
    let rotated = with(&server, &admin, "POST", &format!("/v1/tokens/{viewer_id}/rotate"), &Value::Null).await;
    secrets.push(rotated.body["secret"].as_str().unwrap().to_owned());
    let refused = [
        with(&server, &viewer, "GET", "/v1/policy", &Value::Null).await,
        with(&server, &secrets[2], "POST", "/v1/tokens", &json!({"name": "x", "role": "agent"})).await,
        with(&server, &format!("{admin}x"), "GET", "/v1/policy", &Value::Null).await,
        send(server.request("GET", "/v1/policy").header("authorization", &admin)).await,
    ];
    for answer in &refused {
        assert!([401, 403].contains(&answer.status), "{answer:?}");
    }
    assert_eq!(with(&server, &admin, "POST", &format!("/v1/tokens/{id}/revoke"), &Value::Null).await.status, 200);
    server.stop().await;
    let logged = String::from_utf8_lossy(&captured.0.lock().unwrap()).into_owned();
    assert!(logged.contains("token rotated"), "the log is captured");
    for secret in &secrets {
        // The prefix is no secret; what follows is.
        let hidden = &secret["pmd_".len()..];
        assert!(refused.iter().all(|answer| !answer.body.to_string().contains(hidden)), "in an answer");
        let line = logged.lines().find(|line| line.contains(hidden));
        assert_eq!(line.map(|line| line.replace(hidden, "SECRET")), None, "in a log line");
    }
}
