//! A simulator of Spark's memory model: the source of the base model's records.
//!
//! It draws a job's *need* on one side of memory, a configuration that fails by it, what a failure report would tell,
//! and a retry; and decides by [`MemoryModel`] whether the retry works. What it assumes, and where from:
//!
//! - How much is missing. Given that a configuration failed, need over capacity is log-normal with the median and width of
//!   `shortage`. Frontiers measured on real Spark 4.1 jobs that fail on 384 MiB to 1 GiB lie between 1.2 and 6 times
//!   the failing capacity, with a median near 2.3 for heaps.
//! - What scales. Part of a heap is held once (broadcasts, caches), the rest by each running task; a task's part shrinks
//!   with more partitions unless the data is skewed or the groups are few.
//! - Containers. Killed when heap used, overhead, off-heap and Python memory together exceed the container; heap that is
//!   not used leaves room for the rest.
//! - Logs that state a need state a lower bound: the true one is up to some half larger.
//! - A share of failures is not healed by any memory: leaks, unbounded skew, a wrong classification.
//! - Retries near the frontier are slow (collection) and random: one run in a few fails.
//!
//! Nothing here reads a clock or a file: the same seed gives the same records.

mod outcome;
mod scenario;

use paramedic_domain::MemorySide;
use paramedic_spark::{MemoryModel, PriceTable};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, LogNormal};

use crate::{
    features::{CandidateFeatures, ContextFeatures, FeatureSpace},
    tokens::TokenHash,
};
use scenario::Scenario;

/// A labelled record.
#[derive(Clone, Debug)]
pub struct Record {
    /// The failed attempt.
    pub context: ContextFeatures,
    /// The retry's configuration.
    pub candidate: CandidateFeatures,
    /// The retry failed.
    pub failed: bool,
    /// The retry's duration.
    pub seconds: f64,
}

/// Draws record `index` of the simulation that `seed` names. Records do not depend on each other.
pub fn record(seed: u64, index: u64, hash: &TokenHash) -> Record {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(index);
    loop {
        // A draw whose configuration Spark would refuse is drawn again; few are.
        if let Some(record) = draw(&mut rng, hash) {
            return record;
        }
    }
}

fn draw(rng: &mut ChaCha8Rng, hash: &TokenHash) -> Option<Record> {
    let scenario = Scenario::draw(rng)?;
    let retry = scenario.draw_retry(rng);
    let memory = MemoryModel::of(&retry).ok()?;
    let space = FeatureSpace::new(&scenario.facts, scenario.reference.clone(), PriceTable::default());
    let (failed, seconds) = scenario.run(&memory, rng);
    Some(Record { context: space.context(hash), candidate: space.candidate(&memory), failed, seconds })
}

/// Need over failing capacity, given that it failed: median and sigma of the natural logarithm.
fn shortage(side: Option<MemorySide>) -> (f64, f64) {
    match side {
        Some(MemorySide::ExecutorHeap | MemorySide::GcOverhead) => (2.1, 0.70),
        Some(MemorySide::DriverHeap) => (2.2, 0.75),
        Some(MemorySide::ExecutorOverhead | MemorySide::DriverOverhead) => (1.8, 0.60),
        Some(MemorySide::PythonWorker) => (2.1, 0.65),
        Some(MemorySide::DriverResultSize) => (3.0, 0.90),
        Some(MemorySide::KryoBuffer) => (2.5, 0.90),
        Some(MemorySide::Offheap) => (3.5, 1.10),
        None => (2.0, 0.70),
    }
}

/// A factor above 1, log-normal around `median`.
fn factor_above_one(rng: &mut ChaCha8Rng, median: f64, sigma: f64) -> f64 {
    // The parameters are constants of this module: the distribution exists.
    let excess = LogNormal::new((median - 1.0).max(1e-3).ln(), sigma).map_or(median - 1.0, |law| law.sample(rng));
    1.0 + excess
}

/// A positive number, log-normal around `median`.
fn log_normal(rng: &mut ChaCha8Rng, median: f64, sigma: f64) -> f64 {
    LogNormal::new(median.max(1e-9).ln(), sigma).map_or(median, |law| law.sample(rng))
}

fn chance(rng: &mut ChaCha8Rng, probability: f64) -> bool {
    rng.random_bool(probability.clamp(0.0, 1.0))
}

fn log_uniform(rng: &mut ChaCha8Rng, low: f64, high: f64) -> f64 {
    rng.random_range(low.ln()..=high.ln()).exp()
}
