//! The all-in-one server, and the commands that ask it.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Output, Stdio},
};

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::program::{paramedic, rest, rules, run, script, send, stderr, stdout, wait_for_line};

/// A server of its own for each test, stopped at its end.
pub(crate) struct Server {
    process: Running,
    url: String,
    directory: TempDir,
}

/// Ends with its owner.
pub(crate) struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), "data")
    }

    /// On a data folder that may hold something already.
    pub(crate) fn start_in(directory: TempDir, data: &str) -> Self {
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
        let mut command = paramedic(&["serve", "--listen", "127.0.0.1:0"]);
        command.arg("--data-dir").arg(directory.path().join(data));
        command.arg("--ready-file").arg(directory.path().join("url"));
        command.arg("--rules").arg(rules()).arg("--models").arg(models);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim_end().strip_prefix("paramedic: listening on ").unwrap().to_owned();
        Self { process: Running(process), url, directory }
    }

    /// Its folder and its process, to end the one and keep the other.
    pub(crate) fn into_parts(self) -> (TempDir, Running) {
        (self.directory, self.process)
    }

    /// A command that asks this server.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Output {
        paramedic(arguments).env("PARAMEDIC_URL", &self.url).output().unwrap()
    }

    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let output = self.ask(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

#[test]
fn it_tells_where_it_listens_and_stops_when_asked_to() {
    let mut server = Server::start();
    assert_eq!(fs::read_to_string(server.path("url")).unwrap_or_default().trim(), server.url);
    assert!(server.json(&["models", "list", "--json"])["items"].is_array());
    send(&server.process.0, Signal::TERM);
    assert_eq!(server.process.0.wait().unwrap().code(), Some(0));
}

#[test]
fn an_address_that_others_reach_needs_tokens() {
    let data = tempfile::tempdir().unwrap();
    let mut command = paramedic(&["serve", "--listen", "0.0.0.0:0", "--models", ".", "--data-dir"]);
    let output = command.arg(data.path()).arg("--rules").arg(rules()).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("token"), "{}", stderr(&output));
}

#[test]
fn a_patch_is_created_listed_shown_and_revoked() {
    let server = Server::start();
    let create =
        ["patches", "create", "--scope", "workflow=w", "--set", "spark.executor.memory=2g", "--expires-in", "7d"];
    let created = server.json(&[&create[..], &["--json", "--reason", "month end"]].concat());
    let id = created["id"].as_str().unwrap();
    assert_eq!(server.json(&["patches", "list", "--status", "active", "--json"])["items"][0]["id"], id);
    let shown = stdout(&server.ask(&["patches", "show", id]));
    assert!(shown.contains("spark.executor.memory=2g") && shown.contains("month end"), "{shown}");
    assert_eq!(server.json(&["patches", "pause", id, "--json"])["status"], "paused");
    assert_eq!(server.json(&["patches", "resume", id, "--json"])["status"], "active");
    let back = server.json(&["patches", "rollback", id, "--to", "1", "--reason", "as before", "--json"]);
    assert_eq!(back["version"], 4);
    let history = stdout(&server.ask(&["patches", "history", id]));
    assert!(history.contains("rollback by local: as before") && history.contains("1. "), "{history}");
    let who =
        ["--scheduler", "cron", "--workflow", "w", "--job", "j", "--run", "r", "--conf", "spark.executor.memory=1g"];
    let explain = || stdout(&server.ask(&[&["patches", "explain"][..], &who[..]].concat()));
    let explained = explain();
    assert!(explained.contains("spark.executor.memory: 2g") && explained.contains("the job's own 1g"), "{explained}");
    let freeze = server.json(&["patches", "freeze", "--everything", "--reason", "audit", "--json"]);
    let frozen = explain();
    assert!(frozen.contains("frozen by local: audit") && frozen.contains("spark.executor.memory: 1g"), "{frozen}");
    assert_eq!(server.ask(&["patches", "unfreeze", freeze["id"].as_str().unwrap()]).status.code(), Some(0));
    assert!(stdout(&server.ask(&["patches", "freezes"])).contains("every job, by local"));
    assert_eq!(server.json(&["patches", "revoke", id, "--json"])["status"], "revoked");
    assert_eq!(server.ask(&["patches", "show", "0192d3f0-5c1e-5b7e-9d41-2f1a6a7f0c55"]).status.code(), Some(1));
    let forbidden =
        ["patches", "create", "--scope", "workflow=w", "--set", "spark.driver.extraJavaOptions=-javaagent:x"];
    let refused = server.ask(&forbidden);
    assert_eq!(refused.status.code(), Some(2), "{}", stderr(&refused));
}

