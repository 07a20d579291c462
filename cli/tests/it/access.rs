//! Who may do what: every route of all three services, tried with every role and with none.
//!
//! The table is held against the server's own OpenAPI document, so that a route without an entry fails the test.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Stdio},
    time::Duration,
};

use paramedic_service::{Timeouts, client::http_client};
use serde_json::{Value, json};

use crate::program::{paramedic, rules, stderr, stdout};

const ROLES: [&str; 5] = ["scheduler", "agent", "rule_author", "operator", "viewer"];

const ALL_BUT_AGENTS: &[&str] = &["scheduler", "rule_author", "operator", "viewer"];
const SCHEDULERS: &[&str] = &["scheduler", "operator"];
const AUTHORS: &[&str] = &["rule_author", "operator"];
const OPERATORS: &[&str] = &["operator"];

/// Method and path as in the document, who may, and a body that is valid.
fn table() -> Vec<(&'static str, &'static str, &'static [&'static str], Value)> {
    let job = json!({"scheduler": "s", "workflow": "w", "job": "j", "run": "r", "attempt": 1});
    let patch = json!({"scope": {"workflow": "w"}, "source": "test",
        "patch": [{"op": "add", "path": "/spark.executor.memory", "value": "2g"}]});
    let unclassified = json!({"class": "Unclassified", "category": "unclassified", "restartable": false,
        "summary": "none", "evidence": [], "captures": {}, "matched": []});
    let outcome = json!({"job": job, "config": {}, "status": "succeeded"});
    let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {"uid": "u"}});
    let none = || Value::Null;
    vec![
        ("get", "/v1/failures", ALL_BUT_AGENTS, none()),
        ("get", "/v1/failures/{id}", ALL_BUT_AGENTS, none()),
        ("get", "/v1/failures/{id}/logs", AUTHORS, none()),
        ("get", "/v1/failures/{id}/ledger", ALL_BUT_AGENTS, none()),
        ("get", "/v1/savings", ALL_BUT_AGENTS, none()),
        (
            "post",
            "/v1/failures",
            SCHEDULERS,
            json!({"job": job, "engine": {"kind": "spark"}, "config": {}, "logs": []}),
        ),
        ("post", "/v1/outcomes", SCHEDULERS, outcome.clone()),
        ("get", "/v1/rules", ALL_BUT_AGENTS, none()),
        ("get", "/v1/rules/{name}", ALL_BUT_AGENTS, none()),
        ("post", "/v1/rules/match", &["scheduler", "rule_author", "operator"], json!({"logs": []})),
        ("post", "/v1/rules/reload", AUTHORS, none()),
        ("get", "/v1/unclassified", AUTHORS, none()),
        ("get", "/v1/unclassified/{group}", AUTHORS, none()),
        ("post", "/v1/recommendations", SCHEDULERS, json!({"job": job, "config": {}, "classification": unclassified})),
        ("post", "/v1/attempts", SCHEDULERS, outcome),
        ("post", "/v1/host-samples", &["agent", "operator"], json!([])),
        ("get", "/v1/models", ALL_BUT_AGENTS, none()),
        ("get", "/v1/models/shadow", ALL_BUT_AGENTS, none()),
        ("delete", "/v1/models/shadow", OPERATORS, none()),
        ("post", "/v1/models/{version}/shadow", OPERATORS, none()),
        ("get", "/v1/models/{version}/report", ALL_BUT_AGENTS, none()),
        ("get", "/v1/models/{version}/report.html", ALL_BUT_AGENTS, none()),
        ("get", "/v1/right-sizing", ALL_BUT_AGENTS, none()),
        ("post", "/v1/right-sizing/apply", OPERATORS, json!({"workflow": "w"})),
        ("get", "/v1/models/{version}", ALL_BUT_AGENTS, none()),
        ("post", "/v1/models/{version}/promote", OPERATORS, none()),
        ("post", "/v1/models/rollback", OPERATORS, none()),
        ("get", "/v1/patches", ALL_BUT_AGENTS, none()),
        ("post", "/v1/patches", SCHEDULERS, patch.clone()),
        ("get", "/v1/patches/{id}", ALL_BUT_AGENTS, none()),
        ("put", "/v1/patches/{id}", SCHEDULERS, patch),
        ("delete", "/v1/patches/{id}", SCHEDULERS, none()),
        ("get", "/v1/patches/{id}/history", ALL_BUT_AGENTS, none()),
        ("post", "/v1/patches/{id}/pause", SCHEDULERS, none()),
        ("post", "/v1/patches/{id}/resume", SCHEDULERS, none()),
        ("post", "/v1/patches/{id}/revoke", SCHEDULERS, none()),
        ("post", "/v1/patches/{id}/activate", SCHEDULERS, none()),
        ("post", "/v1/patches/{id}/renew", SCHEDULERS, json!({"max_uses": 2})),
        ("post", "/v1/patches/{id}/rollback", SCHEDULERS, json!({"version": 1})),
        ("post", "/v1/configs/mutate", SCHEDULERS, json!({"job": job, "config": {}})),
        ("get", "/v1/configs/explain", ALL_BUT_AGENTS, none()),
        ("post", "/v1/configs/explain", ALL_BUT_AGENTS, json!({"job": job, "config": {}})),
        ("get", "/v1/freezes", ALL_BUT_AGENTS, none()),
        ("post", "/v1/freezes", OPERATORS, json!({"scope": {"workflow": "frozen"}})),
        ("delete", "/v1/freezes/{id}", OPERATORS, none()),
        ("get", "/v1/audit", ALL_BUT_AGENTS, none()),
        ("get", "/v1/policy", ALL_BUT_AGENTS, none()),
        ("put", "/v1/policy", OPERATORS, json!({"allowed_keys": ["spark.*"], "bounds": {}})),
        ("post", "/k8s/mutate", SCHEDULERS, review),
        ("get", "/v1/tokens", OPERATORS, none()),
        ("post", "/v1/tokens", OPERATORS, json!({"name": "more", "role": "viewer"})),
        ("post", "/v1/tokens/{id}/rotate", OPERATORS, none()),
        ("post", "/v1/tokens/{id}/revoke", OPERATORS, none()),
    ]
}

