//! The shipped rules on structured (JSON) logs that Spark 4.1.4 wrote, with `spark.log.structuredLogging.enabled=true`.

use std::path::{Path, PathBuf};

use paramedic_domain::{Category, LogKind, MemorySide};
use paramedic_rules::{Circumstances, LogText, RuleSet};

fn log(log: LogKind, name: &str) -> LogText {
    let text = std::fs::read_to_string(folder("tests/it/logs").join(format!("{name}.jsonl"))).unwrap();
    LogText { log, name: name.to_owned(), text }
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn shipped() -> RuleSet {
    RuleSet::load_dir(&folder("../../rules")).unwrap()
}

#[test]
fn a_structured_log_of_a_lost_executor_storm_tells_the_heap() {
    // Executors die one after another, then every launch fails because the application is going down.
    let logs = [log(LogKind::DriverStderr, "executor-heap")];
    assert!(logs[0].text.matches("Failed to launch executor").count() > 5);
    let verdict = shipped().classify(&logs, Some(1));
    assert_eq!(verdict.category, Category::MemoryConfiguration, "{verdict:?}");
    assert_eq!(verdict.memory_side, Some(MemorySide::ExecutorHeap), "{verdict:?}");
    let line = logs[0].text.lines().nth(usize::try_from(verdict.evidence[0].line).unwrap() - 1).unwrap();
    assert!(line.contains("OutOfMemoryError") && line.starts_with('{'), "{line}");
}

#[test]
fn a_structured_log_of_a_missing_column_tells_the_query() {
    // A Python driver prints what it throws to standard output, between Spark's own entries.
    let logs = [log(LogKind::DriverStderr, "missing-column"), log(LogKind::DriverStdout, "missing-column-stdout")];
    let verdict = shipped().classify(&logs, Some(1));
    assert_eq!((verdict.category, verdict.restartable), (Category::UserSql, false), "{verdict:?}");
    assert!(verdict.evidence[0].text.contains("UNRESOLVED_COLUMN"), "{:?}", verdict.evidence);
}

#[test]
fn nothing_matches_a_structured_log_of_a_run_that_did_not_fail() {
    let hits = shipped().hits_in(&[log(LogKind::DriverStderr, "healthy")], &Circumstances::default());
    assert_eq!(hits, []);
}