#[test]
fn output_passes_through_untouched_while_it_is_captured() {
    let server = Server::start();
    let spark_submit = script(server.directory.path(), "spark-submit", r"printf 'a\377\000b'; printf 'no newline' >&2");
    let output = server.ask(&["submit", "--", &spark_submit, "job.py"]);
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), &b"a\xff\x00b"[..]));
    assert!(stderr(&output).starts_with("no newline"), "{}", stderr(&output));
    assert!(stderr(&output).contains("nothing to heal"), "{}", stderr(&output));
}

#[test]
fn a_job_that_is_told_to_stop_is_neither_reported_nor_retried() {
    let server = Server::start();
    let job = "trap 'exit 143' TERM; echo ready; while :; do sleep 0.05; done";
    let spark_submit = script(server.directory.path(), "spark-submit", job);
    let mut command = paramedic(&["submit", "--server", &server.url, "--", &spark_submit, "job.py"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let reader = wait_for_line(&mut child, "ready");
    send(&child, Signal::TERM);
    assert_eq!(rest(reader), "");
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert_eq!(server.json(&["failures", "list", "--json"])["items"].as_array().unwrap().len(), 0);
}

/// Stands for Spark only as far as processes go: fails at its first start, and keeps the words of every start.
const FAILS_FIRST: &str = r#"cd "$(dirname "$0")"; echo "$*" >> starts
if [ "$(wc -l < starts)" -eq 1 ]; then
  echo "26/01/31 12:00:00 WARN TaskSetManager: Lost task 0.0 in stage 1.0 (TID 8) (10.0.0.1 executor 0): java.lang.OutOfMemoryError: Java heap space" >&2
  exit 1
fi"#;

#[test]
fn a_retry_starts_with_the_recommended_configuration_and_the_story_is_told() {
    let server = Server::start();
    let spark_submit = script(server.directory.path(), "spark-submit", FAILS_FIRST);
    let report = server.path("report.json");
    let secret = "spark.hadoop.fs.s3a.secret.key=hunter2";
    let words = ["--master", "yarn", "--executor-memory", "1g", "--conf", secret, "job.py"];
    let arguments =
        ["submit", "--no-event-log", "--run", "r1", "--report", report.to_str().unwrap(), "--", &spark_submit];
    let output = server.ask(&[&arguments[..], &words[..]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("healed: attempt 2 succeeded"), "{}", stderr(&output));

    let starts = fs::read_to_string(server.path("starts")).unwrap();
    let starts: Vec<_> = starts.lines().collect();
    assert_eq!(starts[0], words.join(" "));
    assert_ne!(starts[1], starts[0]);
    assert!(starts[1].contains(secret) && starts[1].ends_with("job.py"), "{}", starts[1]);

    let story: Value = serde_json::from_str(&fs::read_to_string(report).unwrap()).unwrap();
    assert_eq!(story["healed"], true);
    assert_eq!(story["attempts"][0]["decision"]["action"], "retry_with_config");
    assert!(!story["attempts"][1]["config_changes"].as_object().unwrap().is_empty());
    assert!(!story.to_string().contains("hunter2"));
    let failures = server.json(&["failures", "list", "--json"]);
    assert_eq!(failures["items"][0]["job"]["run"], "r1");
    let id = failures["items"][0]["failure_id"].as_str().unwrap();
    let line = stdout(&server.ask(&["failures", "show", id]));
    for part in ["patch for the retry", "patch for the job", "attempt 2 succeeded", "outcome: healed"] {
        assert!(line.contains(part), "{part} is missing in:\n{line}");
    }
    let savings = server.json(&["savings", "--json"]);
    assert_eq!(
        (&savings["treated"]["healed"], &savings["control"]["failed_runs"]),
        (&1.into(), &0.into()),
        "{savings}"
    );
    assert!(stdout(&server.ask(&["savings"])).contains("--control-share"));
    assert_eq!(server.json(&["right-sizing", "list", "--json"])["items"], serde_json::json!([]));
    assert!(!failures.to_string().contains("hunter2"));
}

#[test]
fn a_rule_drafted_from_the_inbox_classifies_what_it_was_drafted_from() {
    let server = Server::start();
    let job = "printf '26/01/31 12:00:00 ERROR FeedGate: feed 7 of /data/in is late\\n' >&2; exit 5";
    let spark_submit = script(server.directory.path(), "spark-submit", job);
    server.ask(&["submit", "--no-event-log", "--max-retries", "0", "--", &spark_submit, "job.py"]);
    let groups = server.json(&["rules", "inbox", "--json"]);
    let group = groups["items"][0]["group"].as_str().unwrap();
    let shown = stdout(&server.ask(&["rules", "inbox", group]));
    assert!(shown.contains("feed <num> of <path>") && shown.contains("feed 7 of /data/in"), "{shown}");

    let folder = server.path("rules");
    fs::create_dir(&folder).unwrap();
    let file = folder.join("90-draft.yaml");
    let existing = rules();
    let existing = existing.to_str().unwrap();
    let output = server.ask(&["rules", "draft", group, "--rules", existing, "--output", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("restartable"), "{}", stderr(&output));
    let folder = folder.to_str().unwrap();
    for command in ["check", "test"] {
        let output = run(&["rules", command, "--rules", folder]);
        assert_eq!(output.status.code(), Some(0), "{command}: {}", stdout(&output));
    }
    let log = server.path("driver.stderr");
    fs::write(&log, "26/01/31 13:00:00 ERROR FeedGate: feed 8 of s3://bucket/in is late\n").unwrap();
    let explained = stdout(&run(&["rules", "explain", log.to_str().unwrap(), "--rules", folder]));
    assert!(explained.starts_with("FeedGateFeedLate:"), "{explained}");
}

#[test]
fn a_failure_that_no_retry_helps_ends_with_the_jobs_exit_code() {
    let server = Server::start();
    let job = "echo \"AnalysisException: [TABLE_OR_VIEW_NOT_FOUND] The table or view \\`finance\\`.\\`daily\\` cannot be found. \
               SQLSTATE: 42P01\" >&2; exit 5";
    let spark_submit = script(server.directory.path(), "spark-submit", job);
    let output = server.ask(&["submit", "--no-event-log", "--max-retries", "0", "--", &spark_submit, "job.py"]);
    assert_eq!(output.status.code(), Some(5));
    assert!(stderr(&output).contains("not healed"), "{}", stderr(&output));
}

#[test]
fn a_command_that_is_no_spark_submit_runs_with_one_warning() {
    let server = Server::start();
    let output = server.ask(&["submit", "--", "sh", "-c", "echo out; exit 0"]);
    assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(0), "out\n"));
    assert_eq!(stderr(&output).matches("no spark-submit").count(), 1, "{}", stderr(&output));
}

#[test]
fn a_backtest_compares_the_stored_verdicts_with_changed_rules() {
    let server = Server::start();
    let job = "echo 'java.lang.IllegalStateException: ledger 42 is locked' >&2; exit 5";
    let spark_submit = script(server.directory.path(), "spark-submit", job);
    let output = server.ask(&["submit", "--no-event-log", "--max-retries", "0", "--", &spark_submit, "job.py"]);
    assert_eq!(output.status.code(), Some(5), "{}", stderr(&output));
    let same = rules();
    let unchanged = server.json(&["rules", "backtest", "--rules", same.to_str().unwrap(), "--json"]);
    assert_eq!((&unchanged["compared"], &unchanged["changed"]), (&1.into(), &0.into()), "{unchanged}");
    let folder = server.path("rules");
    fs::create_dir(&folder).unwrap();
    let rule = "rules:\n  - name: LedgerIsLocked\n    source: ledger\n    log: [driver.stderr, driver.stdout, scheduler]\n    \
                summary: The ledger is locked.\n    category: data\n    restartable: true\n    regex: 'ledger \\d+ is \
                locked'\n    examples: {match: ['ledger 1 is locked'], no_match: ['ledger 1 is open']}\n";
    fs::write(folder.join("00-ledger.yaml"), rule).unwrap();
    let arguments = ["rules", "backtest", "--rules", folder.to_str().unwrap(), "--json"];
    let changed = server.json(&arguments);
    assert_eq!(changed["changes"][0]["to"], "LedgerIsLocked", "{changed}");
    assert_eq!(changed["rules"]["LedgerIsLocked"]["gained"], 1);
    let later = server.json(&[&arguments[..], &["--since", "2199-01-01T00:00:00Z"]].concat());
    assert_eq!(later["compared"], 0);
}

#[test]
fn a_port_in_use_is_told() {
    let server = Server::start();
    let address = server.url.strip_prefix("http://").unwrap();
    let data = tempfile::tempdir().unwrap();
    let rules = rules();
    let rules = rules.to_str().unwrap();
    let data = data.path().to_str().unwrap();
    let output = run(&["serve", "--listen", address, "--rules", rules, "--models", rules, "--data-dir", data]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("--listen"), "{}", stderr(&output));
}
