//! The events in use, with only the fields in use. Names are those of `org.apache.spark.util.JsonProtocol`.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

/// The name of an event, without parsing the line: events begin `{"Event":"…"`, perhaps with spaces between.
pub(super) fn name(line: &[u8]) -> Option<&str> {
    let rest = line.trim_ascii_start().strip_prefix(b"{")?.trim_ascii_start().strip_prefix(b"\"Event\"")?;
    let rest = rest.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start().strip_prefix(b"\"")?;
    let end = rest.iter().position(|byte| *byte == b'"')?;
    std::str::from_utf8(rest.get(..end)?).ok()
}

/// The names of a plan's nodes, found without parsing: plans nest deeper than JSON parsers follow. Inside a text the
/// quotes are escaped, so that the field's name cannot be met there.
pub(super) fn node_names(line: &[u8]) -> impl Iterator<Item = &str> {
    const FIELD: &[u8] = b"\"nodeName\"";
    let mut rest = line;
    std::iter::from_fn(move || {
        loop {
            let quote = rest.iter().position(|byte| *byte == b'"')?;
            let (_, from) = rest.split_at(quote);
            let Some(after) = from.strip_prefix(FIELD) else {
                rest = from.get(1..)?;
                continue;
            };
            rest = after;
            let value = after.trim_ascii_start().strip_prefix(b":").and_then(|value| {
                let value = value.trim_ascii_start().strip_prefix(b"\"")?;
                let end = value.iter().position(|byte| *byte == b'"')?;
                std::str::from_utf8(value.get(..end)?).ok()
            });
            if value.is_some() {
                return value;
            }
        }
    })
}

/// A number of bytes or milliseconds; one below zero, which some Spark versions wrote, is none.
fn not_negative<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    i64::deserialize(deserializer).map(|number| number.max(0).cast_unsigned())
}

#[derive(Deserialize)]
pub(super) struct LogStart {
    #[serde(rename = "Spark Version")]
    pub(super) spark_version: String,
}

