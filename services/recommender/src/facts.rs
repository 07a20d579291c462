//! What is known of a failed attempt, in the few numbers that the features, the bounds and the explanation use.

use std::collections::BTreeMap;

use paramedic_domain::{
    AttemptRecord, AttemptStatus, Classification, ClusterLimits, EventLogSummary, HostSample, MemorySide,
    RecommendationRequest, RunQueueCause,
};
use paramedic_spark::{Master, MemoryModel, size};

use crate::{
    elsewhere::{self, Elsewhere},
    own_remedies::{self, OwnRemedy},
};

/// What is known of a failed attempt.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The memory that ran out, as the JVM layout of this master has it; `None` for unclassified failures.
    pub side: Option<MemorySide>,
    /// More was requested than the cluster has: the configuration heals downwards.
    pub over_request: bool,
    /// The failing side needs at least this much, in bytes, by the log itself.
    pub required_bytes: Option<f64>,
    /// What is needed is a rule of Spark's ("must be at least …"), not a guess at the job's own need.
    pub need_exact: bool,
    /// The cluster gives the failing side at most this much, in bytes, by the log itself.
    pub maximum_bytes: Option<f64>,
    /// The class, for the explanation and the tokens.
    pub class: String,
    /// Would an unchanged retry plausibly succeed, by the rule?
    pub restartable: bool,
    /// What the cluster can give.
    pub limits: ClusterLimits,
    /// How the cluster is run.
    pub master: MasterKind,
    /// The event log.
    pub event_log: Option<EventLogSummary>,
    /// How long the failed attempt ran, in seconds.
    pub duration_s: Option<f64>,
    /// The attempt, from 1.
    pub attempt: u32,
    /// What earlier attempts showed.
    pub history: History,
    /// What the host agent saw.
    pub host: HostFacts,
    /// What the host explains otherwise.
    pub elsewhere: Option<Elsewhere>,
    /// What Spark did about it itself.
    pub own_remedies: Vec<OwnRemedy>,
    /// What is hashed into the embedding.
    pub tokens: Vec<String>,
}

/// How the cluster is run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MasterKind {
    /// One JVM for everything.
    Local,
    /// Separate executor JVMs on this host.
    LocalCluster,
    /// Spark's own cluster manager.
    Standalone,
    /// Hadoop YARN.
    Yarn,
    /// Kubernetes.
    Kubernetes,
    /// Not known.
    #[default]
    Unknown,
}

impl MasterKind {
    /// Every kind, in the order of the features.
    pub const ALL: [Self; 6] =
        [Self::Local, Self::LocalCluster, Self::Standalone, Self::Yarn, Self::Kubernetes, Self::Unknown];

    /// Does it hold an executor to heap, overhead, off-heap and Python memory together?
    pub const fn enforces_containers(self) -> bool {
        matches!(self, Self::Yarn | Self::Kubernetes)
    }
}

impl From<&Master> for MasterKind {
    fn from(master: &Master) -> Self {
        match master {
            Master::Local { .. } => Self::Local,
            Master::LocalCluster { .. } => Self::LocalCluster,
            Master::Standalone => Self::Standalone,
            Master::Yarn => Self::Yarn,
            Master::Kubernetes => Self::Kubernetes,
            Master::Other => Self::Unknown,
        }
    }
}

/// What earlier attempts of this run and of this job showed on the failing side. Bytes.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Earlier attempts of this run that failed on this side.
    pub failed_attempts: u32,
    /// The most that this run has already failed with, this attempt included.
    pub failed_capacity_max: Option<f64>,
    /// The most that an attempt of this run had that ended otherwise: preempted, or with its node. It proved nothing, and
    /// what it was given is not taken back.
    pub raised_capacity_max: Option<f64>,
    /// The least that the job has succeeded with.
    pub succeeded_capacity_min: Option<f64>,
    /// Configurations that the job succeeded with, newest first, at most [`History::SUCCESSES_MAX`].
    pub successes: Vec<paramedic_domain::Configuration>,
}

impl History {
    /// Past successes that a search starts from.
    pub const SUCCESSES_MAX: usize = 8;

