//! Two replicas of each service over one PostgreSQL, which is also stopped and started again under them.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use paramedic_test_postgres::Server as Postgres;
use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{sync::Notify, task::JoinSet};

use crate::{
    process::{Server, client},
    report::heap_failure,
};

const FAILURES: usize = 12;
const WRITERS: usize = 4;
const WRITES: u64 = 6;
/// How long a condition is waited for on a busy machine.
const DEADLINE: Duration = Duration::from_secs(90);
const POLL: Duration = Duration::from_millis(20);

/// One of each service, each asking the one beside it.
struct Replica {
    configsvc: Server,
    _recommender: Server,
    classifier: Server,
    _data: TempDir,
}

impl Replica {
    async fn start(database: &str) -> Self {
        let data = TempDir::new().unwrap();
        let models = data.path().join("models").display().to_string();
        let models = ["--models", "models", "--model-data", &models];
        let (configsvc, recommender) = tokio::join!(
            service(database, "paramedic-configsvc", data.path(), &[]),
            service(database, "paramedic-recommender", data.path(), &models),
        );
        let peers = ["--recommender-url", &recommender.url, "--configsvc-url", &configsvc.url, "--rules", "rules"];
        let classifier = service(database, "paramedic-classifier", data.path(), &peers).await;
        Self { configsvc, _recommender: recommender, classifier, _data: data }
    }

    /// Two that start at once on an empty database: each of their services runs the migrations, or waits for them.
    async fn start_two(postgres: &Postgres, name: &str) -> [Self; 2] {
        let database = postgres.new_database(name).await;
        let (one, other) = tokio::join!(Self::start(&database), Self::start(&database));
        [one, other]
    }
}

async fn service(database: &str, name: &str, data: &Path, arguments: &[&str]) -> Server {
    Server::start_service_over(database, name, data, arguments).await
}

fn job(run: &str) -> Value {
    json!({"scheduler": "e2e", "workflow": "w", "job": "j", "run": run, "attempt": 1})
}

