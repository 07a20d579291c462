//! A job, the configuration that it failed with, and what is known of the failure.

use paramedic_domain::{Configuration, EventLogSummary, MemorySide, StageSummary};
use paramedic_spark::{MemoryModel, size};
use rand::{RngExt, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;

use super::{chance, factor_above_one, log_normal, log_uniform, shortage};
use crate::{
    facts::{Facts, History, HostFacts, MasterKind, capacity_bytes, side_in},
    parameters::{self, Parameter},
};

/// Which memory a simulated failure is about, with the share of failures that are.
const SIDES: [(Option<MemorySide>, f64); 9] = [
    (Some(MemorySide::ExecutorHeap), 0.30),
    (Some(MemorySide::ExecutorOverhead), 0.14),
    (Some(MemorySide::DriverHeap), 0.13),
    (Some(MemorySide::DriverOverhead), 0.04),
    (Some(MemorySide::PythonWorker), 0.08),
    (Some(MemorySide::DriverResultSize), 0.06),
    (Some(MemorySide::KryoBuffer), 0.05),
    (Some(MemorySide::Offheap), 0.08),
    (None, 0.12),
];

/// What stands between the job and success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// This memory is too small.
    Memory(MemorySide),
    /// Nothing in the configuration.
    Hopeless,
    /// Something that has passed.
    Transient,
}

/// How need depends on the configuration.
#[derive(Clone, Debug)]
pub(super) struct Need {
    /// Bytes that the failing side needs with the reference configuration.
    pub(super) bytes: f64,
    /// Share that is held once, not by each running task.
    pub(super) fixed_share: f64,
    /// 0: more partitions do not make tasks smaller; 1: they do in proportion.
    pub(super) elasticity: f64,
    /// It is execution memory within the unified region, not the heap as a whole.
    pub(super) unified: bool,
    /// Share of the heap in use when a container was killed.
    pub(super) heap_used_share: f64,
    /// Driver heap over collected results.
    pub(super) heap_over_results: f64,
    /// A broadcast is behind it, and goes when broadcasts do.
    pub(super) broadcast: bool,
}

/// A simulated failure.
pub(super) struct Scenario {
    pub(super) facts: Facts,
    pub(super) reference: MemoryModel,
    pub(super) cause: Cause,
    pub(super) need: Need,
    /// Seconds that a run takes with the reference configuration and memory to spare.
    pub(super) seconds: f64,
    config: Configuration,
}

impl Scenario {
    pub(super) fn draw(rng: &mut ChaCha8Rng) -> Option<Self> {
        let (side, _) = *SIDES.choose_weighted(rng, |(_, share)| *share).ok()?;
        let master = draw_master(rng, side);
        let config = draw_configuration(rng, master, side);
        let reference = MemoryModel::of(&config).ok()?;
        let side = side.map(|side| side_in(side, &reference));
        let cause = draw_cause(rng, side);
        let mut need = draw_need(rng, side, cause, &reference);
        let over_request = side == Some(MemorySide::ExecutorHeap) && chance(rng, 0.1);
        if over_request {
            // The reference is what the cluster has; most jobs that asked for more do with that.
            need.bytes = reference.executor_heap as f64 * log_normal(rng, 0.4, 0.7);
            need.unified = false;
        }
        let is_heap = matches!(side, Some(MemorySide::ExecutorHeap | MemorySide::DriverHeap));
        let exact = is_heap && !over_request && cause != Cause::Hopeless && chance(rng, 0.08);
        if exact {
            // Spark refused to start below its minimum; what the job needs is mostly little more.
            let capacity = side.map_or(0.0, |side| capacity_bytes(&reference, side));
            need = Need { bytes: capacity * log_uniform(rng, 1.01, 3.0), unified: false, fixed_share: 1.0, ..need };
        }
        let seconds = log_normal(rng, 120.0, 1.3);
        let mut scenario = Self { facts: Facts::default(), reference, cause, need, seconds, config };
        scenario.facts = scenario.draw_facts(rng, side, master, over_request);
        if exact {
            let beyond = if chance(rng, 0.8) { rng.random_range(1.0..1.1) } else { factor_above_one(rng, 1.5, 0.6) };
            scenario.facts.required_bytes = Some(scenario.need.bytes);
            scenario.facts.need_exact = true;
            scenario.need.bytes *= beyond;
        }
        Some(scenario)
    }

