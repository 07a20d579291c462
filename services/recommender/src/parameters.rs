//! Spark's memory parameters as dimensions of the search: which are freed for which failing side, within which bounds.

use paramedic_domain::{Configuration, MemorySide};
use paramedic_spark::{MemoryModel, MemorySettings, size};

use crate::facts::Facts;

/// A parameter of the search space. Memory in MiB, the rest in its own unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Parameter {
    /// `spark.executor.memory`.
    ExecutorMemory,
    /// `spark.executor.memoryOverhead`.
    ExecutorMemoryOverhead,
    /// `spark.executor.cores`.
    ExecutorCores,
    /// `spark.task.cpus`.
    TaskCpus,
    /// `spark.executor.instances`.
    ExecutorInstances,
    /// `spark.dynamicAllocation.maxExecutors`.
    MaxExecutors,
    /// `spark.memory.fraction`.
    MemoryFraction,
    /// `spark.memory.storageFraction`.
    StorageFraction,
    /// `spark.memory.offHeap.size`; sets `spark.memory.offHeap.enabled` with it.
    OffHeapSize,
    /// `spark.executor.pyspark.memory`.
    PysparkMemory,
    /// `spark.driver.memory`.
    DriverMemory,
    /// `spark.driver.memoryOverhead`.
    DriverMemoryOverhead,
    /// `spark.driver.maxResultSize`.
    DriverMaxResultSize,
    /// `spark.kryoserializer.buffer.max`.
    KryoBufferMax,
    /// `spark.sql.shuffle.partitions`.
    ShufflePartitions,
    /// `spark.sql.autoBroadcastJoinThreshold`, in MiB; 0 stands for −1, never broadcast.
    BroadcastThreshold,
}

/// How a parameter's values are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Mebibytes,
    Count,
    Fraction,
    /// Bytes as a size string; 0 is written as −1.
    Threshold,
}

impl Parameter {
    /// Every parameter.
    pub const ALL: [Self; 16] = [
        Self::ExecutorMemory,
        Self::ExecutorMemoryOverhead,
        Self::ExecutorCores,
        Self::TaskCpus,
        Self::ExecutorInstances,
        Self::MaxExecutors,
        Self::MemoryFraction,
        Self::StorageFraction,
        Self::OffHeapSize,
        Self::PysparkMemory,
        Self::DriverMemory,
        Self::DriverMemoryOverhead,
        Self::DriverMaxResultSize,
        Self::KryoBufferMax,
        Self::ShufflePartitions,
        Self::BroadcastThreshold,
    ];

