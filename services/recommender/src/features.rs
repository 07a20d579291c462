//! The feature vector of a candidate: what the network sees.
//!
//! Three groups. *Capacity* features never fall when memory grows or work is split finer, and the network's failure
//! probability never rises in them, by construction. *Candidate* features are what a cost can depend on. *Context*
//! features do not differ between the candidates of one request.

use paramedic_domain::MemorySide;
use paramedic_spark::{MemoryModel, PriceTable};

use crate::{
    facts::{Facts, MasterKind, capacity_bytes},
    tokens::TokenHash,
};

/// Ratios of candidate to failed, log2; what the failure probability falls in.
pub const CAPACITY: [&str; 16] = [
    "side_ratio",
    "side_per_slot_ratio",
    "side_over_need",
    "heap_ratio",
    "heap_per_slot_ratio",
    "user_memory_per_slot_ratio",
    "execution_per_task_ratio",
    "execution_per_partition_ratio",
    "overhead_ratio",
    "python_per_slot_ratio",
    "offheap_per_partition_ratio",
    "driver_heap_ratio",
    "driver_overhead_ratio",
    "limit_ratio",
    "driver_heap_over_results",
    "broadcast_relief",
];

/// What a cost can depend on, log2 unless it is a share.
pub const CANDIDATE: [&str; 9] = [
    "rate_ratio",
    "slots_ratio",
    "partitions_ratio",
    "container_ratio",
    "driver_container_ratio",
    "cores_ratio",
    "instances_ratio",
    "memory_fraction_change",
    "storage_fraction_change",
];

/// What is the same for every candidate of a request.
pub const CONTEXT: [&str; 46] = [
    "side_executor_heap",
    "side_executor_overhead",
    "side_driver_heap",
    "side_driver_overhead",
    "side_python_worker",
    "side_driver_result_size",
    "side_kryo_buffer",
    "side_offheap",
    "side_none",
    "over_request",
    "restartable",
    "master_local",
    "master_local_cluster",
    "master_standalone",
    "master_yarn",
    "master_kubernetes",
    "master_unknown",
    "attempt",
    "heap_gib",
    "overhead_gib",
    "driver_heap_gib",
    "slots",
    "executors",
    "partitions",
    "memory_fraction",
    "need_known",
    "need_ratio",
    "need_exact",
    "failed_before",
    "succeeded_known",
    "succeeded_ratio",
    "duration_known",
    "duration_s",
    "event_log_known",
    "heap_peak_share",
    "driver_heap_peak_share",
    "unified_peak_share",
    "python_rss_ratio",
    "gc_share",
    "shuffle_known",
    "shuffle_per_task_ratio",
    "shuffle_skew",
    "spill_ratio",
    "stage_tasks",
    "host_known",
    "host_rss_ratio",
];

/// Log ratios are cut here: 2^10 either way says all there is to say.
const LOG_RATIO_MAX: f64 = 10.0;

/// What a batch of candidates looks like to the network, before normalization.
#[derive(Clone, Debug, Default)]
pub struct CandidateFeatures {
    /// In the order of [`CAPACITY`].
    pub capacity: [f32; CAPACITY.len()],
    /// In the order of [`CANDIDATE`].
    pub candidate: [f32; CANDIDATE.len()],
    /// Natural logarithm of the hourly rate, US dollars: the cost head predicts the time, and this is added.
    pub ln_rate: f32,
}

/// The request's side of the vector.
#[derive(Clone, Debug)]
pub struct ContextFeatures {
    /// In the order of [`CONTEXT`].
    pub context: [f32; CONTEXT.len()],
    /// Rows of the embedding table.
    pub tokens: Vec<i64>,
}

impl ContextFeatures {
    /// The failed attempt's duration was known.
    pub fn duration_known(&self) -> bool {
        let position = CONTEXT.iter().position(|name| *name == "duration_known");
        position.and_then(|position| self.context.get(position)).is_some_and(|known| *known > 0.5)
    }
}

/// Computes the vectors of one request.
pub struct FeatureSpace<'a> {
    facts: &'a Facts,
    /// Ratios are to this: the failed configuration, or what the cluster has where more was requested.
    reference: MemoryModel,
    from: Layout,
    rate_from: f64,
    prices: PriceTable,
}

impl<'a> FeatureSpace<'a> {
    /// The features of one request; `reference` is what candidates are compared with.
    pub fn new(facts: &'a Facts, reference: MemoryModel, prices: PriceTable) -> Self {
        let from = Layout::of(&reference, facts.side);
        Self { facts, from, rate_from: prices.hourly_usd(&reference), reference, prices }
    }

