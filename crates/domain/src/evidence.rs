//! What is known of an attempt beside its logs: the event log, the cluster's limits, the host agent's samples.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::time::Timestamp;

/// Evidence on one attempt. Every field may be missing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AttemptEvidence {
    /// What the Spark event log told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_log: Option<EventLogSummary>,
    /// What the cluster can give to one executor or driver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterLimits>,
    /// How long the failed attempt ran, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_s: Option<f64>,
    /// What the failed attempt cost, where the platform reports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
}

/// Upper bounds that the cluster itself sets. Missing means unknown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClusterLimits {
    /// Memory of the largest node or worker that an executor can get, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executor_memory_bytes: Option<u64>,
    /// Cores of the largest node or worker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executor_cores: Option<u32>,
    /// Memory that the driver can get, in bytes: on a client, the host's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver_memory_bytes: Option<u64>,
}

/// A Spark event log in a few numbers. Bytes and seconds throughout; 0 peaks were not measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EventLogSummary {
    /// `spark.app.id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_id: Option<String>,
    /// The Spark version that wrote the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spark_version: Option<String>,
    /// The effective Spark properties: what the job really ran with, also where its code set them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub spark_properties: BTreeMap<String, String>,
    /// Executors that were ever added.
    #[serde(default)]
    pub executors_added: u32,
    /// Executors lost before the application ended.
    #[serde(default)]
    pub executors_lost: u32,
    /// Peak of executor JVM heap used.
    #[serde(default)]
    pub executor_heap_peak_bytes: u64,
    /// Peak of driver JVM heap used.
    #[serde(default)]
    pub driver_heap_peak_bytes: u64,
    /// Peak of on-heap execution and storage memory of one executor.
    #[serde(default)]
    pub onheap_unified_peak_bytes: u64,
    /// Peak of off-heap execution and storage memory of one executor.
    #[serde(default)]
    pub offheap_unified_peak_bytes: u64,
    /// Peak of on-heap execution memory of one executor.
    #[serde(default)]
    pub onheap_execution_peak_bytes: u64,
    /// Peak of on-heap storage memory of one executor.
    #[serde(default)]
    pub onheap_storage_peak_bytes: u64,
    /// Peak of off-heap execution memory of one executor.
    #[serde(default)]
    pub offheap_execution_peak_bytes: u64,
    /// Peak of off-heap storage memory of one executor.
    #[serde(default)]
    pub offheap_storage_peak_bytes: u64,
    /// Peak resident size of one executor's JVM process.
    #[serde(default)]
    pub executor_jvm_rss_peak_bytes: u64,
    /// Peak resident size of one executor's Python workers together.
    #[serde(default)]
    pub executor_python_rss_peak_bytes: u64,
    /// Peak resident size of all other processes of one executor.
    #[serde(default)]
    pub executor_other_rss_peak_bytes: u64,
    /// Peak of execution memory that one task held.
    #[serde(default)]
    pub task_execution_memory_peak_bytes: u64,
    /// Share of executor run time spent in garbage collection, 0 to 1.
    #[serde(default)]
    pub gc_time_share: f64,
    /// Sum of tasks' results sent to the driver.
    #[serde(default)]
    pub result_bytes: u64,
    /// What ran when the last task or executor failed, or, of a log without a failure that ends too early, at its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running_at_failure: Option<RunningAtFailure>,
    /// Stages, in order of submission; bounded, the largest kept.
    #[serde(default)]
    pub stages: Vec<StageSummary>,
    /// Physical operators of the SQL plans (`ShuffledHashJoin`, `BroadcastExchange`, …), sorted, without repetition.
    #[serde(default)]
    pub plan_operators: Vec<String>,
    /// The log ended before the application did.
    #[serde(default)]
    pub incomplete: bool,
}

