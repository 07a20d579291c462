//! What becomes of a simulated retry.

use paramedic_domain::MemorySide;
use paramedic_spark::MemoryModel;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{
    chance, log_normal,
    scenario::{Cause, Scenario},
};
use crate::facts::capacity_bytes;

/// Retries fail for reasons of their own this often.
const CHANCE_FAILURE: f64 = 0.01;
/// A transient cause is still there this often.
const TRANSIENT_REPEATS: f64 = 0.15;
/// What starting one more task costs, in seconds of one slot.
const TASK_SECONDS: f64 = 0.03;
/// How steep the frontier is, per octave: between the points "works" and "fails" of a real grid, 1.25 apart, outcomes
/// are random.
const FRONTIER_STEEPNESS: f64 = 16.0;

impl Scenario {
    /// Did the retry fail, and how long did it take (seconds)?
    pub(super) fn run(&self, retry: &MemoryModel, rng: &mut ChaCha8Rng) -> (bool, f64) {
        let margin = self.margin_octaves(retry);
        let failed = chance(rng, CHANCE_FAILURE)
            || match self.cause {
                Cause::Hopeless => true,
                Cause::Transient => chance(rng, TRANSIENT_REPEATS),
                Cause::Memory(_) => chance(rng, 1.0 / (1.0 + (margin * FRONTIER_STEEPNESS).exp())),
            };
        let parallel = |memory: &MemoryModel| f64::from(memory.task_slots.max(1)) * f64::from(memory.executors.max(1));
        let speedup = (parallel(retry) / parallel(&self.reference)).powf(0.7);
        let collection = 1.0 + 0.6 * (-3.0 * margin.clamp(0.0, 10.0)).exp();
        let scheduling = 1.0
            + 0.03
                * (f64::from(retry.shuffle_partitions.max(1)) / f64::from(self.reference.shuffle_partitions.max(1)))
                    .log2()
                    .max(0.0);
        let tasks = f64::from(retry.shuffle_partitions) * TASK_SECONDS / parallel(retry);
        let cut_short = if failed { rng.random_range(0.3..1.2) } else { 1.0 };
        let noise = log_normal(rng, 1.0, 0.1);
        (failed, 5.0 + tasks + self.seconds / speedup * collection * scheduling * cut_short * noise)
    }

    /// Capacity over need, in octaves; below 0 it does not fit.
    fn margin_octaves(&self, retry: &MemoryModel) -> f64 {
        let Cause::Memory(side) = self.cause else { return 0.0 };
        let need = &self.need;
        let reference = &self.reference;
        let slots = f64::from(retry.task_slots.max(1)) / f64::from(reference.task_slots.max(1));
        let coarser = f64::from(reference.shuffle_partitions.max(1)) / f64::from(retry.shuffle_partitions.max(1));
        let task_size = coarser.powf(need.elasticity);
        let scaled = need.bytes * (need.fixed_share + (1.0 - need.fixed_share) * slots * task_size);
        let capacity = capacity_bytes(retry, side);
        let ratio = match side {
            MemorySide::ExecutorHeap if need.unified => retry.execution_per_task_max as f64 / (need.bytes * task_size),
            MemorySide::ExecutorOverhead | MemorySide::DriverOverhead => {
                let (heap, was) = if side == MemorySide::ExecutorOverhead {
                    (retry.executor_heap, reference.executor_heap)
                } else {
                    (retry.driver_heap, reference.driver_heap)
                };
                // A larger heap that is not used leaves room; how much of it stays unused is not the job's to promise.
                let unused = (heap as f64 - was as f64 * need.heap_used_share).max(0.0) * 0.5;
                (capacity + unused) / (scaled + was as f64 * (1.0 - need.heap_used_share) * 0.5)
            }
            MemorySide::PythonWorker => {
                let cores = f64::from(retry.executor_cores.max(1)) / f64::from(reference.executor_cores.max(1));
                capacity / (need.bytes * if retry.executor_pyspark > 0 { cores } else { slots })
            }
            MemorySide::DriverResultSize => {
                let heap = retry.driver_heap as f64 / (need.bytes * need.heap_over_results);
                (capacity / need.bytes).min(heap)
            }
            MemorySide::DriverHeap if need.broadcast && retry.broadcast_threshold == 0 => capacity / (need.bytes * 0.3),
            MemorySide::DriverHeap if retry.local => capacity / scaled,
            MemorySide::DriverHeap | MemorySide::KryoBuffer => capacity / need.bytes,
            // A larger unified region leaves less heap for everything else, once it is filled.
            _ => capacity / (scaled * (1.0 + 0.6 * (retry.memory_fraction - reference.memory_fraction))),
        };
        ratio.max(1e-6).log2()
    }
}