    /// A retry: some of the freed parameters moved, mostly upwards; now and then others too; now and then nothing.
    pub(super) fn draw_retry(&self, rng: &mut ChaCha8Rng) -> Configuration {
        let mut config = self.config.clone();
        if chance(rng, 0.08) {
            return config;
        }
        let freed = parameters::freed(&self.facts, &self.reference, &self.config);
        for (index, parameter) in freed.iter().enumerate() {
            // The first is the failing side's own memory.
            if chance(rng, if index == 0 { 0.85 } else { 0.3 }) {
                move_parameter(rng, *parameter, &self.reference, self.facts.over_request, &mut config);
            }
        }
        for parameter in [Parameter::ExecutorMemory, Parameter::ExecutorMemoryOverhead, Parameter::DriverMemory] {
            if !freed.contains(&parameter) && chance(rng, 0.12) {
                move_parameter(rng, parameter, &self.reference, false, &mut config);
            }
        }
        config
    }

    fn draw_facts(
        &self,
        rng: &mut ChaCha8Rng,
        side: Option<MemorySide>,
        master: MasterKind,
        over_request: bool,
    ) -> Facts {
        let attempt = 1 + u32::from(chance(rng, 0.25)) + u32::from(chance(rng, 0.08));
        let capacity = side.map(|side| capacity_bytes(&self.reference, side));
        let stated = side.map_or(0.0, stated_share);
        let required_bytes =
            (!over_request && chance(rng, stated)).then(|| self.need.bytes / factor_above_one(rng, 1.15, 0.8));
        let succeeded = (matches!(self.cause, Cause::Memory(_)) && chance(rng, 0.15))
            .then(|| self.need.bytes * log_uniform(rng, 1.05, 3.0));
        let mut facts = Facts {
            side,
            over_request,
            required_bytes: required_bytes.map(|need| need.max(capacity.unwrap_or(0.0))),
            restartable: self.cause == Cause::Transient && chance(rng, 0.5),
            master,
            duration_s: chance(rng, 0.8).then(|| self.seconds * rng.random_range(0.2..1.3)),
            attempt,
            history: History {
                failed_attempts: attempt - 1,
                failed_capacity_max: capacity,
                raised_capacity_max: None,
                succeeded_capacity_min: succeeded,
                successes: Vec::new(),
            },
            event_log: chance(rng, 0.6).then(|| self.draw_event_log(rng, side)),
            ..Facts::default()
        };
        if chance(rng, 0.1) {
            facts.host = self.draw_host(rng, side);
        }
        let operators = facts.event_log.iter().flat_map(|log| &log.plan_operators);
        facts.tokens = operators.map(|operator| format!("operator={operator}")).collect();
        facts
    }

    fn draw_event_log(&self, rng: &mut ChaCha8Rng, side: Option<MemorySide>) -> EventLogSummary {
        use MemorySide as S;
        let reference = &self.reference;
        let share_of = |bytes: u64, share: f64| (bytes as f64 * share) as u64;
        // Peaks are polled: a heap that was full may have been seen half full.
        let full = |rng: &mut ChaCha8Rng, is: bool| {
            if is && chance(rng, 0.6) { rng.random_range(0.85..1.0) } else { rng.random_range(0.1..0.95) }
        };
        // A run that ends before the first poll has no peaks at all.
        let polled = if chance(rng, 0.85) { 1.0 } else { 0.0 };
        // A leak fills the memory that it fails by as a need does: what is seen tells the side, not the cause.
        let failing = side.or(if let Cause::Memory(side) = self.cause { Some(side) } else { None });
        let heap = failing == Some(S::ExecutorHeap);
        let python = matches!(side, Some(S::PythonWorker)) || (side == Some(S::ExecutorOverhead) && chance(rng, 0.6));
        let python_room = reference.executor_overhead + reference.executor_pyspark;
        let shuffles = chance(rng, 0.6);
        let partitions = reference.shuffle_partitions.max(1);
        let per_task = self.need.bytes * (1.0 - self.need.fixed_share)
            / f64::from(reference.task_slots.max(1))
            / log_normal(rng, 4.0, 0.6)
            // A task that failed had read some of it.
            * if chance(rng, 0.5) { rng.random_range(0.05..1.0) } else { 1.0 };
        let skew = if self.need.elasticity < 0.3 && chance(rng, 0.6) {
            log_uniform(rng, 2.0, 50.0)
        } else {
            log_uniform(rng, 1.0, 3.0)
        };
        EventLogSummary {
            executor_heap_peak_bytes: share_of(reference.executor_heap, polled * full(rng, heap)),
            driver_heap_peak_bytes: share_of(reference.driver_heap, full(rng, failing == Some(S::DriverHeap))),
            onheap_unified_peak_bytes: share_of(reference.unified, polled * full(rng, heap && self.need.unified)),
            executor_python_rss_peak_bytes: if python { share_of(python_room, rng.random_range(0.6..1.4)) } else { 0 },
            gc_time_share: if heap && chance(rng, 0.7) {
                rng.random_range(0.1..0.8)
            } else {
                rng.random_range(0.0..0.3)
            },
            stages: vec![StageSummary {
                tasks: if shuffles { partitions } else { rng.random_range(1..=400) },
                failed: true,
                shuffle_read_bytes: if shuffles { (per_task * f64::from(partitions)).min(1e15) as u64 } else { 0 },
                shuffle_read_skew: skew,
                memory_spill_bytes: if heap && chance(rng, 0.5) {
                    share_of(reference.unified, log_uniform(rng, 0.1, 10.0))
                } else {
                    0
                },
                ..StageSummary::default()
            }],
            plan_operators: draw_operators(rng, &self.need, shuffles),
            ..EventLogSummary::default()
        }
    }

