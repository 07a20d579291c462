//! What the agent saw in one period: what `paramedic top --json` prints, and what samples and metrics are made of.

use paramedic_domain::Timestamp;
use paramedic_runqueue::Histogram;
use serde::{Deserialize, Serialize};

use crate::verdict::Verdict;

/// One period of a host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The host.
    pub host: String,
    /// The end of the period.
    pub at: Timestamp,
    /// Its length, in seconds.
    pub period_s: f64,
    /// Its workloads; Spark's first, then by how long they waited.
    pub workloads: Vec<WorkloadReport>,
    /// The agent's eBPF programs; empty without them.
    pub bpf_programs: Vec<ProgramReport>,
    /// The agent itself.
    pub agent: AgentReport,
}

/// A workload in a period.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WorkloadReport {
    /// For people.
    pub name: String,
    /// `executor`, `driver`, `container`, `system` or `kernel`.
    pub kind: String,
    /// The Spark application, where it is known.
    pub application_id: Option<String>,
    /// `driver`, or the executor's id.
    pub executor_id: Option<String>,
    /// The container or service that it runs in.
    pub container: Option<String>,
    /// Processes; not those that have ended and wait for their parent.
    pub processes: u32,
    /// Of these, Python's.
    pub python_processes: u32,
    /// CPUs that it may use, by affinity and quota.
    pub cpus: Option<f64>,
    /// Memory.
    pub memory: MemoryReport,
    /// Run queue.
    pub run_queue: RunQueueReport,
    /// Kernel out-of-memory kills in the period.
    pub oom_kills: u32,
    /// Of these, of Python processes.
    pub python_oom_kills: u32,
    /// Why it waits.
    pub verdict: Verdict,
}

/// A workload's memory. Bytes, over all its processes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryReport {
    /// Resident now. Pages that several of its processes share count for each.
    pub rss_bytes: u64,
    /// The most in the period.
    pub rss_peak_bytes: u64,
    /// The most in the period, of its Python processes alone.
    pub python_rss_peak_bytes: u64,
    /// Proportional, where each of its processes was walked.
    pub pss_bytes: Option<u64>,
    /// Unique, likewise.
    pub uss_bytes: Option<u64>,
    /// The cgroup's limit.
    pub limit_bytes: Option<u64>,
}

/// A workload's waits for a CPU.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunQueueReport {
    /// By length; needs eBPF. Only within the agent's process.
    #[serde(skip)]
    pub histogram: Option<Histogram>,
    /// Waits.
    pub waits: u64,
    /// How long its tasks waited together, in seconds.
    pub waited_s: f64,
    /// Median; needs eBPF.
    pub p50_s: Option<f64>,
    /// 99th percentile; needs eBPF.
    pub p99_s: Option<f64>,
    /// By cause.
    pub behind: BehindReport,
    /// The other workload that it waited behind longest.
    pub top: Option<TopReport>,
    /// Share of the quota's periods in which it was used up; `None` without a quota.
    pub throttled_share: Option<f64>,
}

/// Behind whom a workload waited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BehindReport {
    /// Its own tasks.
    pub same_workload: CauseReport,
    /// Another job or container.
    pub other_workload: CauseReport,
    /// A service of the host, or its kernel.
    pub system: CauseReport,
    /// Nobody: its quota, or a move to another CPU.
    pub idle: CauseReport,
}

/// One cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CauseReport {
    /// Switches away from a task that could have run on.
    pub switches: u64,
    /// How long it waited, in seconds.
    pub waited_s: f64,
}

/// Who had the CPU.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TopReport {
    /// The workload.
    pub name: String,
    /// What it took.
    #[serde(flatten)]
    pub took: CauseReport,
}

/// One of the agent's eBPF programs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProgramReport {
    /// The program.
    pub name: String,
    /// Runs a second, when last counted.
    pub runs_per_s: f64,
    /// Nanoseconds a run, when last counted; the kernel's counting is in it.
    pub ns_per_run: f64,
    /// Share of one CPU.
    pub cpu_share: f64,
}

/// A wait for a CPU that has just ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveWait {
    /// When, in seconds since the host started.
    pub at_s: f64,
    /// How long it was, in seconds.
    pub wait_s: f64,
    /// The process.
    pub pid: u32,
    /// Its task that waited.
    pub task: u32,
    /// The task's name.
    pub name: String,
    /// The CPU that it got.
    pub cpu: u32,
    /// The workload, where the process was looked at.
    pub workload: Option<String>,
    /// Who had the CPU last: a workload, `kernel`, `idle`; `None` where that is not known.
    pub behind: Option<String>,
}

/// The agent itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AgentReport {
    /// `ebpf`, `schedstat` or `none`.
    pub run_queue_source: String,
    /// CPUs that the agent may use.
    pub cpus: usize,
    /// Share of one CPU that it used in the period.
    pub cpu_share: f64,
    /// Its resident bytes.
    pub rss_bytes: u64,
    /// Kernel memory of its tables.
    pub tables_bytes: u64,
    /// Processes looked at.
    pub processes: u64,
    /// Processes left out because there are too many.
    pub processes_left_out: u64,
    /// Walks over processes' mappings, since the start.
    pub memory_walks: u64,
    /// Left out because their RSS had not moved.
    pub memory_skipped_unmoved: u64,
    /// Left out because the budget was spent.
    pub memory_skipped_budget: u64,
    /// Not readable.
    pub memory_denied: u64,
    /// CPU time of all walks, in seconds.
    pub memory_walk_cpu_s: f64,
    /// The longest walk, in seconds.
    pub memory_longest_walk_s: f64,
    /// What the eBPF programs could not count, since the start.
    pub lost: u64,
    /// Samples waiting to be sent.
    pub samples_waiting: u64,
    /// Samples sent.
    pub samples_sent: u64,
    /// Samples dropped because too many waited.
    pub samples_dropped: u64,
    /// What it does without here, and why.
    pub does_without: Vec<String>,
}