    /// Reads the failing side's part from the job's attempts, newest first.
    pub fn of(side: Option<MemorySide>, request: &RecommendationRequest, attempts: &[AttemptRecord]) -> Self {
        let mut history = Self::default();
        for attempt in attempts {
            let Ok(memory) = MemoryModel::of(&attempt.config) else { continue };
            let capacity = side.map(|side| capacity_bytes(&memory, side));
            match attempt.status {
                AttemptStatus::Succeeded => {
                    history.succeeded_capacity_min = least(history.succeeded_capacity_min, capacity);
                    if history.successes.len() < Self::SUCCESSES_MAX {
                        history.successes.push(attempt.config.clone());
                    }
                }
                AttemptStatus::Failed => {
                    let same_run = attempt.job.run == request.job.run;
                    let same_side = attempt.memory_side.map(|failed| side_in(failed, &memory)) == side;
                    if same_run && same_side && side.is_some() {
                        history.failed_attempts += u32::from(attempt.job.attempt < request.job.attempt);
                        history.failed_capacity_max = greatest(history.failed_capacity_max, capacity);
                    } else if same_run && attempt.memory_side.is_none() && attempt.job.attempt < request.job.attempt {
                        history.raised_capacity_max = greatest(history.raised_capacity_max, capacity);
                    }
                }
            }
        }
        history
    }
}

fn least(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    a.into_iter().chain(b).reduce(f64::min)
}

fn greatest(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    a.into_iter().chain(b).reduce(f64::max)
}

/// What the host agent saw of the application.
#[derive(Clone, Copy, Debug, Default)]
pub struct HostFacts {
    /// Samples seen.
    pub samples: u32,
    /// Peak resident bytes of one executor.
    pub executor_rss_peak_bytes: f64,
    /// Peak resident bytes of the driver.
    pub driver_rss_peak_bytes: f64,
    /// Peak resident bytes of one executor's Python workers together.
    pub python_rss_peak_bytes: f64,
    /// Kernel out-of-memory kills.
    pub oom_kills: u32,
    /// Of these, in the driver.
    pub driver_oom_kills: u32,
    /// Of all, of executors' Python processes.
    pub python_oom_kills: u32,
    /// Greatest 99th percentile of run-queue latency, in seconds.
    pub run_queue_p99_s: f64,
    /// What the waits of that sample came from.
    pub run_queue_cause: Option<RunQueueCause>,
}

impl HostFacts {
    /// Sums up the samples of one application.
    pub fn of(samples: &[HostSample]) -> Self {
        let mut facts = Self::default();
        for sample in samples {
            let rss = sample.rss_peak_bytes as f64;
            let peak = if sample.executor_id == "driver" {
                &mut facts.driver_rss_peak_bytes
            } else {
                &mut facts.executor_rss_peak_bytes
            };
            *peak = peak.max(rss);
            if sample.executor_id == "driver" {
                facts.driver_oom_kills = facts.driver_oom_kills.saturating_add(sample.oom_kills);
            } else {
                facts.python_oom_kills = facts.python_oom_kills.saturating_add(sample.python_oom_kills);
                let python = sample.python_rss_peak_bytes.unwrap_or(0) as f64;
                facts.python_rss_peak_bytes = facts.python_rss_peak_bytes.max(python);
            }
            facts.samples += 1;
            facts.oom_kills = facts.oom_kills.saturating_add(sample.oom_kills);
            let p99 = sample.run_queue_p99_s.unwrap_or(0.0);
            if p99 > facts.run_queue_p99_s {
                facts.run_queue_p99_s = p99;
                facts.run_queue_cause = sample.run_queue_cause;
            }
        }
        facts
    }

    /// The side that ran out, by what the kernel did: a log that tells only that a worker is gone, or nothing at all, is
    /// decided by whom the kernel killed. What a log tells of another side stands.
    fn side_seen(&self, told: Option<MemorySide>) -> Option<MemorySide> {
        match told {
            None | Some(MemorySide::ExecutorOverhead) if self.python_oom_kills > 0 => Some(MemorySide::PythonWorker),
            None if self.oom_kills > self.driver_oom_kills => Some(MemorySide::ExecutorOverhead),
            None if self.driver_oom_kills > 0 => Some(MemorySide::DriverOverhead),
            told => told,
        }
    }
}

