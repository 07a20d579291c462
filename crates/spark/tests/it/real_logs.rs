//! Event logs as real Spark wrote them, by every codec: `fixtures/spark/generate` wrote them anew.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use paramedic_domain::EventLogSummary;
use paramedic_spark::event_log::{EventLogError, read, read_path};
use serde_json::Value;

use crate::limits;

fn fixture(name: &str) -> PathBuf {
    crate::fixture("spark").join(name)
}

fn summary(name: &str) -> EventLogSummary {
    read_path(&fixture(name), &limits()).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The logs of the job that succeeds.
const JOINED: [(&str, &str); 8] = [
    ("4.1-none", "4.1.4"),
    ("4.1-zstd", "4.1.4"),
    ("4.1-lz4", "4.1.4"),
    ("4.1-snappy", "4.1.4"),
    ("4.1-rolling", "4.1.4"),
    ("3.5-zstd", "3.5."),
    ("3.5-lz4", "3.5."),
    ("3.5-snappy", "3.5."),
];

#[test]
fn every_codec_tells_the_same_job() {
    for (name, version) in JOINED {
        let summary = summary(name);
        assert!(summary.spark_version.as_ref().unwrap().starts_with(version), "{name}: {:?}", summary.spark_version);
        assert!(!summary.incomplete && summary.executors_lost == 0, "{name}: {summary:?}");
        assert!(summary.running_at_failure.is_none(), "{name}");
        let tasks: u32 = summary.stages.iter().map(|stage| stage.tasks_succeeded).sum();
        assert!(
            tasks >= 12 && summary.stages.iter().all(|stage| stage.tasks == stage.tasks_succeeded),
            "{name}: {tasks}"
        );
        for operator in ["SortMergeJoin", "HashAggregate", "Exchange", "BatchEvalPython"] {
            assert!(
                summary.plan_operators.iter().any(|known| known == operator),
                "{name}: {:?}",
                summary.plan_operators
            );
        }
        for (peak, what) in [
            (summary.executor_heap_peak_bytes, "executor heap"),
            (summary.driver_heap_peak_bytes, "driver heap"),
            (summary.onheap_execution_peak_bytes, "execution memory"),
            (summary.onheap_storage_peak_bytes, "storage memory"),
            (summary.onheap_unified_peak_bytes, "unified memory"),
            (summary.executor_jvm_rss_peak_bytes, "resident JVM"),
            (summary.executor_python_rss_peak_bytes, "resident Python"),
        ] {
            assert!(peak > 0, "{name}: no {what}");
        }
        // Nine of ten orders are of one customer: the join's stage has a task that reads much more than the others.
        let joined =
            summary.stages.iter().max_by(|one, other| one.shuffle_read_skew.total_cmp(&other.shuffle_read_skew));
        let joined = joined.unwrap();
        let (per_task, largest) = (joined.shuffle_read_per_task.unwrap(), joined.largest_task.unwrap());
        assert!(joined.shuffle_read_skew > 3.0, "{name}: {joined:?}");
        assert_eq!((largest.read_bytes, largest.succeeded), (per_task.max_bytes, true), "{name}");
        assert!(per_task.p50_bytes <= per_task.p90_bytes && per_task.p90_bytes <= per_task.max_bytes, "{name}");
        assert!(joined.name.as_ref().unwrap().starts_with("collect at "), "{name}: {:?}", joined.name);
    }
}

#[test]
fn a_plain_parse_says_the_same() {
    let text = std::fs::read_to_string(fixture("4.1-none")).unwrap();
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let number = |event: &Value, path: &str| event.pointer(path).and_then(Value::as_u64).unwrap_or(0);
    let summary = summary("4.1-none");

    let mut stages: BTreeMap<u64, [u64; 6]> = BTreeMap::new();
    let mut operators = BTreeSet::new();
    let mut peaks = [0_u64; 8];
    for event in &events {
        let name = event["Event"].as_str().unwrap();
        if name == "SparkListenerTaskEnd" {
            let sums = stages.entry(number(event, "/Stage ID")).or_default();
            let of_task = [
                number(event, "/Task Metrics/Input Metrics/Bytes Read"),
                number(event, "/Task Metrics/Shuffle Read Metrics/Remote Bytes Read")
                    + number(event, "/Task Metrics/Shuffle Read Metrics/Local Bytes Read"),
                number(event, "/Task Metrics/Shuffle Write Metrics/Shuffle Bytes Written"),
                number(event, "/Task Metrics/Memory Bytes Spilled"),
                number(event, "/Task Metrics/Result Size"),
                number(event, "/Task Metrics/JVM GC Time"),
            ];
            sums.iter_mut().zip(of_task).for_each(|(sum, more)| *sum += more);
        }
        for metrics in executor_metrics(event) {
            let keys = [
                "JVMHeapMemory",
                "OnHeapExecutionMemory",
                "OnHeapStorageMemory",
                "OnHeapUnifiedMemory",
                "OffHeapUnifiedMemory",
                "ProcessTreeJVMRSSMemory",
                "ProcessTreePythonRSSMemory",
                "ProcessTreeOtherRSSMemory",
            ];
            peaks.iter_mut().zip(keys).for_each(|(peak, key)| *peak = number(metrics, &format!("/{key}")).max(*peak));
        }
        if name.ends_with("SQLExecutionStart") {
            collect_operators(&event["sparkPlanInfo"], &mut operators);
        }
    }
    let told: BTreeMap<u64, [u64; 4]> = summary
        .stages
        .iter()
        .map(|stage| {
            let sums =
                [stage.input_bytes, stage.shuffle_read_bytes, stage.shuffle_write_bytes, stage.memory_spill_bytes];
            (u64::from(stage.stage), sums)
        })
        .collect();
    let summed = |[input, read, write, spill, ..]: &[u64; 6]| [*input, *read, *write, *spill];
    assert_eq!(told, stages.iter().map(|(stage, sums)| (*stage, summed(sums))).collect());
    assert_eq!(summary.result_bytes, stages.values().map(|sums| sums[4]).sum::<u64>());
    assert_eq!(summary.plan_operators, operators.into_iter().collect::<Vec<_>>());
    let told = [
        summary.executor_heap_peak_bytes,
        summary.onheap_execution_peak_bytes,
        summary.onheap_storage_peak_bytes,
        summary.onheap_unified_peak_bytes,
        summary.offheap_unified_peak_bytes,
        summary.executor_jvm_rss_peak_bytes,
        summary.executor_python_rss_peak_bytes,
        summary.executor_other_rss_peak_bytes,
    ];
    assert_eq!(told, peaks);
}

/// The metrics of executors, not the driver's, in any event.
fn executor_metrics(event: &Value) -> Vec<&Value> {
    let executor = event.get("Executor ID").or_else(|| event.pointer("/Task Info/Executor ID"));
    if executor.is_none_or(|executor| executor == "driver") {
        return Vec::new();
    }
    let updated = event.get("Executor Metrics Updated").and_then(Value::as_array).into_iter().flatten();
    let updated = updated.filter_map(|update| update.get("Executor Metrics"));
    event.get("Executor Metrics").into_iter().chain(event.get("Task Executor Metrics")).chain(updated).collect()
}

fn collect_operators(plan: &Value, operators: &mut BTreeSet<String>) {
    let name = plan["nodeName"].as_str().unwrap();
    operators.insert(name.split(['(', ' ']).next().unwrap().to_owned());
    plan["children"].as_array().into_iter().flatten().for_each(|child| collect_operators(child, operators));
}

#[test]
fn a_heap_that_ran_out_is_told_with_what_ran() {
    for name in ["4.1-heap", "3.5-heap"] {
        let summary = summary(name);
        let failed: Vec<_> = summary.stages.iter().filter(|stage| stage.failed).collect();
        assert!(
            !failed.is_empty() && failed.iter().any(|stage| stage.tasks_failed > 0),
            "{name}: {:?}",
            summary.stages
        );
        let running = summary.running_at_failure.unwrap();
        assert!(running.tasks >= 1 && running.tasks_of_executor >= 1, "{name}: {running:?}");
        assert!(failed.iter().any(|stage| running.stages.contains(&stage.stage)), "{name}: {running:?}");
        // Nearly all of 512 MiB.
        assert!(summary.executor_heap_peak_bytes > 256 << 20, "{name}: {}", summary.executor_heap_peak_bytes);
    }
}

#[test]
fn a_killed_driver_leaves_a_log_that_tells_what_ran() {
    let whole = summary("4.1-killed");
    assert!(whole.incomplete && whole.application_id.is_some());
    assert_eq!(whole.running_at_failure, None, "it was killed between two jobs");
    // The same log, had it been killed as its last task began.
    let text = std::fs::read_to_string(fixture("4.1-killed")).unwrap();
    let last_start = text.rfind(r#"{"Event":"SparkListenerTaskStart""#).unwrap();
    let end = last_start + text[last_start..].find('\n').unwrap();
    let running = read(&text.as_bytes()[..end], &limits()).unwrap().running_at_failure.unwrap();
    assert!(!running.stages.is_empty() && running.tasks >= 1, "{running:?}");
}

#[test]
fn logs_cut_anywhere_are_read_to_there() {
    for name in ["4.1-none", "4.1-zstd", "4.1-lz4", "4.1-snappy", "3.5-zstd", "3.5-lz4", "3.5-snappy"] {
        let whole = std::fs::read(fixture(name)).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("app-1.inprogress");
        let mut told = 0;
        for part in 1..20 {
            std::fs::write(&path, &whole[..whole.len() * part / 20]).unwrap();
            match read_path(&path, &limits()) {
                Ok(summary) => {
                    assert!(summary.incomplete, "{name}, {part} of 20");
                    told += 1;
                }
                Err(EventLogError::NoEvents) => {}
                Err(error) => panic!("{name}, {part} of 20: {error}"),
            }
        }
        assert!(told >= 12, "{name}: {told} of 19 parts tell anything");
    }
}

#[test]
fn a_line_longer_than_the_buffer_is_read_too() {
    // A reader that gives a few bytes at a time meets every line in pieces.
    let text = std::fs::read(fixture("4.1-none")).unwrap();
    let pieces = std::io::BufReader::with_capacity(777, text.as_slice());
    assert_eq!(read(pieces, &limits()).unwrap(), summary("4.1-none"));
}