/// What ran when something failed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunningAtFailure {
    /// Stages with running tasks, in order; bounded.
    pub stages: Vec<u32>,
    /// Tasks that ran in the whole application, the failed one included.
    pub tasks: u32,
    /// Tasks that ran at once on the executor that failed, or whose task did.
    #[serde(default)]
    pub tasks_of_executor: u32,
}

/// How a figure is spread over a stage's tasks, in bytes. The quantiles are off by at most 7 %, the greatest is exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskQuantiles {
    /// Median.
    pub p50_bytes: u64,
    /// 90 % of the tasks have at most this.
    pub p90_bytes: u64,
    /// 99 % of the tasks have at most this.
    pub p99_bytes: u64,
    /// The greatest.
    pub max_bytes: u64,
}

/// The task of a stage that read the most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LargestTask {
    /// Its place in the stage: the number of the partition.
    pub index: u32,
    /// Bytes of input and shuffle that it read.
    pub read_bytes: u64,
    /// How long it ran.
    pub duration_s: f64,
    /// It succeeded.
    pub succeeded: bool,
}

/// One stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StageSummary {
    /// Stage id.
    pub stage: u32,
    /// Tasks planned.
    pub tasks: u32,
    /// Tasks that succeeded.
    pub tasks_succeeded: u32,
    /// Task attempts that failed or were lost.
    pub tasks_failed: u32,
    /// The stage failed.
    pub failed: bool,
    /// Median task duration.
    #[serde(default)]
    pub duration_median_s: f64,
    /// Longest task over median task.
    #[serde(default)]
    pub duration_skew: f64,
    /// Input bytes, all tasks.
    #[serde(default)]
    pub input_bytes: u64,
    /// Shuffle bytes read, all tasks.
    #[serde(default)]
    pub shuffle_read_bytes: u64,
    /// Largest shuffle read of one task over the median.
    #[serde(default)]
    pub shuffle_read_skew: f64,
    /// Shuffle bytes written, all tasks.
    #[serde(default)]
    pub shuffle_write_bytes: u64,
    /// Bytes spilled from memory, all tasks.
    #[serde(default)]
    pub memory_spill_bytes: u64,
    /// Where in the job's code it comes from: `collect at orders.py:12`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Input bytes a task, where there is input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_per_task: Option<TaskQuantiles>,
    /// Shuffle bytes read a task, where there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shuffle_read_per_task: Option<TaskQuantiles>,
    /// Bytes spilled from memory a task, where there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spill_per_task: Option<TaskQuantiles>,
    /// The task that read the most, where one read anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub largest_task: Option<LargestTask>,
}

/// What the host agent saw of one workload in one period.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HostSample {
    /// The host.
    pub host: String,
    /// The Spark application.
    pub application_id: String,
    /// `driver` or the executor's id.
    pub executor_id: String,
    /// End of the period.
    pub sampled_at: Timestamp,
    /// Peak resident bytes, the process and its descendants.
    #[serde(default)]
    pub rss_peak_bytes: u64,
    /// Of these, the Python workers' alone, where there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python_rss_peak_bytes: Option<u64>,
    /// Proportional set size, where it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pss_bytes: Option<u64>,
    /// Unique set size, where it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uss_bytes: Option<u64>,
    /// Kernel out-of-memory kills in the period.
    #[serde(default)]
    pub oom_kills: u32,
    /// Of these, of Python processes.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub python_oom_kills: u32,
    /// Median run-queue latency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_queue_p50_s: Option<f64>,
    /// 99th percentile of run-queue latency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_queue_p99_s: Option<f64>,
    /// Why it waited, where it waited much.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_queue_cause: Option<RunQueueCause>,
    /// The other workload of the host that it waited behind longest, where others are the cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_queue_behind: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// Why a workload waited for a CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunQueueCause {
    /// Others had the CPU.
    NoisyNeighbour,
    /// Its own CPU quota was used up.
    Throttled,
    /// It had more to run than CPUs to run it on.
    Busy,
    /// Not known.
    Waiting,
}