impl Facts {
    /// Gathers what the request, the job's attempts and the host samples tell.
    pub fn gather(
        request: &RecommendationRequest,
        failed: &MemoryModel,
        attempts: &[AttemptRecord],
        samples: &[HostSample],
    ) -> Self {
        let master = Master::parse(request.config.get("spark.master").map_or("", String::as_str));
        let evidence = request.evidence.clone().unwrap_or_default();
        let host = HostFacts::of(samples);
        let side = host.side_seen(request.classification.memory_side).map(|side| side_in(side, failed));
        let maximum_bytes = captured_bytes(&request.classification.captures, "maximum");
        let mut facts = Self {
            side,
            over_request: maximum_bytes.is_some(),
            required_bytes: None,
            need_exact: false,
            maximum_bytes,
            class: request.classification.class.clone(),
            restartable: request.classification.restartable,
            limits: merge_limits(&evidence.cluster.unwrap_or_default(), &master.limits()),
            master: MasterKind::from(&master),
            event_log: evidence.event_log,
            duration_s: evidence.duration_s.filter(|seconds| seconds.is_finite() && *seconds > 0.0),
            attempt: request.job.attempt,
            history: History::of(side, request, attempts),
            host,
            elsewhere: None,
            own_remedies: Vec::new(),
            tokens: Vec::new(),
        };
        facts.required_bytes = facts.stated_need(&request.classification, failed);
        facts.need_exact = facts.required_bytes.is_some() && states_request(&request.classification.captures);
        facts.elsewhere = elsewhere::explains(&facts, request.classification.memory_side, failed, samples);
        facts.own_remedies = facts.own_remedies_of(request);
        facts.tokens = tokens(request, &facts);
        facts
    }

    fn own_remedies_of(&self, request: &RecommendationRequest) -> Vec<OwnRemedy> {
        let log = self.event_log.as_ref();
        let effective = log.map(|log| log.spark_properties.clone()).unwrap_or_default();
        own_remedies::of(&request.config, &effective, log.and_then(|log| log.spark_version.as_deref()), self.master)
    }

    /// What the log states that the failing side needs, in bytes of that side's capacity.
    fn stated_need(&self, classification: &Classification, failed: &MemoryModel) -> Option<f64> {
        let captures = &classification.captures;
        let side = self.side?;
        let capacity = capacity_bytes(failed, side);
        let required = captured_bytes(captures, "required");
        let need = match side {
            MemorySide::ExecutorOverhead | MemorySide::DriverOverhead => {
                let used = captured_bytes(captures, "used")?;
                let limit = captured_bytes(captures, "limit")?;
                Some(capacity + (used - limit).max(0.0))
            }
            MemorySide::DriverResultSize => required.map(|seen| seen * self.result_projection(captures)),
            // "must be at least 471859200": what is required in all. Elsewhere it is what was asked for on top.
            _ if states_request(captures) => required,
            _ => required.map(|more| capacity + more),
        };
        need.filter(|need| need.is_finite() && *need > 0.0)
    }

    /// Results seen so far are those of some tasks; all tasks of the largest stage will send theirs.
    fn result_projection(&self, captures: &BTreeMap<String, String>) -> f64 {
        let done: Option<f64> = captures.get("tasks_done").and_then(|count| count.parse().ok());
        let planned =
            self.event_log.iter().flat_map(|log| &log.stages).map(|stage| f64::from(stage.tasks)).reduce(f64::max);
        match (done, planned) {
            (Some(done), Some(planned)) if done >= 1.0 => (planned / done).clamp(1.0, 1e4),
            _ => 1.0,
        }
    }
}

/// In local mode the executor is the driver's JVM: its heap is the driver's.
pub fn side_in(side: MemorySide, memory: &MemoryModel) -> MemorySide {
    match side {
        MemorySide::ExecutorHeap | MemorySide::GcOverhead if memory.local => MemorySide::DriverHeap,
        MemorySide::ExecutorOverhead if memory.local => MemorySide::DriverOverhead,
        MemorySide::GcOverhead => MemorySide::ExecutorHeap,
        other => other,
    }
}

/// What a side has, in bytes. An unlimited result size counts as 1 TiB.
pub fn capacity_bytes(memory: &MemoryModel, side: MemorySide) -> f64 {
    const UNLIMITED: f64 = (1_u64 << 40) as f64;
    let bytes = match side {
        MemorySide::ExecutorHeap | MemorySide::GcOverhead => memory.executor_heap,
        MemorySide::DriverHeap => memory.driver_heap,
        MemorySide::DriverOverhead => memory.driver_overhead,
        MemorySide::PythonWorker if memory.executor_pyspark > 0 => memory.executor_pyspark,
        MemorySide::Offheap if memory.offheap > 0 => memory.offheap,
        MemorySide::ExecutorOverhead | MemorySide::PythonWorker | MemorySide::Offheap => memory.executor_overhead,
        MemorySide::DriverResultSize => memory.max_result_size,
        MemorySide::KryoBuffer => memory.kryo_buffer_max,
    };
    if side == MemorySide::DriverResultSize && bytes == 0 { UNLIMITED } else { bytes as f64 }
}