    fn draw_host(&self, rng: &mut ChaCha8Rng, side: Option<MemorySide>) -> HostFacts {
        let killed = matches!(side, Some(MemorySide::ExecutorOverhead | MemorySide::PythonWorker));
        let share = if killed { rng.random_range(0.9..1.1) } else { rng.random_range(0.3..0.95) };
        HostFacts {
            samples: rng.random_range(1..100),
            executor_rss_peak_bytes: self.reference.container as f64 * share,
            oom_kills: u32::from(killed && chance(rng, 0.5)),
            ..HostFacts::default()
        }
    }
}

/// How often a log of this side states how much was missing.
const fn stated_share(side: MemorySide) -> f64 {
    match side {
        MemorySide::KryoBuffer | MemorySide::DriverResultSize => 0.9,
        MemorySide::PythonWorker => 0.6,
        MemorySide::ExecutorOverhead => 0.5,
        MemorySide::ExecutorHeap | MemorySide::Offheap => 0.2,
        _ => 0.05,
    }
}

fn draw_master(rng: &mut ChaCha8Rng, side: Option<MemorySide>) -> MasterKind {
    let local_makes_sense =
        matches!(side, None | Some(MemorySide::DriverHeap | MemorySide::KryoBuffer | MemorySide::DriverResultSize));
    loop {
        let master = *MasterKind::ALL.choose(rng).unwrap_or(&MasterKind::Unknown);
        if master != MasterKind::Local || local_makes_sense {
            return master;
        }
    }
}

fn draw_configuration(rng: &mut ChaCha8Rng, master: MasterKind, side: Option<MemorySide>) -> Configuration {
    let mebibytes =
        |rng: &mut ChaCha8Rng, low: f64, high: f64| size::format_mebibytes(log_uniform(rng, low, high) as u64);
    let cores = *[1_u32, 1, 1, 2, 2, 4, 4, 5, 8].choose(rng).unwrap_or(&1);
    let mut config = Configuration::default();
    let mut set = |key: &str, value: String| config.insert(key.to_owned(), value);
    set("spark.master", master_url(master, cores));
    set("spark.executor.memory", mebibytes(rng, 480.0, 32_768.0));
    set("spark.driver.memory", mebibytes(rng, 480.0, 16_384.0));
    set("spark.executor.cores", cores.to_string());
    set("spark.executor.instances", (log_uniform(rng, 1.0, 100.0) as u64).to_string());
    if chance(rng, 0.6) {
        set("spark.sql.shuffle.partitions", (log_uniform(rng, 1.0, 2_000.0) as u64).to_string());
    }
    if chance(rng, 0.25) {
        set("spark.executor.memoryOverhead", mebibytes(rng, 256.0, 8_192.0));
    }
    if side == Some(MemorySide::Offheap) && chance(rng, 0.8) {
        set("spark.memory.offHeap.enabled", "true".to_owned());
        set("spark.memory.offHeap.size", mebibytes(rng, 8.0, 8_192.0));
    }
    if side == Some(MemorySide::PythonWorker) && chance(rng, 0.8) {
        set("spark.executor.pyspark.memory", mebibytes(rng, 128.0, 8_192.0));
    }
    if side == Some(MemorySide::DriverResultSize) {
        set("spark.driver.maxResultSize", mebibytes(rng, 16.0, 4_096.0));
    }
    if side == Some(MemorySide::KryoBuffer) {
        set("spark.kryoserializer.buffer.max", mebibytes(rng, 1.0, 512.0));
    }
    config
}

