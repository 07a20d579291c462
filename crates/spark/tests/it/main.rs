//! Event logs that real Spark 4.1 wrote on `local-cluster[1,1,1024]`: a healthy run, and one whose second query raises an
//! error. Class paths, stack traces and accumulators are left out; paths are replaced.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod real_logs;

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use paramedic_spark::event_log::{EventLogError, EventLogLimits, read, read_path};
use proptest::prelude::*;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn limits() -> EventLogLimits {
    EventLogLimits::default()
}

#[test]
fn a_healthy_run() {
    let summary = read_path(&fixture("healthy.jsonl"), &limits()).unwrap();
    assert_eq!(summary.spark_version.as_deref(), Some("4.1.4"));
    assert!(summary.application_id.unwrap().starts_with("app-"));
    assert_eq!(summary.spark_properties.get("spark.sql.shuffle.partitions").map(String::as_str), Some("4"));
    assert!(!summary.incomplete);
    assert_eq!(summary.executors_lost, 0);
    assert!(summary.executors_added >= 1);
    assert_eq!(summary.driver_heap_peak_bytes, 75_244_032);
    assert!(summary.plan_operators.contains(&"HashAggregate".to_owned()), "{:?}", summary.plan_operators);
    assert!(summary.plan_operators.contains(&"Exchange".to_owned()), "{:?}", summary.plan_operators);
    assert!(summary.stages.iter().all(|stage| !stage.failed && stage.tasks_failed == 0 && stage.tasks > 0));
    assert!(summary.stages.iter().any(|stage| stage.shuffle_write_bytes > 0));
    assert!(summary.result_bytes > 0);
}

#[test]
fn a_failed_stage_is_told() {
    let summary = read_path(&fixture("failed.jsonl"), &limits()).unwrap();
    let failed: Vec<_> = summary.stages.iter().filter(|stage| stage.failed).collect();
    assert_eq!(failed.len(), 1);
    assert!(failed[0].tasks_failed >= 1);
}

#[test]
fn a_secret_is_not_kept() {
    let text = std::fs::read_to_string(fixture("healthy.jsonl")).unwrap();
    assert!(text.contains("must not be kept"));
    let summary = read_path(&fixture("healthy.jsonl"), &limits()).unwrap();
    assert!(!format!("{summary:?}").contains("must not be kept"));
}

#[test]
fn a_compressed_log_and_a_rolling_log_read_alike() {
    let plain = read_path(&fixture("failed.jsonl"), &limits()).unwrap();
    let text = std::fs::read(fixture("failed.jsonl")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let compressed = dir.path().join("app-1.zstd");
    std::fs::write(&compressed, zstd::encode_all(text.as_slice(), 3).unwrap()).unwrap();
    assert_eq!(read_path(&compressed, &limits()).unwrap(), plain);

    let rolling = dir.path().join("eventlog_v2_app-1");
    std::fs::create_dir(&rolling).unwrap();
    let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    for (number, part) in lines.chunks(lines.len() / 11).enumerate() {
        let mut file = std::fs::File::create(rolling.join(format!("events_{}_app-1", number + 1))).unwrap();
        file.write_all(&part.concat()).unwrap();
    }
    std::fs::write(rolling.join("appstatus_app-1"), "").unwrap();
    assert_eq!(read_path(&rolling, &limits()).unwrap(), plain);
}

#[test]
fn a_compacted_file_stands_for_those_before_it() {
    let plain = read_path(&fixture("failed.jsonl"), &limits()).unwrap();
    let text = std::fs::read(fixture("failed.jsonl")).unwrap();
    let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    let (before, after) = lines.split_at(lines.len() / 2);
    let dir = tempfile::tempdir().unwrap();
    let compressed = |lines: &[&[u8]]| zstd::encode_all(lines.concat().as_slice(), 3).unwrap();
    for (name, lines) in [
        ("events_1_app-1.zstd", before),
        ("events_2_app-1.zstd", before),
        ("events_2_app-1.zstd.compact", before),
        ("events_10_app-1.zstd", after),
    ] {
        std::fs::write(dir.path().join(name), compressed(lines)).unwrap();
    }
    assert_eq!(read_path(dir.path(), &limits()).unwrap(), plain);
}

#[test]
fn a_log_cut_in_the_middle_tells_what_it_can() {
    let text = std::fs::read(fixture("healthy.jsonl")).unwrap();
    let summary = read(&text[..text.len() * 2 / 3], &limits()).unwrap();
    assert!(summary.incomplete);
    assert!(summary.application_id.is_some());
    let compressed = zstd::encode_all(text.as_slice(), 3).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app-1.zstd.inprogress");
    std::fs::write(&path, &compressed[..compressed.len() / 2]).unwrap();
    // A frame cut off so early may hold no whole event; it must not fail in another way.
    assert!(matches!(read_path(&path, &limits()), Ok(_) | Err(EventLogError::NoEvents)));
}

#[test]
fn what_is_no_event_log_is_said_to_be_none() {
    assert!(matches!(read(b"hello\nworld\n".as_slice(), &limits()), Err(EventLogError::NoEvents)));
    assert!(matches!(read(b"".as_slice(), &limits()), Err(EventLogError::NoEvents)));
}

/// Each update of the environment brought as many properties as one may have.
#[test]
fn properties_are_bounded_over_all_updates_of_the_environment() {
    let update = |key: &str, value: &str| {
        format!("{{\"Event\":\"SparkListenerEnvironmentUpdate\",\"Spark Properties\":{{\"{key}\":\"{value}\"}}}}\n")
    };
    let log = [update("spark.a", "1"), update("spark.b", "1"), update("spark.c", "1"), update("spark.a", "2")].concat();
    let summary = read(log.as_bytes(), &EventLogLimits { properties_max: 2, ..limits() }).unwrap();
    let kept: Vec<_> = summary.spark_properties.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(kept, [("spark.a", "2"), ("spark.b", "1")]);
}

#[test]
fn long_lines_and_long_logs_are_cut() {
    let text = std::fs::read(fixture("healthy.jsonl")).unwrap();
    let short_lines = EventLogLimits { line_bytes_max: 200, ..limits() };
    assert!(read(text.as_slice(), &short_lines).unwrap().stages.is_empty());
    let few_bytes = EventLogLimits { total_bytes_max: 5_000, ..limits() };
    assert!(read(text.as_slice(), &few_bytes).unwrap().incomplete);
}

proptest! {
    #[test]
    fn damaged_logs_never_panic(position in 0_usize..20_000, byte in any::<u8>(), cut in 0_usize..40_000) {
        let mut text = std::fs::read(fixture("failed.jsonl")).unwrap();
        let length = text.len();
        text[position % length] = byte;
        text.truncate(cut.max(1));
        let _ = read(text.as_slice(), &limits());
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        let _ = read(bytes.as_slice(), &limits());
    }
}
