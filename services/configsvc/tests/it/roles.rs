//! Who may do what.

use std::fmt::Write as _;

use serde_json::json;
use sha2::{Digest, Sha256};

use crate::server::{Server, job, patch, retry_patch, send};

/// A server that knows one token a role; the token is the role's name.
async fn guarded(folder: &tempfile::TempDir) -> Server {
    let mut tokens = String::new();
    for role in ["scheduler", "agent", "rule_author", "operator", "viewer"] {
        let digest: String = Sha256::digest(role.as_bytes()).iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        let _ = writeln!(tokens, "{role} {role} {digest}");
    }
    let file = folder.path().join("tokens");
    std::fs::write(&file, tokens).unwrap();
    Server::with("sqlite::memory:".to_owned(), Some(file)).await
}

#[tokio::test]
async fn each_role_may_do_what_it_is_for() {
    let folder = tempfile::tempdir().unwrap();
    let server = guarded(&folder).await;
    let everywhere = patch(&json!({}), "spark.executor.cores", "2");
    let every_retry = patch(&json!({"after_attempt": 1}), "spark.executor.cores", "2");
    let policy = json!({"allowed_keys": ["spark.*"], "bounds": {}});
    let mutate = json!({"job": job(1), "config": {}});
    let mut operators = retry_patch("2g");
    operators["source"] = json!("operator");
    let explain = mutate.clone();
    let dry_run = json!({"job": job(1), "config": {}, "dry_run": true});
    for (method, path, body, allowed) in [
        ("GET", "/v1/patches", None, vec!["scheduler", "rule_author", "operator", "viewer"]),
        ("GET", "/v1/policy", None, vec!["scheduler", "rule_author", "operator", "viewer"]),
        ("POST", "/v1/patches", Some(retry_patch("2g")), vec!["scheduler", "operator"]),
        ("POST", "/v1/patches", Some(everywhere), vec!["operator"]),
        ("POST", "/v1/patches", Some(every_retry), vec!["operator"]),
        ("POST", "/v1/configs/mutate", Some(mutate), vec!["scheduler", "operator"]),
        ("POST", "/v1/configs/mutate", Some(dry_run), vec!["scheduler", "rule_author", "operator", "viewer"]),
        ("PUT", "/v1/policy", Some(policy), vec!["operator"]),
        ("POST", "/v1/patches", Some(operators), vec!["operator"]),
        ("POST", "/v1/configs/explain", Some(explain), vec!["scheduler", "rule_author", "operator", "viewer"]),
        ("POST", "/v1/freezes", Some(json!({"scope": {"job": "other"}})), vec!["operator"]),
        ("GET", "/v1/freezes", None, vec!["scheduler", "rule_author", "operator", "viewer"]),
    ] {
        for role in ["scheduler", "agent", "rule_author", "operator", "viewer"] {
            let mut request = server.request(method, path).bearer_auth(role);
            if let Some(body) = &body {
                request = request.json(body);
            }
            let status = send(request).await.status;
            let expected = allowed.contains(&role);
            assert_eq!(status < 300, expected, "{role}: {method} {path} {body:?}: {status}");
            assert!(expected || status == 403, "{role}: {method} {path}: {status}");
        }
    }
    assert_eq!(server.get("/v1/patches").await.status, 401);
    server.stop().await;
}

#[tokio::test]
async fn only_an_operator_touches_a_patch_that_reaches_every_job() {
    let folder = tempfile::tempdir().unwrap();
    let server = guarded(&folder).await;
    let everywhere = patch(&json!({}), "spark.executor.cores", "2");
    let post = |path: String, role| server.request("POST", &path).bearer_auth(role);
    let created = send(post("/v1/patches".to_owned(), "operator").json(&everywhere)).await;
    let path = format!("/v1/patches/{}", created.id());
    for change in ["pause", "revoke"] {
        assert_eq!(send(post(format!("{path}/{change}"), "scheduler")).await.status, 403);
    }
    let narrowed = server.request("PUT", &path).bearer_auth("scheduler").header("If-Match", "\"1\"");
    assert_eq!(send(narrowed.json(&retry_patch("2g"))).await.status, 403);
    assert_eq!(send(server.request("DELETE", &path).bearer_auth("scheduler")).await.status, 403);
    assert_eq!(send(post(format!("{path}/revoke"), "operator")).await.status, 200);
    let history = send(server.request("GET", &format!("{path}/history")).bearer_auth("viewer")).await.body;
    assert_eq!(history["items"][0]["actor"], "operator");
    server.stop().await;
}