fn memory_patch(value: &str, source: &str) -> Value {
    let set = json!([{"op": "add", "path": "/spark.executor.memory", "value": value}]);
    json!({"scope": {"workflow": "w"}, "patch": set, "source": source})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_work_through_both_loses_and_duplicates_nothing() {
    let postgres = Postgres::find_or_start().await;
    let replicas = Replica::start_two(&postgres, "e2e_replicas").await;
    the_same_failures_are_decided_once(&replicas).await;
    concurrent_updates_are_all_there(&replicas).await;
    drop(replicas);
    postgres.stop().await;
}

/// Every failure is reported to both at once.
async fn the_same_failures_are_decided_once(replicas: &[Replica; 2]) {
    let mut reports = JoinSet::new();
    for number in 0..FAILURES {
        for replica in replicas {
            let url = format!("{}/v1/failures", replica.classifier.url);
            reports.spawn(async move {
                let run = format!("run-{number}");
                let answer = client().post(url).json(&heap_failure(&run)).send().await.unwrap();
                (run, answer.json::<Value>().await.unwrap())
            });
        }
    }
    let mut decisions = BTreeMap::<String, Vec<Value>>::new();
    while let Some(answer) = reports.join_next().await {
        let (run, decision) = answer.unwrap();
        decisions.entry(run).or_default().push(decision);
    }
    for (run, both) in &decisions {
        assert_eq!(both[0], both[1], "{run}: the same failure, the same answer");
        assert_eq!(both[0]["action"], "retry_with_config", "{run}: {}", both[0]);
    }
    for replica in replicas {
        let count = async |server: &Server, path: &str| server.get(path).await["items"].as_array().unwrap().len();
        assert_eq!(count(&replica.classifier, "/v1/failures?limit=200").await, FAILURES, "one failure each");
        assert_eq!(count(&replica.configsvc, "/v1/patches?limit=200").await, FAILURES, "one patch each");
    }
}

/// Each writer reads a patch, adds one to its priority and puts it back at the version it read, until all of its writes
/// are through: a lost update would be a lower sum.
async fn concurrent_updates_are_all_there(replicas: &[Replica; 2]) {
    let created = replicas[0].configsvc.post("/v1/patches", &memory_patch("2g", "operator")).await;
    let path = format!("/v1/patches/{}", created["id"].as_str().unwrap());
    let conflicts = Arc::new(AtomicUsize::new(0));
    let mut writers = JoinSet::new();
    for number in 0..WRITERS {
        let (url, conflicts) = (format!("{}{path}", replicas[number % 2].configsvc.url), conflicts.clone());
        writers.spawn(async move {
            let client = client();
            let mut written = 0;
            while written < WRITES {
                let answer = client.get(&url).send().await.unwrap();
                let tag = answer.headers()["etag"].clone();
                let read: Value = answer.json().await.unwrap();
                let mut content = memory_patch("2g", "operator");
                content["priority"] = json!(read["priority"].as_i64().unwrap_or_default() + 1);
                match client.put(&url).header("if-match", tag).json(&content).send().await.unwrap().status().as_u16() {
                    200 => written += 1,
                    412 => _ = conflicts.fetch_add(1, Ordering::SeqCst),
                    status => panic!("{status}"),
                }
            }
        });
    }
    while let Some(ended) = writers.join_next().await {
        ended.unwrap();
    }
    let writes = WRITERS as u64 * WRITES;
    for replica in replicas {
        let patch = replica.configsvc.get(&path).await;
        assert_eq!((&patch["priority"], &patch["version"]), (&json!(writes), &json!(writes + 1)), "{patch}");
        let history = replica.configsvc.get(&format!("{path}/history?limit=200")).await;
        assert_eq!(history["items"].as_array().unwrap().len() as u64, writes + 1, "an entry each");
    }
    assert!(conflicts.load(Ordering::SeqCst) > 0, "the writers were never at odds: nothing was tested");
}

/// What the load under the restart saw.
#[derive(Default)]
struct Seen {
    stop: AtomicBool,
    /// Mutate calls answered.
    mutated: AtomicUsize,
    /// Of those, while the database was down.
    mutated_while_down: AtomicUsize,
    /// Writes refused.
    refused: AtomicUsize,
    down: AtomicBool,
    changed: Notify,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_database_restarts_mutate_goes_on_and_writes_fail_cleanly() {
    // Of its own: another suite's server is not to be stopped.
    let postgres = Postgres::start_own().await;
    let replicas = Replica::start_two(&postgres, "e2e_restart").await;
    let created = replicas[0].configsvc.post("/v1/patches", &memory_patch("3g", "operator")).await;
    for replica in &replicas {
        until_applied(&replica.configsvc, created["id"].as_str().unwrap()).await;
    }

    let seen = Arc::new(Seen::default());
    let (mut readers, mut writers) = (JoinSet::new(), JoinSet::new());
    for (number, replica) in replicas.iter().enumerate() {
        readers.spawn(keep_mutating(replica.configsvc.url.clone(), seen.clone()));
        writers.spawn(keep_creating(replica.configsvc.url.clone(), number, seen.clone()));
        writers.spawn(keep_reporting(replica.classifier.url.clone(), number, seen.clone()));
    }
    wait_for(&seen, |seen| seen.mutated.load(Ordering::SeqCst) >= 20, 0).await;
    postgres.go_down();
    seen.down.store(true, Ordering::SeqCst);
    wait_for(&seen, |seen| seen.mutated_while_down.load(Ordering::SeqCst) >= 20, 4).await;
    for replica in &replicas {
        let ready = client().get(format!("{}/readyz", replica.configsvc.url)).send().await.unwrap();
        assert_eq!(ready.status(), 200, "what is in memory can be served");
    }
    seen.down.store(false, Ordering::SeqCst);
    postgres.come_back().await;
    seen.stop.store(true, Ordering::SeqCst);
    let mut written = Vec::new();
    while let Some(ended) = writers.join_next().await {
        written.extend(ended.expect("a writer saw what it should not"));
    }
    while let Some(ended) = readers.join_next().await {
        ended.expect("a mutate call was answered wrongly");
    }

    // What was answered is there, once, in both; also after the outage mutate says when it is up to date again.
    written.sort();
    for replica in &replicas {
        until_applied(&replica.configsvc, created["id"].as_str().unwrap()).await;
        assert_eq!(stored(&replica.configsvc).await, written);
    }
    drop(replicas);
    postgres.stop().await;
}

/// Waits until `condition` holds and so many writes were refused.
async fn wait_for(seen: &Seen, condition: impl Fn(&Seen) -> bool, refused: usize) {
    let start = Instant::now();
    while !(condition(seen) && seen.refused.load(Ordering::SeqCst) >= refused) {
        assert!(start.elapsed() < DEADLINE, "the load did not see the outage");
        let _ = tokio::time::timeout(POLL, seen.changed.notified()).await;
    }
}

/// Until this server answers with this patch, and says that it knows all there is.
async fn until_applied(server: &Server, patch: &str) {
    let start = Instant::now();
    loop {
        let answer = server.post("/v1/configs/mutate", &json!({"job": job("r"), "config": {}})).await;
        let applied = answer["applied"].as_array().unwrap().iter().any(|applied| applied["patch_id"] == patch);
        if applied && answer["degraded"].as_array().is_none_or(Vec::is_empty) {
            return;
        }
        assert!(start.elapsed() < DEADLINE, "{answer}");
        tokio::time::sleep(POLL).await;
    }
}

/// Every answer has the patched value, whatever becomes of the database.
async fn keep_mutating(url: String, seen: Arc<Seen>) {
    let client = client();
    let body = json!({"job": job("r"), "config": {"spark.executor.memory": "1g", "spark.executor.cores": "2"}});
    while !seen.stop.load(Ordering::SeqCst) {
        let down = seen.down.load(Ordering::SeqCst);
        let answer = client.post(format!("{url}/v1/configs/mutate")).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["config"], json!({"spark.executor.memory": "3g", "spark.executor.cores": "2"}), "{answer}");
        seen.mutated.fetch_add(1, Ordering::SeqCst);
        if down && seen.down.load(Ordering::SeqCst) {
            seen.mutated_while_down.fetch_add(1, Ordering::SeqCst);
        }
        seen.changed.notify_one();
    }
}

/// Creates patches for other jobs, each under a key of its own and again until it is answered. The keys' patches.
async fn keep_creating(url: String, replica: usize, seen: Arc<Seen>) -> Vec<String> {
    let client = client();
    let mut created = Vec::new();
    while !seen.stop.load(Ordering::SeqCst) {
        let mut patch = memory_patch("1g", "restart");
        patch["scope"]["job"] = json!(format!("other-{replica}"));
        let key = format!("{replica}-{}", created.len());
        let answer = answered(&client, &format!("{url}/v1/patches"), &key, &patch, &seen).await;
        created.push(answer["id"].as_str().unwrap().to_owned());
    }
    created
}

/// Reports failures, each again until it is answered. The patches that their decisions name.
async fn keep_reporting(url: String, replica: usize, seen: Arc<Seen>) -> Vec<String> {
    let client = client();
    let (mut patches, mut number) = (Vec::new(), 0);
    while !seen.stop.load(Ordering::SeqCst) {
        let report = heap_failure(&format!("restart-{replica}-{number}"));
        let decision = answered(&client, &format!("{url}/v1/failures"), "", &report, &seen).await;
        assert_eq!(decision["classification"]["category"], "memory_configuration", "{decision}");
        patches.extend(decision["patch"]["id"].as_str().map(str::to_owned));
        number += 1;
    }
    patches
}

/// Sends until it is answered. A refusal is a clean one: 503, a problem document.
async fn answered(client: &Client, url: &str, key: &str, body: &Value, seen: &Seen) -> Value {
    let start = Instant::now();
    loop {
        let request = client.post(url).json(body);
        let request = if key.is_empty() { request } else { request.header("idempotency-key", key) };
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let answer: Value = answer.json().await.unwrap();
        match status {
            200 | 201 => return answer,
            503 => assert!(answer["detail"].is_string(), "{answer}"),
            _ => panic!("{status} {answer}"),
        }
        seen.refused.fetch_add(1, Ordering::SeqCst);
        seen.changed.notify_one();
        assert!(start.elapsed() < DEADLINE, "{url} does not recover: {answer}");
        tokio::time::sleep(POLL).await;
    }
}

/// The patches that the load made, in order of their ids.
async fn stored(server: &Server) -> Vec<String> {
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = server.get(&format!("/v1/patches?limit=200{cursor}")).await;
        let items = page["items"].as_array().unwrap();
        let made = items.iter().filter(|patch| patch["source"] != "operator");
        ids.extend(made.map(|patch| patch["id"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    ids.sort();
    ids
}