    /// The Spark key.
    pub const fn key(self) -> &'static str {
        match self {
            Self::ExecutorMemory => "spark.executor.memory",
            Self::ExecutorMemoryOverhead => "spark.executor.memoryOverhead",
            Self::ExecutorCores => "spark.executor.cores",
            Self::TaskCpus => "spark.task.cpus",
            Self::ExecutorInstances => "spark.executor.instances",
            Self::MaxExecutors => "spark.dynamicAllocation.maxExecutors",
            Self::MemoryFraction => "spark.memory.fraction",
            Self::StorageFraction => "spark.memory.storageFraction",
            Self::OffHeapSize => "spark.memory.offHeap.size",
            Self::PysparkMemory => "spark.executor.pyspark.memory",
            Self::DriverMemory => "spark.driver.memory",
            Self::DriverMemoryOverhead => "spark.driver.memoryOverhead",
            Self::DriverMaxResultSize => "spark.driver.maxResultSize",
            Self::KryoBufferMax => "spark.kryoserializer.buffer.max",
            Self::ShufflePartitions => "spark.sql.shuffle.partitions",
            Self::BroadcastThreshold => "spark.sql.autoBroadcastJoinThreshold",
        }
    }

    const fn kind(self) -> Kind {
        match self {
            Self::ExecutorCores
            | Self::TaskCpus
            | Self::ExecutorInstances
            | Self::MaxExecutors
            | Self::ShufflePartitions => Kind::Count,
            Self::MemoryFraction | Self::StorageFraction => Kind::Fraction,
            Self::BroadcastThreshold => Kind::Threshold,
            _ => Kind::Mebibytes,
        }
    }

    /// It is an amount of memory, in MiB.
    pub const fn is_memory(self) -> bool {
        matches!(self.kind(), Kind::Mebibytes)
    }

    /// Only whole numbers are written.
    pub const fn is_integer(self) -> bool {
        !matches!(self.kind(), Kind::Fraction)
    }

    /// The value in force, in the parameter's unit.
    pub fn value(self, memory: &MemoryModel) -> f64 {
        let mebibytes = |bytes: u64| bytes as f64 / 1_048_576.0;
        match self {
            Self::ExecutorMemory => mebibytes(memory.executor_heap),
            Self::ExecutorMemoryOverhead => mebibytes(memory.executor_overhead),
            Self::ExecutorCores => f64::from(memory.executor_cores),
            Self::TaskCpus => f64::from(memory.task_cpus),
            Self::ExecutorInstances | Self::MaxExecutors => f64::from(memory.executors),
            Self::MemoryFraction => memory.memory_fraction,
            Self::StorageFraction => memory.storage_fraction,
            Self::OffHeapSize => mebibytes(memory.offheap),
            Self::PysparkMemory => mebibytes(memory.executor_pyspark),
            Self::DriverMemory => mebibytes(memory.driver_heap),
            Self::DriverMemoryOverhead => mebibytes(memory.driver_overhead),
            Self::DriverMaxResultSize => mebibytes(memory.max_result_size),
            Self::KryoBufferMax => mebibytes(memory.kryo_buffer_max),
            Self::ShufflePartitions => f64::from(memory.shuffle_partitions),
            Self::BroadcastThreshold => mebibytes(memory.broadcast_threshold),
        }
    }

    /// Sets a value: what reading the configuration that [`Parameter::write`] writes would give.
    pub fn set(self, value: f64, settings: &mut MemorySettings) {
        let whole = value.round().max(0.0) as u64;
        let bytes = whole << 20;
        let count = whole as u32;
        match self {
            Self::ExecutorMemory => settings.executor_memory = bytes,
            Self::ExecutorMemoryOverhead => settings.executor_overhead.given = Some(bytes),
            Self::ExecutorCores => settings.executor_cores = Some(count),
            Self::TaskCpus => settings.task_cpus = count,
            Self::ExecutorInstances => settings.executor_instances = Some(count),
            Self::MaxExecutors => settings.max_executors = Some(count),
            Self::MemoryFraction => settings.memory_fraction = hundredths(value),
            Self::StorageFraction => settings.storage_fraction = hundredths(value),
            Self::OffHeapSize => (settings.offheap_enabled, settings.offheap_size) = (true, bytes),
            Self::PysparkMemory => settings.executor_pyspark = bytes,
            Self::DriverMemory => settings.driver_memory = bytes,
            Self::DriverMemoryOverhead => settings.driver_overhead.given = Some(bytes),
            Self::DriverMaxResultSize => settings.max_result_size = bytes,
            Self::KryoBufferMax => settings.kryo_buffer_max = bytes,
            Self::ShufflePartitions => settings.shuffle_partitions = count,
            Self::BroadcastThreshold => settings.broadcast_threshold = bytes,
        }
    }

    /// Writes a value into a configuration, in the key's own form.
    pub fn write(self, value: f64, config: &mut Configuration) {
        let whole = value.round().max(0.0) as u64;
        let text = match self.kind() {
            Kind::Threshold if whole == 0 => "-1".to_owned(),
            Kind::Mebibytes | Kind::Threshold => size::format_mebibytes(whole),
            Kind::Count => whole.to_string(),
            Kind::Fraction => format!("{:.2}", hundredths(value)),
        };
        config.insert(self.key().to_owned(), text);
        if self == Self::OffHeapSize {
            config.insert("spark.memory.offHeap.enabled".to_owned(), "true".to_owned());
        }
    }
}

