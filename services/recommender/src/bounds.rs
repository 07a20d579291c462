//! How far each parameter may move: the policy, the cluster, what already failed, what the log states.

use paramedic_domain::{MemorySide, Policy};
use paramedic_spark::{MemoryModel, memory::HEAP_BYTES_MIN, size};
use paramedic_tuner::Distribution;

use crate::{facts::Facts, parameters::Parameter, settings::SearchSettings};

const MIB: f64 = 1_048_576.0;
/// Spark refuses a heap below this: 1.5 times its reserved 300 MiB (`UnifiedMemoryManager`).
const HEAP_MIN_MIB: f64 = (HEAP_BYTES_MIN >> 20) as f64;
/// What a log states is a lower bound; nothing at or just above it is worth a retry.
const ABOVE_NEED: f64 = 1.05;
/// With a stated need nobody needs more than this many times as much.
const NEED_GROWTH_MAX: f64 = 8.0;
/// Buffers and pools of a few MiB cost nothing to raise at once.
const SMALL_POOL_MIB: f64 = 1_024.0;

/// Bounds of one parameter, in its own unit, both inclusive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Least value.
    pub low: f64,
    /// Greatest value.
    pub high: f64,
}

/// The bounds of a freed parameter. Empty (`low > high`) bounds mean that there is no room.
pub fn bounds(
    parameter: Parameter,
    facts: &Facts,
    failed: &MemoryModel,
    policy: &Policy,
    settings: &SearchSettings,
) -> Bounds {
    let own = own_bounds(parameter, facts, failed, settings);
    let by_policy = policy_bounds(parameter, policy);
    let by_cluster = cluster_maximum(parameter, facts, failed);
    let by_node = policy.node_memory_bytes.map_or(f64::INFINITY, |node| node_maximum(parameter, node, failed));
    Bounds { low: own.low.max(by_policy.low), high: own.high.min(by_policy.high).min(by_cluster).min(by_node) }
}

fn own_bounds(parameter: Parameter, facts: &Facts, failed: &MemoryModel, settings: &SearchSettings) -> Bounds {
    let value = parameter.value(failed);
    match parameter {
        _ if facts.over_request => {
            let maximum = facts.maximum_bytes.map_or(value, |bytes| bytes / MIB);
            let room = if facts.master.enforces_containers() { heap_within(maximum, failed) } else { maximum };
            Bounds { low: (room / 4.0).max(HEAP_MIN_MIB).ceil(), high: room.floor() }
        }
        Parameter::TaskCpus => Bounds { low: value, high: f64::from(failed.executor_cores) },
        Parameter::ExecutorCores => Bounds { low: f64::from(failed.task_cpus), high: value },
        Parameter::ExecutorInstances | Parameter::MaxExecutors => {
            Bounds { low: (value / 2.0).ceil().max(1.0), high: value }
        }
        Parameter::MemoryFraction => Bounds { low: value.min(0.5), high: value.max(0.8) },
        Parameter::StorageFraction => Bounds { low: value.min(0.1), high: value },
        Parameter::ShufflePartitions => Bounds { low: value, high: (value * 8.0).max(64.0) },
        Parameter::BroadcastThreshold => Bounds { low: 0.0, high: value },
        _ => memory_bounds(parameter, facts, failed, settings),
    }
}

/// Memory only grows here: from what failed (or what the log says is needed) to a bounded multiple.
fn memory_bounds(parameter: Parameter, facts: &Facts, failed: &MemoryModel, settings: &SearchSettings) -> Bounds {
    let value = parameter.value(failed);
    let own_side = is_own_memory(parameter, facts.side);
    let failed_with =
        facts.history.failed_capacity_max.filter(|_| own_side).map_or(value, |bytes| value.max(bytes / MIB));
    let need = facts.required_bytes.filter(|_| own_side).map_or(0.0, |bytes| bytes / MIB * ABOVE_NEED);
    let raised = facts.history.raised_capacity_max.filter(|_| own_side).map_or(0.0, |bytes| bytes / MIB);
    let is_heap = matches!(parameter, Parameter::ExecutorMemory | Parameter::DriverMemory);
    let least = if is_heap { HEAP_MIN_MIB } else { 0.0 };
    let low = failed_with.max(need).max(raised).max(least).ceil();
    let grown = (failed_with * settings.growth_max).max(need * NEED_GROWTH_MAX).max(raised);
    let high = if own_side { grown.max(SMALL_POOL_MIB) } else { grown };
    Bounds { low, high: high.floor() }
}

/// Is this the memory of the failing side itself?
pub fn is_own_memory(parameter: Parameter, side: Option<MemorySide>) -> bool {
    use MemorySide as S;
    match parameter {
        Parameter::ExecutorMemory => matches!(side, Some(S::ExecutorHeap | S::GcOverhead)),
        Parameter::ExecutorMemoryOverhead => matches!(side, Some(S::ExecutorOverhead | S::PythonWorker | S::Offheap)),
        Parameter::PysparkMemory => side == Some(S::PythonWorker),
        Parameter::OffHeapSize => side == Some(S::Offheap),
        Parameter::DriverMemory => side == Some(S::DriverHeap),
        Parameter::DriverMemoryOverhead => side == Some(S::DriverOverhead),
        Parameter::DriverMaxResultSize => side == Some(S::DriverResultSize),
        Parameter::KryoBufferMax => side == Some(S::KryoBuffer),
        _ => false,
    }
}