struct Server {
    process: Child,
    url: String,
    tokens: BTreeMap<&'static str, String>,
    _folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    /// With a token a role, made by the command line in the database before the server starts.
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("paramedic.db").display());
        let tokens = ROLES.map(|role| {
            let made =
                paramedic(&["tokens", "create", "--name", role, "--role", role, "--database-url", &url]).output();
            let made = made.unwrap();
            assert!(made.status.success(), "{}", stderr(&made));
            assert!(!stderr(&made).contains("pmd_"), "the secret goes to standard output only");
            (role, stdout(&made).trim().to_owned())
        });
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
        let mut command = paramedic(&["serve", "--listen", "127.0.0.1:0", "--database-url", &url]);
        command
            .arg("--data-dir")
            .arg(folder.path().join("data"))
            .arg("--rules")
            .arg(rules())
            .arg("--models")
            .arg(models);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim_end().strip_prefix("paramedic: listening on ").unwrap().to_owned();
        Self { process, url, tokens: tokens.into(), _folder: folder }
    }
}

#[tokio::test]
async fn every_route_lets_in_whom_the_table_names_and_nobody_else() {
    let server = Server::start();
    let timeouts = Timeouts { total: Duration::from_mins(1), ..Timeouts::default() };
    let http = http_client(timeouts).unwrap();
    let document: Value = http.get(format!("{}/openapi.json", server.url)).send().await.unwrap().json().await.unwrap();
    let mut served = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        served.extend(methods.as_object().unwrap().keys().map(|method| format!("{method} {path}")));
    }
    let mut listed: Vec<_> = table().iter().map(|(method, path, ..)| format!("{method} {path}")).collect();
    served.sort();
    listed.sort();
    assert_eq!(served, listed, "every route that is served has an entry in the table, and no other");

    let mut wrong = Vec::new();
    for (method, path, allowed, body) in table() {
        let address = path.replace("{id}", "0192d3f0-5c1e-7b7e-9d41-2f1a6a7f0c55");
        let address = ["{name}", "{version}", "{group}"].iter().fold(address, |path, name| path.replace(name, "none"));
        for role in ROLES.into_iter().map(Some).chain([None]) {
            let method = method.to_uppercase();
            let mut request = http.request(method.parse().unwrap(), format!("{}{address}", server.url));
            if path == "/v1/configs/explain" && method == "GET" {
                request = request.query(&[("scheduler", "s"), ("workflow", "w"), ("job", "j"), ("run", "r")]);
            }
            if let Some(role) = role {
                request = request.bearer_auth(&server.tokens[role]);
            }
            if !body.is_null() {
                request = request.json(&body);
            }
            let status = request.send().await.unwrap().status().as_u16();
            let right = match role {
                None => status == 401,
                Some(role) if allowed.contains(&role) => ![401, 403, 422].contains(&status),
                Some(_) => status == 403,
            };
            if !right {
                wrong.push(format!("{method} {path} as {role:?}: {status}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn tokens_are_listed_rotated_and_revoked_by_a_server_too() {
    let server = Server::start();
    let ask = |token: &str, arguments: &[&str]| {
        let mut command = paramedic(arguments);
        command.env("PARAMEDIC_URL", &server.url).env("PARAMEDIC_TOKEN", token).output().unwrap()
    };
    let admin = &server.tokens["operator"];
    let listed = ask(admin, &["tokens", "list", "--json"]);
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    let viewer = listed["items"].as_array().unwrap().iter().find(|token| token["name"] == "viewer").unwrap();
    let id = viewer["id"].as_str().unwrap();

    let rotated = ask(admin, &["tokens", "rotate", id, "--grace", "1h"]);
    let newer = stdout(&rotated).trim().to_owned();
    for secret in [&newer, &server.tokens["viewer"]] {
        assert_eq!(ask(secret, &["patches", "list"]).status.code(), Some(0), "both are taken");
    }
    assert_eq!(ask(&newer, &["tokens", "list"]).status.code(), Some(1), "a viewer may not");
    assert_eq!(ask(admin, &["tokens", "revoke", id]).status.code(), Some(0));
    let refused = ask(&newer, &["patches", "list"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(!stderr(&refused).contains(&newer), "{}", stderr(&refused));
}
