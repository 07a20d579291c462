//! How long a decision takes through the three services on loopback, for 1 MB of logs.
//!
//! ```text
//! cargo bench -p paramedic --bench decision
//! ```
//!
//! Starts the real server on a free port with an empty SQLite store, reports failures of different runs one after the
//! other, and prints the quantiles of the answer's time, for a memory failure (rules, search, patch) and for one that the
//! rules alone decide. Beside it the time that the search alone took.

#![expect(clippy::expect_used, clippy::panic, reason = "a benchmark that cannot go on fails")]

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use paramedic_domain::{Decision, FailureReport};
use paramedic_service::{Client, Timeouts};
use serde_json::json;

/// Decisions measured of each kind; the first few are not counted.
const DECISIONS: usize = 200;
const WARM_UP: usize = 10;
const LOG_BYTES: usize = 1_000_000;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let data = tempfile::tempdir().expect("a folder");
    let (mut server, url) = start(data.path());
    let client = Client::new(&url, None, Timeouts::default()).expect("a client");
    let memory = "26/01/31 12:00:00 WARN TaskSetManager: Lost task 0.0 in stage 1.0 (TID 8) (10.0.0.1 executor 0): \
                  java.lang.OutOfMemoryError: Java heap space\n\tat java.base/java.util.Arrays.copyOf(Arrays.java:3537)\n";
    let table = "Traceback (most recent call last):\n  File \"job.py\", line 3, in <module>\n\
                 pyspark.errors.exceptions.captured.AnalysisException: [TABLE_OR_VIEW_NOT_FOUND] The table or view \
                 `finance`.`daily` cannot be found. SQLSTATE: 42P01\n";
    println!("{DECISIONS} decisions each, {LOG_BYTES} bytes of driver.stderr, one after the other");
    for (kind, cause) in [("memory", memory), ("missing_table", table)] {
        let answers: Vec<(Duration, Decision)> =
            (0..WARM_UP + DECISIONS).map(|run| decide(&runtime, &client, &report(kind, run, cause))).collect();
        show(kind, &answers[WARM_UP..]);
    }
    server.kill().expect("the server ends");
    server.wait().expect("the server ended");
}

fn start(data: &std::path::Path) -> (Child, String) {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut server = Command::new(env!("CARGO_BIN_EXE_paramedic"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(data)
        .arg("--rules")
        .arg(root.join("rules"))
        .arg("--models")
        .arg(root.join("models"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the server starts");
    let mut ready = String::new();
    BufReader::new(server.stdout.take().expect("its output")).read_line(&mut ready).expect("its first line");
    let url = ready.split_whitespace().find(|word| word.starts_with("http://"));
    let url = url.unwrap_or_else(|| panic!("the server said `{ready}`, no address")).to_owned();
    (server, url)
}

fn report(kind: &str, run: usize, cause: &str) -> FailureReport {
    let line = "26/01/31 12:00:00 INFO TaskSetManager: Finished task 17.0 in stage 0.0 (TID 17) in 153 ms on 10.0.0.1 \
                (executor 0) (18/200)\n";
    let mut text = line.repeat(LOG_BYTES / line.len());
    text.push_str(cause);
    let report = json!({
        "job": {"scheduler": "bench", "workflow": kind, "job": "orders", "run": run.to_string(), "attempt": 1},
        "engine": {"kind": "spark", "version": "4.1.4"},
        "config": {"spark.master": "yarn", "spark.executor.memory": "2g", "spark.executor.cores": "4"},
        "logs": [{"log": "driver.stderr", "text": text}],
        "exit_code": 1,
    });
    serde_json::from_value(report).expect("the report is one")
}

fn decide(runtime: &tokio::runtime::Runtime, client: &Client, report: &FailureReport) -> (Duration, Decision) {
    let started = Instant::now();
    let decision = runtime.block_on(client.report_failure(report)).expect("a decision");
    (started.elapsed(), decision)
}

fn show(kind: &str, answers: &[(Duration, Decision)]) {
    let mut times: Vec<f64> = answers.iter().map(|(time, _)| time.as_secs_f64() * 1e3).collect();
    times.sort_by(f64::total_cmp);
    let quantile = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    let searches: Vec<f64> = answers
        .iter()
        .filter_map(|(_, decision)| decision.recommendation.as_ref())
        .map(|found| found.elapsed_ms)
        .collect();
    let search = if searches.is_empty() { 0.0 } else { searches.iter().sum::<f64>() / searches.len() as f64 };
    let last = answers.last().map(|(_, decision)| (decision.classification.class.as_str(), decision.action.as_str()));
    println!(
        "{kind:14} p50 {:7.2} ms   p99 {:7.2} ms   mean search {search:6.2} ms   {last:?}",
        quantile(0.5),
        quantile(0.99)
    );
    assert!(answers.iter().all(|(_, decision)| decision.degraded.is_empty()), "a decision was degraded");
}
