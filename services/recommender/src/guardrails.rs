//! Guardrails: ordered steps that can only narrow what the optimizer proposes.

use paramedic_domain::{Configuration, MemorySide, Policy};
use paramedic_spark::{MemoryModel, memory::HEAP_BYTES_MIN};

use crate::{
    bounds::policy_bounds,
    facts::{Facts, capacity_bytes},
    parameters::Parameter,
};

/// Parameters whose values the policy bounds.
const BOUNDED: [Parameter; 13] = [
    Parameter::ExecutorMemory,
    Parameter::ExecutorMemoryOverhead,
    Parameter::ExecutorCores,
    Parameter::TaskCpus,
    Parameter::ExecutorInstances,
    Parameter::MaxExecutors,
    Parameter::OffHeapSize,
    Parameter::PysparkMemory,
    Parameter::DriverMemory,
    Parameter::DriverMemoryOverhead,
    Parameter::DriverMaxResultSize,
    Parameter::KryoBufferMax,
    Parameter::ShufflePartitions,
];

/// The guardrails of one request.
pub struct Guardrails<'a> {
    facts: &'a Facts,
    failed: &'a MemoryModel,
    original: &'a Configuration,
    policy: &'a Policy,
}

impl<'a> Guardrails<'a> {
    /// The guardrails of one request.
    pub const fn new(
        facts: &'a Facts,
        failed: &'a MemoryModel,
        original: &'a Configuration,
        policy: &'a Policy,
    ) -> Self {
        Self { facts, failed, original, policy }
    }

    /// The configuration within every guardrail; `None` when it cannot be brought there.
    pub fn narrow(&self, config: Configuration) -> Option<Configuration> {
        let config = self.keep_allowed_keys(config);
        let config = self.cap_to_policy(config)?;
        let memory = MemoryModel::of(&config).ok()?;
        self.admit(&memory).then_some(config)
    }

    /// Whether memory that is within the policy passes the other guardrails.
    pub fn admit(&self, memory: &MemoryModel) -> bool {
        self.fits_cluster(memory)
            && self.fits_node(memory)
            && self.starts(memory)
            && Self::tasks_fit(memory)
            && !self.already_failed(memory)
    }

    /// A key that the policy does not allow keeps its value.
    fn keep_allowed_keys(&self, mut config: Configuration) -> Configuration {
        let changed: Vec<String> = config
            .iter()
            .filter(|(key, value)| self.original.get(*key) != Some(value))
            .map(|(key, _)| key.clone())
            .collect();
        for key in changed.into_iter().filter(|key| !self.policy.allows(key)) {
            match self.original.get(&key) {
                Some(value) => config.insert(key, value.clone()),
                None => config.remove(&key),
            };
        }
        config
    }

    /// A changed value beyond the policy's greatest becomes that.
    fn cap_to_policy(&self, mut config: Configuration) -> Option<Configuration> {
        let memory = MemoryModel::of(&config).ok()?;
        for parameter in BOUNDED {
            let changed = config.get(parameter.key()) != self.original.get(parameter.key());
            let high = policy_bounds(parameter, self.policy).high;
            if changed && parameter.value(&memory) > high {
                parameter.write(high.floor(), &mut config);
            }
        }
        Some(config)
    }

    /// Heap, overhead, off-heap and Python memory together fit the largest node, where the cluster holds them to it.
    fn fits_cluster(&self, memory: &MemoryModel) -> bool {
        let limits = &self.facts.limits;
        let container = self.facts.master.enforces_containers();
        let executor = if container { memory.container } else { memory.executor_heap };
        let driver = if container { memory.driver_container } else { memory.driver_heap };
        limits
            .executor_memory_bytes
            .is_none_or(|most| memory.local || executor <= most || executor <= self.executor_before(container))
            && limits.driver_memory_bytes.is_none_or(|most| driver <= most.max(self.failed.driver_heap))
    }

    /// Containers fit the policy's largest node; one that was larger before may shrink.
    fn fits_node(&self, memory: &MemoryModel) -> bool {
        self.policy.node_memory_bytes.is_none_or(|node| {
            memory.container <= node.max(self.failed.container)
                && memory.driver_container <= node.max(self.failed.driver_container)
        })
    }

    /// What ran before fits, whatever the limits say, unless more was requested than there is.
    const fn executor_before(&self, container: bool) -> u64 {
        match (self.facts.over_request, container) {
            (true, _) => 0,
            (false, true) => self.failed.container,
            (false, false) => self.failed.executor_heap,
        }
    }

    /// Spark starts with the heaps; one that was below Spark's minimum before is not this change's fault.
    fn starts(&self, memory: &MemoryModel) -> bool {
        let starts = |heap: u64, before: u64| heap >= HEAP_BYTES_MIN || heap == before;
        starts(memory.executor_heap, self.failed.executor_heap) && starts(memory.driver_heap, self.failed.driver_heap)
    }

    /// A task's cores fit an executor's.
    const fn tasks_fit(memory: &MemoryModel) -> bool {
        memory.local || memory.task_cpus <= memory.executor_cores
    }

    /// At or below what already failed on the same side, and no task got more either.
    fn already_failed(&self, memory: &MemoryModel) -> bool {
        let Some(side) = self.facts.side else { return false };
        if self.facts.over_request {
            return false;
        }
        let failed_with = self.facts.history.failed_capacity_max.unwrap_or(0.0).max(capacity_bytes(self.failed, side));
        let more = capacity_bytes(memory, side) > failed_with;
        let finer = match side {
            MemorySide::DriverHeap if memory.local => memory.shuffle_partitions > self.failed.shuffle_partitions,
            MemorySide::DriverHeap => memory.broadcast_threshold < self.failed.broadcast_threshold,
            MemorySide::DriverOverhead | MemorySide::DriverResultSize | MemorySide::KryoBuffer => false,
            _ => {
                memory.task_slots < self.failed.task_slots
                    || memory.shuffle_partitions > self.failed.shuffle_partitions
                    || memory.execution_per_task_max > self.failed.execution_per_task_max
                    || memory.container > self.failed.container
            }
        };
        !(more || finer)
    }
}
