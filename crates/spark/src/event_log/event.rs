//! The events in use, with only the fields in use. Names are those of `org.apache.spark.util.JsonProtocol`.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The name of an event, without parsing the line: events begin `{"Event":"…"`.
pub(super) fn name(line: &[u8]) -> Option<&str> {
    let rest = line.strip_prefix(b"{\"Event\":")?;
    let rest = rest.strip_prefix(b" ").unwrap_or(rest).strip_prefix(b"\"")?;
    let end = rest.iter().position(|byte| *byte == b'"')?;
    std::str::from_utf8(rest.get(..end)?).ok()
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
    #[serde(rename = "Executor Run Time", default)]
    pub(super) run_ms: u64,
    #[serde(rename = "JVM GC Time", default)]
    pub(super) gc_ms: u64,
    #[serde(rename = "Result Size", default)]
    pub(super) result_bytes: u64,
    #[serde(rename = "Peak Execution Memory", default)]
    pub(super) peak_execution_bytes: u64,
    #[serde(rename = "Memory Bytes Spilled", default)]
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
    #[serde(rename = "Remote Bytes Read", default)]
    pub(super) remote_bytes: u64,
    #[serde(rename = "Local Bytes Read", default)]
    pub(super) local_bytes: u64,
}

#[derive(Default, Deserialize)]
pub(super) struct ShuffleWrite {
    #[serde(rename = "Shuffle Bytes Written", default)]
    pub(super) bytes: u64,
}

#[derive(Default, Deserialize)]
pub(super) struct Input {
    #[serde(rename = "Bytes Read", default)]
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
    #[serde(rename = "JVMHeapMemory", default)]
    pub(super) heap: u64,
    #[serde(rename = "OnHeapUnifiedMemory", default)]
    pub(super) onheap_unified: u64,
    #[serde(rename = "OffHeapUnifiedMemory", default)]
    pub(super) offheap_unified: u64,
    #[serde(rename = "ProcessTreeJVMRSSMemory", default)]
    pub(super) jvm_rss: u64,
    #[serde(rename = "ProcessTreePythonRSSMemory", default)]
    pub(super) python_rss: u64,
}

#[derive(Deserialize)]
pub(super) struct SqlPlan {
    #[serde(rename = "sparkPlanInfo")]
    pub(super) plan: PlanNode,
}

#[derive(Deserialize)]
pub(super) struct PlanNode {
    #[serde(rename = "nodeName", default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) children: Vec<PlanNode>,
}