    /// The vector of one candidate.
    pub fn candidate(&self, candidate: &MemoryModel) -> CandidateFeatures {
        let from = &self.from;
        let to = Layout::of(candidate, self.facts.side);
        let finer =
            f64::from(candidate.shuffle_partitions.max(1)) / f64::from(self.reference.shuffle_partitions.max(1));
        let need = self.facts.required_bytes.unwrap_or(from.side);
        let rate_to = self.prices.hourly_usd(candidate);
        let capacity = [
            log_ratio(to.side, from.side),
            log_ratio(to.side / to.slots, from.side / from.slots),
            log_ratio(to.side, need),
            log_ratio(to.heap, from.heap),
            log_ratio(to.heap / to.slots, from.heap / from.slots),
            log_ratio(to.user / to.slots, from.user / from.slots),
            log_ratio(to.execution, from.execution),
            log_ratio(to.execution * finer, from.execution),
            log_ratio(to.overhead, from.overhead),
            log_ratio(to.python / to.slots, from.python / from.slots),
            log_ratio(to.offheap / to.slots * finer, from.offheap / from.slots),
            log_ratio(to.driver_heap, from.driver_heap),
            log_ratio(to.driver_overhead, from.driver_overhead),
            log_ratio(to.limits, from.limits),
            if self.facts.side == Some(MemorySide::DriverResultSize) { log_ratio(to.driver_heap, need) } else { 0.0 },
            log_ratio(from.broadcast, to.broadcast),
        ];
        let candidate_features = [
            log_ratio(rate_to, self.rate_from),
            log_ratio(to.slots, from.slots),
            log_ratio(finer, 1.0),
            log_ratio(candidate.container as f64, self.reference.container as f64),
            log_ratio(candidate.driver_container as f64, self.reference.driver_container as f64),
            log_ratio(f64::from(candidate.executor_cores), f64::from(self.reference.executor_cores)),
            log_ratio(f64::from(candidate.executors), f64::from(self.reference.executors)),
            (candidate.memory_fraction - self.reference.memory_fraction) as f32,
            (candidate.storage_fraction - self.reference.storage_fraction) as f32,
        ];
        CandidateFeatures { capacity, candidate: candidate_features, ln_rate: rate_to.max(1e-9).ln() as f32 }
    }

    /// The vector of the request.
    pub fn context(&self, hash: &TokenHash) -> ContextFeatures {
        let mut context = [0.0; CONTEXT.len()];
        let mut next = 0;
        let mut push = |value: f32| {
            if let Some(slot) = context.get_mut(next) {
                *slot = if value.is_finite() { value } else { 0.0 };
            }
            next += 1;
        };
        self.push_kind(&mut push);
        self.push_sizes(&mut push);
        self.push_history(&mut push);
        self.push_event_log(&mut push);
        let host = &self.facts.host;
        push(f32::from(u8::from(host.samples > 0)));
        push(if host.samples > 0 {
            log_ratio(host.executor_rss_peak_bytes, self.reference.container as f64)
        } else {
            0.0
        });
        ContextFeatures { context, tokens: self.facts.tokens.iter().map(|token| hash.bucket(token)).collect() }
    }

    fn push_kind(&self, push: &mut impl FnMut(f32)) {
        use MemorySide as S;
        let sides = [
            S::ExecutorHeap,
            S::ExecutorOverhead,
            S::DriverHeap,
            S::DriverOverhead,
            S::PythonWorker,
            S::DriverResultSize,
            S::KryoBuffer,
            S::Offheap,
        ];
        for side in sides {
            push(flag(self.facts.side == Some(side)));
        }
        push(flag(self.facts.side.is_none()));
        push(flag(self.facts.over_request));
        push(flag(self.facts.restartable));
        for master in MasterKind::ALL {
            push(flag(self.facts.master == master));
        }
        push((f64::from(self.facts.attempt.max(1))).log2().min(LOG_RATIO_MAX) as f32);
    }

    fn push_sizes(&self, push: &mut impl FnMut(f32)) {
        const GIB: f64 = 1_073_741_824.0;
        let reference = &self.reference;
        push(log_ratio(reference.executor_heap as f64, GIB));
        push(log_ratio(reference.executor_overhead as f64, GIB));
        push(log_ratio(reference.driver_heap as f64, GIB));
        push(log_ratio(f64::from(reference.task_slots), 1.0));
        push(log_ratio(f64::from(reference.executors), 1.0));
        push(log_ratio(f64::from(reference.shuffle_partitions), 200.0));
        push(reference.memory_fraction as f32);
    }