/// The log names what was requested beside what is required: a check of the configuration, not of the job's need.
fn states_request(captures: &BTreeMap<String, String>) -> bool {
    captures.keys().any(|name| name.starts_with("requested_"))
}

/// The value of `<name>_bytes`, `<name>_kib`, `<name>_mib`, `<name>_gib` or `<name>_size`, in bytes.
fn captured_bytes(captures: &BTreeMap<String, String>, name: &str) -> Option<f64> {
    let one = |unit: &str| {
        let name = format!("{name}_{unit}");
        size::capture_bytes(&name, captures.get(&name)?)
    };
    let units = ["bytes", "kib", "mib", "gib", "size"];
    units.into_iter().find_map(one).filter(|bytes| bytes.is_finite() && *bytes >= 0.0)
}

/// The reporter's limits, narrowed by the master's own.
fn merge_limits(reported: &ClusterLimits, master: &ClusterLimits) -> ClusterLimits {
    fn least<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
        match (a, b) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }
    ClusterLimits {
        executor_memory_bytes: least(reported.executor_memory_bytes, master.executor_memory_bytes),
        executor_cores: least(reported.executor_cores, master.executor_cores),
        driver_memory_bytes: least(reported.driver_memory_bytes, master.driver_memory_bytes),
    }
}

/// What is hashed: who, where, what class, which plan operators, which Spark.
fn tokens(request: &RecommendationRequest, facts: &Facts) -> Vec<String> {
    let job = &request.job;
    let mut tokens = vec![
        format!("workflow={}", job.workflow),
        format!("job={}/{}", job.workflow, job.job),
        format!("class={}", facts.class),
    ];
    tokens.extend(job.user.iter().map(|user| format!("user={user}")));
    tokens.extend(job.cluster.iter().map(|cluster| format!("cluster={cluster}")));
    tokens.extend(request.config.get("spark.yarn.queue").map(|queue| format!("queue={queue}")));
    if let Some(log) = &facts.event_log {
        tokens.extend(log.plan_operators.iter().map(|operator| format!("operator={operator}")));
        let version = log.spark_version.iter().filter_map(|version| version.rsplit_once('.')).map(|(minor, _)| minor);
        tokens.extend(version.map(|version| format!("spark={version}")));
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(executor_id: &str, oom_kills: u32, python_oom_kills: u32) -> HostSample {
        let text = format!(
            r#"{{"host": "h", "application_id": "app-1", "executor_id": "{executor_id}", "sampled_at": "2026-01-31T12:00:00Z",
                "rss_peak_bytes": 900, "python_rss_peak_bytes": 600, "oom_kills": {oom_kills},
                "python_oom_kills": {python_oom_kills}, "run_queue_p99_s": 0.25, "run_queue_cause": "throttled"}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn the_side_is_the_one_that_the_kernel_killed() {
        use MemorySide as S;
        let seen = |samples: &[HostSample], told| HostFacts::of(samples).side_seen(told);
        let (python, jvm, driver) = (sample("1", 1, 1), sample("2", 1, 0), sample("driver", 1, 1));
        assert_eq!(seen(std::slice::from_ref(&python), Some(S::ExecutorOverhead)), Some(S::PythonWorker));
        assert_eq!(seen(std::slice::from_ref(&python), None), Some(S::PythonWorker));
        assert_eq!(seen(std::slice::from_ref(&python), Some(S::ExecutorHeap)), Some(S::ExecutorHeap));
        assert_eq!(seen(std::slice::from_ref(&jvm), None), Some(S::ExecutorOverhead));
        assert_eq!(seen(std::slice::from_ref(&driver), None), Some(S::DriverOverhead));
        assert_eq!(seen(&[sample("1", 0, 0)], None), None);
    }

    #[test]
    fn the_samples_of_an_application_become_its_peaks() {
        let host = HostFacts::of(&[sample("1", 0, 0), sample("driver", 0, 0)]);
        assert_eq!((host.samples, host.executor_rss_peak_bytes, host.python_rss_peak_bytes), (2, 900.0, 600.0));
        assert_eq!(host.run_queue_cause, Some(RunQueueCause::Throttled));
    }
}