/// The heap that fits a container of `maximum` MiB together with its overhead, in Spark's own arithmetic.
fn heap_within(maximum: f64, failed: &MemoryModel) -> f64 {
    let besides = (failed.executor_pyspark + failed.offheap) as f64 / MIB;
    let factor = (failed.executor_overhead as f64 / failed.executor_heap.max(1) as f64).min(0.4);
    let explicit_or_minimum = failed.executor_overhead as f64 / MIB;
    // Overhead is the greater of a minimum and a share of the heap: the heap must fit beside either.
    let beside_minimum = maximum - besides - 384.0_f64.min(explicit_or_minimum);
    beside_minimum.min((maximum - besides) / (1.0 + factor.max(0.1)))
}

/// The most that the cluster gives, as far as it is known.
fn cluster_maximum(parameter: Parameter, facts: &Facts, failed: &MemoryModel) -> f64 {
    let container = facts.master.enforces_containers();
    let beside = |bytes: u64| if container { bytes as f64 } else { 0.0 };
    let executor = facts.limits.executor_memory_bytes.map(|bytes| bytes as f64);
    let driver = facts.limits.driver_memory_bytes.map(|bytes| bytes as f64);
    let room = match parameter {
        Parameter::ExecutorMemory => executor.map(|all| all - beside(failed.container - failed.executor_heap)),
        Parameter::ExecutorMemoryOverhead => {
            executor.map(|all| all - (failed.container - failed.executor_overhead) as f64)
        }
        Parameter::OffHeapSize => executor.map(|all| all - (failed.container - failed.offheap) as f64),
        Parameter::PysparkMemory => executor.map(|all| all - (failed.container - failed.executor_pyspark) as f64),
        Parameter::DriverMemory => driver.map(|all| all - beside(failed.driver_overhead)),
        Parameter::DriverMemoryOverhead => driver.map(|all| all - failed.driver_heap as f64),
        Parameter::ExecutorCores | Parameter::TaskCpus => {
            return facts.limits.executor_cores.map_or(f64::INFINITY, f64::from);
        }
        _ => None,
    };
    room.map_or(f64::INFINITY, |bytes| (bytes / MIB).floor())
}

/// The most that fits the policy's largest node beside the container's other parts.
fn node_maximum(parameter: Parameter, node_bytes: u64, failed: &MemoryModel) -> f64 {
    let beside = match parameter {
        Parameter::ExecutorMemory => failed.container - failed.executor_heap,
        Parameter::ExecutorMemoryOverhead => failed.container - failed.executor_overhead,
        Parameter::OffHeapSize => failed.container - failed.offheap.min(failed.container),
        Parameter::PysparkMemory => failed.container - failed.executor_pyspark,
        Parameter::DriverMemory => failed.driver_overhead,
        Parameter::DriverMemoryOverhead => failed.driver_heap,
        _ => return f64::INFINITY,
    };
    (node_bytes.saturating_sub(beside) >> 20) as f64
}

/// What the policy allows, in the parameter's unit: the bounds of all jobs and those of scopes. The policy is the job's: what
/// is scoped to other jobs was left out.
pub fn policy_bounds(parameter: Parameter, policy: &Policy) -> Bounds {
    let number = |text: &String| -> Option<f64> {
        if parameter.is_memory() || parameter == Parameter::BroadcastThreshold {
            if text.starts_with('-') {
                return Some(0.0);
            }
            size::parse_value(parameter.key(), text).ok().map(|bytes| bytes as f64 / MIB)
        } else {
            text.parse().ok()
        }
    };
    let maps = std::iter::once(&policy.bounds).chain(policy.scoped_bounds.iter().map(|scoped| &scoped.bounds));
    let mut bounds = Bounds { low: 0.0, high: f64::INFINITY };
    for bound in maps.filter_map(|map| map.get(parameter.key())) {
        bounds.low = bounds.low.max(bound.min.as_ref().and_then(number).unwrap_or(0.0));
        bounds.high = bounds.high.min(bound.max.as_ref().and_then(number).unwrap_or(f64::INFINITY));
    }
    bounds
}

/// The distribution of a parameter within its bounds; `None` where there is nothing to choose.
pub fn distribution(parameter: Parameter, bounds: Bounds) -> Option<Distribution> {
    let Bounds { low, high } = bounds;
    if !(low.is_finite() && high.is_finite()) || high <= low {
        return None;
    }
    Some(match parameter {
        Parameter::MemoryFraction | Parameter::StorageFraction => Distribution::Float { low, high, log: false },
        Parameter::BroadcastThreshold => {
            let top = high as i64;
            Distribution::Integer { low: 0, high: top, step: top.max(1), log: false }
        }
        Parameter::TaskCpus | Parameter::ExecutorCores => {
            Distribution::Integer { low: low as i64, high: high as i64, step: 1, log: false }
        }
        _ => {
            let (step, high) = (memory_step(parameter, low), high as i64);
            // Counted down from what is whole at the top, so that the greatest value can be had and sizes look written.
            let top = if parameter.is_memory() && high > step { high - high % step } else { high };
            let low = (low as i64).max(1);
            let low = if low >= top { low } else { top - (top - low) / step * step };
            Distribution::Integer { low, high: top.max(low), step, log: true }
        }
    })
}

/// Sizes in steps that a person would write.
fn memory_step(parameter: Parameter, low: f64) -> i64 {
    if !parameter.is_memory() {
        return 1;
    }
    match low {
        low if low < 32.0 => 1,
        low if low < 256.0 => 8,
        low if low < 4_096.0 => 64,
        _ => 256,
    }
}