/// Fractions are written with two digits.
fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// The parameters that can matter for the failing side; the rest stay as they were.
pub fn freed(facts: &Facts, failed: &MemoryModel, config: &Configuration) -> Vec<Parameter> {
    use Parameter as P;
    let mut parameters = match facts.side {
        Some(_) if facts.over_request => {
            vec![if facts.side == Some(MemorySide::DriverHeap) { P::DriverMemory } else { P::ExecutorMemory }]
        }
        Some(MemorySide::ExecutorHeap | MemorySide::GcOverhead) => {
            vec![
                P::ExecutorMemory,
                P::TaskCpus,
                P::ExecutorCores,
                P::ShufflePartitions,
                P::MemoryFraction,
                P::StorageFraction,
            ]
        }
        Some(MemorySide::PythonWorker) if failed.executor_pyspark > 0 => vec![P::PysparkMemory, P::TaskCpus],
        Some(MemorySide::ExecutorOverhead | MemorySide::PythonWorker) => {
            vec![P::ExecutorMemoryOverhead, P::TaskCpus, P::ExecutorCores]
        }
        Some(MemorySide::Offheap) if failed.offheap > 0 => vec![P::OffHeapSize, P::TaskCpus, P::ShufflePartitions],
        Some(MemorySide::Offheap) => vec![P::ExecutorMemoryOverhead, P::ExecutorMemory],
        Some(MemorySide::DriverHeap) if failed.local => vec![P::DriverMemory, P::ShufflePartitions, P::MemoryFraction],
        Some(MemorySide::DriverHeap) => vec![P::DriverMemory, P::BroadcastThreshold],
        Some(MemorySide::DriverOverhead) => vec![P::DriverMemoryOverhead],
        Some(MemorySide::DriverResultSize) => vec![P::DriverMaxResultSize, P::DriverMemory],
        Some(MemorySide::KryoBuffer) => vec![P::KryoBufferMax],
        None => vec![P::ExecutorMemory, P::ExecutorMemoryOverhead, P::DriverMemory],
    };
    if matches!(facts.side, Some(MemorySide::ExecutorHeap)) && !facts.over_request {
        // With both, the number of instances is what counts.
        parameters.extend([P::ExecutorInstances, P::MaxExecutors].into_iter().find(|p| config.contains_key(p.key())));
    }
    parameters.retain(|parameter| can_matter(*parameter, facts, failed, config));
    parameters
}

/// Leaves out what this configuration or this job cannot use.
fn can_matter(parameter: Parameter, facts: &Facts, failed: &MemoryModel, config: &Configuration) -> bool {
    match parameter {
        // Where Spark itself ran one task at a time before it gave up, fewer tasks at a time are no remedy.
        Parameter::TaskCpus | Parameter::ExecutorCores
            if facts.own_remedies.iter().any(|remedy| remedy.runs_fewer_tasks()) =>
        {
            false
        }
        Parameter::TaskCpus => failed.task_slots > 1 && !failed.local,
        // Splitting an executor into smaller ones needs a cluster manager that starts more of them.
        Parameter::ExecutorCores => failed.task_slots > 1 && !failed.local && config.contains_key(parameter.key()),
        // Storage competes with execution only where much of the unified region was in use.
        Parameter::StorageFraction => {
            facts.event_log.as_ref().is_some_and(|log| log.onheap_unified_peak_bytes > failed.unified / 2)
        }
        // Without a shuffle in the plan more partitions change nothing; without an event log nobody knows.
        Parameter::ShufflePartitions => facts.event_log.as_ref().is_none_or(has_shuffle),
        Parameter::BroadcastThreshold => {
            facts.event_log.as_ref().is_some_and(has_broadcast) && failed.broadcast_threshold > 0
        }
        _ => true,
    }
}

fn has_shuffle(log: &paramedic_domain::EventLogSummary) -> bool {
    log.plan_operators.is_empty()
        || log.plan_operators.iter().any(|operator| operator == "Exchange" || operator == "ShuffleExchange")
}

fn has_broadcast(log: &paramedic_domain::EventLogSummary) -> bool {
    log.plan_operators.iter().any(|operator| operator.contains("Broadcast"))
}
