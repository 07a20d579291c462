//! Memory failures that the host explains otherwise: the job is retried unchanged, on another host.
//!
//! A container that the kernel killed long before it was full did not outgrow its memory: its node did. And a JVM that
//! hardly got the processor collects for most of the time that it gets, with room left in its heap. More memory would
//! cost money and change nothing. A second failure of the same kind in one run counts as the job's own.

use paramedic_domain::{HostSample, MemorySide, RunQueueCause};
use paramedic_spark::MemoryModel;

use crate::facts::{Facts, MasterKind};

/// A container killed below this share of its memory was not killed for its size. The rest is for what is not resident or
/// grew since the last look.
const FULL_SHARE: f64 = 0.8;
/// A heap with a peak below this share of its size had room.
const HEAP_FULL_SHARE: f64 = 0.7;
/// Waits for a processor from here on are a neighbour's doing: a hundred times those of a quiet host, in seconds.
const WAIT_P99_S: f64 = 0.1;

/// What happened on the host, and on which.
#[derive(Clone, Debug, PartialEq)]
pub enum Elsewhere {
    /// The kernel killed a process to save the node's memory, not the container's.
    NodePressure {
        /// The host.
        host: String,
        /// `driver` or the executor's id.
        executor_id: String,
        /// What the process and its descendants had, in bytes.
        resident_bytes: u64,
        /// What its container may have, in bytes.
        container_bytes: u64,
    },
    /// Others had the processor.
    NoisyNeighbour {
        /// The host.
        host: String,
        /// The 99th percentile of waits for a processor, in seconds.
        wait_p99_s: f64,
    },
}

/// What the host explains, if anything.
pub fn explains(
    facts: &Facts,
    told: Option<MemorySide>,
    failed: &MemoryModel,
    samples: &[HostSample],
) -> Option<Elsewhere> {
    if facts.history.failed_attempts > 0 || facts.over_request || facts.master == MasterKind::Local {
        return None;
    }
    node_pressure(facts, failed, samples).or_else(|| noisy_neighbour(facts, told, failed, samples))
}

/// Every process that the kernel killed had room left in its container, where such are enforced: a standalone worker may
/// hold its executors to less than they were promised. What the log states of a limit says otherwise.
fn node_pressure(facts: &Facts, failed: &MemoryModel, samples: &[HostSample]) -> Option<Elsewhere> {
    use MemorySide as S;
    let killed_side = matches!(facts.side?, S::ExecutorOverhead | S::PythonWorker | S::Offheap | S::DriverOverhead);
    if !killed_side || facts.required_bytes.is_some() || !facts.master.enforces_containers() {
        return None;
    }
    let container = |sample: &HostSample| match sample.executor_id.as_str() {
        "driver" => failed.driver_container,
        _ => failed.container,
    };
    let full = |sample: &HostSample| sample.rss_peak_bytes as f64 / container(sample).max(1) as f64;
    let killed = || samples.iter().filter(|sample| sample.oom_kills > 0);
    let fullest = killed().max_by(|one, other| full(one).total_cmp(&full(other)))?;
    let measured = killed().all(|sample| sample.rss_peak_bytes > 0);
    (measured && full(fullest) < FULL_SHARE).then(|| Elsewhere::NodePressure {
        host: fullest.host.clone(),
        executor_id: fullest.executor_id.clone(),
        resident_bytes: fullest.rss_peak_bytes,
        container_bytes: container(fullest),
    })
}

/// The heap had room, and the executors waited for processors that others had.
fn noisy_neighbour(
    facts: &Facts,
    told: Option<MemorySide>,
    failed: &MemoryModel,
    samples: &[HostSample],
) -> Option<Elsewhere> {
    if told != Some(MemorySide::GcOverhead) {
        return None;
    }
    let peak = facts.event_log.as_ref()?.executor_heap_peak_bytes;
    let had_room = peak > 0 && (peak as f64) < HEAP_FULL_SHARE * failed.executor_heap as f64;
    let wait = |sample: &HostSample| sample.run_queue_p99_s.unwrap_or(0.0);
    let executors = samples.iter().filter(|sample| sample.executor_id != "driver");
    let longest = executors.max_by(|one, other| wait(one).total_cmp(&wait(other)))?;
    (had_room && wait(longest) >= WAIT_P99_S && longest.run_queue_cause == Some(RunQueueCause::NoisyNeighbour))
        .then(|| Elsewhere::NoisyNeighbour { host: longest.host.clone(), wait_p99_s: wait(longest) })
}