    fn push_history(&self, push: &mut impl FnMut(f32)) {
        let facts = self.facts;
        let side = self.from.side;
        push(flag(facts.required_bytes.is_some()));
        push(facts.required_bytes.map_or(0.0, |need| log_ratio(need, side)));
        push(flag(facts.need_exact));
        push(facts.history.failed_attempts.min(10) as f32);
        let succeeded = facts.history.succeeded_capacity_min;
        push(flag(succeeded.is_some()));
        push(succeeded.map_or(0.0, |capacity| log_ratio(capacity, side)));
        push(flag(facts.duration_s.is_some()));
        push(facts.duration_s.map_or(0.0, |seconds| log_ratio(seconds, 60.0)));
    }

    fn push_event_log(&self, push: &mut impl FnMut(f32)) {
        let Some(log) = &self.facts.event_log else {
            (0..11).for_each(|_| push(0.0));
            return;
        };
        let reference = &self.reference;
        let share = |part: u64, whole: u64| (part as f64 / (whole.max(1)) as f64).min(4.0) as f32;
        push(1.0);
        push(share(log.executor_heap_peak_bytes, reference.executor_heap));
        push(share(log.driver_heap_peak_bytes, reference.driver_heap));
        push(share(log.onheap_unified_peak_bytes, reference.unified));
        // The host agent sees it whether or not Spark was told to measure it.
        let python = (log.executor_python_rss_peak_bytes as f64).max(self.facts.host.python_rss_peak_bytes);
        push(if python <= 0.0 {
            0.0
        } else {
            log_ratio(python, (reference.executor_overhead + reference.executor_pyspark) as f64)
        });
        push(log.gc_time_share.clamp(0.0, 1.0) as f32);
        let heaviest = log.stages.iter().max_by_key(|stage| (stage.failed, stage.shuffle_read_bytes));
        let shuffle = heaviest.filter(|stage| stage.shuffle_read_bytes > 0);
        push(flag(shuffle.is_some()));
        push(shuffle.map_or(0.0, |stage| {
            let per_task = stage.shuffle_read_bytes as f64 / f64::from(stage.tasks.max(1));
            log_ratio(per_task, reference.executor_heap as f64 / f64::from(reference.task_slots.max(1)))
        }));
        push(shuffle.map_or(0.0, |stage| log_ratio(stage.shuffle_read_skew.max(1.0), 1.0)));
        let spill = log.stages.iter().map(|stage| stage.memory_spill_bytes).max().unwrap_or(0);
        push(if spill == 0 { 0.0 } else { log_ratio(spill as f64, reference.unified as f64) });
        push(heaviest.map_or(0.0, |stage| log_ratio(f64::from(stage.tasks.max(1)), 1.0)));
    }
}

/// A configuration's memory, as the capacity features compare it. Bytes, at least 1 MiB each.
struct Layout {
    side: f64,
    slots: f64,
    heap: f64,
    user: f64,
    execution: f64,
    overhead: f64,
    python: f64,
    offheap: f64,
    driver_heap: f64,
    driver_overhead: f64,
    limits: f64,
    broadcast: f64,
}

impl Layout {
    fn of(memory: &MemoryModel, side: Option<MemorySide>) -> Self {
        const MIB: f64 = 1_048_576.0;
        let bytes = |value: u64| (value as f64).max(MIB);
        let limits = match side {
            Some(side @ (MemorySide::DriverResultSize | MemorySide::KryoBuffer)) => {
                capacity_bytes(memory, side).max(MIB)
            }
            _ => MIB,
        };
        Self {
            // Unclassified: any of the three that are freed for it.
            side: side.map_or_else(|| bytes(memory.container), |side| capacity_bytes(memory, side)).max(MIB),
            slots: f64::from(memory.task_slots.max(1)),
            heap: bytes(memory.executor_heap),
            user: bytes(memory.user_memory),
            execution: bytes(memory.execution_per_task_max),
            overhead: bytes(memory.executor_overhead),
            python: bytes(memory.executor_overhead + memory.executor_pyspark),
            offheap: bytes(memory.offheap),
            driver_heap: bytes(memory.driver_heap),
            driver_overhead: bytes(memory.driver_overhead),
            limits,
            broadcast: bytes(memory.broadcast_threshold),
        }
    }
}

fn flag(value: bool) -> f32 {
    f32::from(u8::from(value))
}

fn log_ratio(a: f64, b: f64) -> f32 {
    if a > 0.0 && b > 0.0 { (a / b).log2().clamp(-LOG_RATIO_MAX, LOG_RATIO_MAX) as f32 } else { 0.0 }
}