fn master_url(master: MasterKind, cores: u32) -> String {
    match master {
        MasterKind::Local => format!("local[{cores}]"),
        MasterKind::LocalCluster => format!("local-cluster[1,{cores},65536]"),
        MasterKind::Standalone | MasterKind::Unknown => "spark://master:7077".to_owned(),
        MasterKind::Yarn => "yarn".to_owned(),
        MasterKind::Kubernetes => "k8s://https://kubernetes.default.svc".to_owned(),
    }
}

fn draw_cause(rng: &mut ChaCha8Rng, side: Option<MemorySide>) -> Cause {
    match side {
        Some(_) if chance(rng, 0.05) => Cause::Hopeless,
        Some(side) => Cause::Memory(side),
        None if chance(rng, 0.5) => Cause::Hopeless,
        None if chance(rng, 0.5) => Cause::Transient,
        None => {
            let sides = [MemorySide::ExecutorHeap, MemorySide::ExecutorOverhead, MemorySide::DriverHeap];
            Cause::Memory(*sides.choose(rng).unwrap_or(&MemorySide::ExecutorHeap))
        }
    }
}

fn draw_need(rng: &mut ChaCha8Rng, side: Option<MemorySide>, cause: Cause, reference: &MemoryModel) -> Need {
    let failing = if let Cause::Memory(side) = cause { side } else { MemorySide::ExecutorHeap };
    let (median, sigma) = shortage(side);
    let unified = failing == MemorySide::ExecutorHeap && chance(rng, 0.25);
    let capacity = if unified { reference.execution_per_task_max as f64 } else { capacity_bytes(reference, failing) };
    Need {
        bytes: capacity * factor_above_one(rng, median, sigma),
        fixed_share: if unified { 0.0 } else { rng.random_range(0.05..0.7) },
        elasticity: if chance(rng, 0.45) { rng.random_range(0.6..1.0) } else { rng.random_range(0.0..0.15) },
        unified,
        heap_used_share: rng.random_range(0.6..1.0),
        heap_over_results: rng.random_range(1.2..3.0),
        broadcast: failing == MemorySide::DriverHeap && chance(rng, 0.4),
    }
}

fn draw_operators(rng: &mut ChaCha8Rng, need: &Need, shuffles: bool) -> Vec<String> {
    let mut operators = vec!["Project", "WholeStageCodegen"];
    if shuffles {
        operators.push("Exchange");
    }
    if need.broadcast {
        operators.extend(["BroadcastExchange", "BroadcastHashJoin"]);
    }
    if need.unified {
        operators.push(if chance(rng, 0.7) { "ShuffledHashJoin" } else { "SortMergeJoin" });
    } else if need.elasticity < 0.3 && chance(rng, 0.6) {
        operators.push(if chance(rng, 0.5) { "ObjectHashAggregate" } else { "Window" });
    } else {
        operators.push("HashAggregate");
    }
    operators.sort_unstable();
    operators.into_iter().map(str::to_owned).collect()
}

fn move_parameter(
    rng: &mut ChaCha8Rng,
    parameter: Parameter,
    reference: &MemoryModel,
    downwards: bool,
    config: &mut Configuration,
) {
    let from = parameter.value(reference);
    let value = match parameter {
        Parameter::TaskCpus => rng.random_range(1.0..=f64::from(reference.executor_cores.max(1))).round(),
        Parameter::ExecutorCores => {
            let least = f64::from(reference.task_cpus.max(1));
            rng.random_range(least..=f64::from(reference.executor_cores).max(least)).round()
        }
        Parameter::MemoryFraction => rng.random_range(0.4..0.85),
        Parameter::StorageFraction => rng.random_range(0.1..0.6),
        Parameter::BroadcastThreshold => 0.0,
        Parameter::ShufflePartitions => (from.max(1.0) * log_uniform(rng, 0.5, 16.0)).clamp(1.0, 1e5),
        Parameter::ExecutorInstances | Parameter::MaxExecutors => (from.max(1.0) * log_uniform(rng, 0.5, 2.0)).max(1.0),
        _ if downwards => (from * log_uniform(rng, 0.2, 1.0)).max(451.0),
        _ => from.max(1.0) * log_uniform(rng, 0.8, 32.0),
    };
    parameter.write(value, config);
}