#[derive(Deserialize)]
pub(super) struct ApplicationStart {
    #[serde(rename = "App ID")]
    pub(super) application_id: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct EnvironmentUpdate {
    #[serde(rename = "Spark Properties", default)]
    pub(super) spark_properties: BTreeMap<String, String>,
}

#[derive(Deserialize)]
pub(super) struct ExecutorRemoved {
    #[serde(rename = "Removed Reason", default)]
    pub(super) reason: String,
}

#[derive(Deserialize)]
pub(super) struct StageEvent {
    #[serde(rename = "Stage Info")]
    pub(super) info: StageInfo,
}

#[derive(Deserialize)]
pub(super) struct StageInfo {
    #[serde(rename = "Stage ID")]
    pub(super) stage: u32,
    #[serde(rename = "Number of Tasks", default)]
    pub(super) tasks: u32,
    #[serde(rename = "Failure Reason")]
    pub(super) failure_reason: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
pub(super) struct TaskEnd {
    #[serde(rename = "Stage ID")]
    pub(super) stage: u32,
    #[serde(rename = "Task End Reason")]
    pub(super) reason: TaskEndReason,
    #[serde(rename = "Task Info")]
    pub(super) info: TaskInfo,
    #[serde(rename = "Task Executor Metrics", default)]
    pub(super) executor_metrics: Option<ExecutorMetrics>,
    #[serde(rename = "Task Metrics", default)]
    pub(super) metrics: Option<TaskMetrics>,
}

#[derive(Deserialize)]
pub(super) struct TaskEndReason {
    #[serde(rename = "Reason", default)]
    pub(super) reason: String,
}

#[derive(Deserialize)]
pub(super) struct TaskInfo {
    #[serde(rename = "Executor ID", default)]
    pub(super) executor: String,
    #[serde(rename = "Launch Time", default)]
    pub(super) launch_ms: i64,
    #[serde(rename = "Finish Time", default)]
    pub(super) finish_ms: i64,
}

#[derive(Default, Deserialize)]
pub(super) struct TaskMetrics {
    #[serde(rename = "Executor Run Time", default, deserialize_with = "not_negative")]
    pub(super) run_ms: u64,
    #[serde(rename = "JVM GC Time", default, deserialize_with = "not_negative")]
    pub(super) gc_ms: u64,
    #[serde(rename = "Result Size", default, deserialize_with = "not_negative")]
    pub(super) result_bytes: u64,
    #[serde(rename = "Peak Execution Memory", default, deserialize_with = "not_negative")]
    pub(super) peak_execution_bytes: u64,
    #[serde(rename = "Memory Bytes Spilled", default, deserialize_with = "not_negative")]
    pub(super) memory_spill_bytes: u64,
    #[serde(rename = "Shuffle Read Metrics", default)]
    pub(super) shuffle_read: ShuffleRead,
    #[serde(rename = "Shuffle Write Metrics", default)]
    pub(super) shuffle_write: ShuffleWrite,
    #[serde(rename = "Input Metrics", default)]
    pub(super) input: Input,
}

#[derive(Default, Deserialize)]
pub(super) struct ShuffleRead {
    #[serde(rename = "Remote Bytes Read", default, deserialize_with = "not_negative")]
    pub(super) remote_bytes: u64,
    #[serde(rename = "Local Bytes Read", default, deserialize_with = "not_negative")]
    pub(super) local_bytes: u64,
}

#[derive(Default, Deserialize)]
pub(super) struct ShuffleWrite {
    #[serde(rename = "Shuffle Bytes Written", default, deserialize_with = "not_negative")]
    pub(super) bytes: u64,
}

#[derive(Default, Deserialize)]
pub(super) struct Input {
    #[serde(rename = "Bytes Read", default, deserialize_with = "not_negative")]
    pub(super) bytes: u64,
}

#[derive(Deserialize)]
pub(super) struct StageExecutorMetrics {
    #[serde(rename = "Executor ID")]
    pub(super) executor: String,
    #[serde(rename = "Executor Metrics")]
    pub(super) metrics: ExecutorMetrics,
}

#[derive(Deserialize)]
pub(super) struct ExecutorMetricsUpdate {
    #[serde(rename = "Executor ID")]
    pub(super) executor: String,
    #[serde(rename = "Executor Metrics Updated", default)]
    pub(super) updates: Vec<UpdatedMetrics>,
}

#[derive(Deserialize)]
pub(super) struct UpdatedMetrics {
    #[serde(rename = "Executor Metrics")]
    pub(super) metrics: ExecutorMetrics,
}

/// Peaks of one executor or the driver, bytes.
#[derive(Default, Deserialize)]
pub(super) struct ExecutorMetrics {
    #[serde(rename = "JVMHeapMemory", default, deserialize_with = "not_negative")]
    pub(super) heap: u64,
    #[serde(rename = "OnHeapUnifiedMemory", default, deserialize_with = "not_negative")]
    pub(super) onheap_unified: u64,
    #[serde(rename = "OffHeapUnifiedMemory", default, deserialize_with = "not_negative")]
    pub(super) offheap_unified: u64,
    #[serde(rename = "ProcessTreeJVMRSSMemory", default, deserialize_with = "not_negative")]
    pub(super) jvm_rss: u64,
    #[serde(rename = "ProcessTreePythonRSSMemory", default, deserialize_with = "not_negative")]
    pub(super) python_rss: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_with_and_without_spaces() {
        assert_eq!(name(br#"{"Event":"SparkListenerTaskEnd","x":1}"#), Some("SparkListenerTaskEnd"));
        assert_eq!(name(br#" { "Event" : "SparkListenerTaskEnd" }"#), Some("SparkListenerTaskEnd"));
        assert_eq!(name(br#"{"other":"Event"}"#), None);
    }

    #[test]
    fn nodes_are_found_at_any_depth_and_not_in_texts() {
        let mut plan = r#"{"nodeName":"Range"}"#.to_owned();
        for _ in 0..1_000 {
            plan = format!(r#"{{"nodeName": "Project","simpleString":"a \"nodeName\":\"b\"","children":[{plan}]}}"#);
        }
        let names: Vec<&str> = node_names(plan.as_bytes()).collect();
        assert_eq!(names.len(), 1_001);
        assert!(names.iter().all(|name| ["Project", "Range"].contains(name)));
    }

    #[test]
    fn a_number_below_zero_is_none() {
        let metrics: ExecutorMetrics = serde_json::from_str(r#"{"JVMHeapMemory":-1,"OnHeapUnifiedMemory":5}"#).unwrap();
        assert_eq!((metrics.heap, metrics.onheap_unified), (0, 5));
    }
}
