//! Right sizing: less memory for jobs that succeed, in steps, each small enough that the next run is very likely to succeed.
//!
//! How likely is judged twice, and the worse judgement counts. The observed peaks give the probability that the next one
//! exceeds the new capacity, by the predictive distribution of their logarithms. The model is asked what it knows about
//! needs: were this job to fail with just its peak, how much likelier would a retry with the new capacity fail than one
//! with the present capacity, which is known to do?

pub mod apply;
mod chance;

use paramedic_domain::{
    AttemptRecord, AttemptStatus, Category, Configuration, MemorySide, Policy,
    patch_values::Values,
    right_sizing::{RightSizingChange, RightSizingProposal},
};
use paramedic_spark::{Master, MemoryModel, size};

use crate::{
    bounds::policy_bounds,
    facts::{Facts, MasterKind, capacity_bytes, side_in},
    features::FeatureSpace,
    model::Model,
    objective::Predictor,
    parameters::Parameter,
    pipeline::slim,
    settings::RecommenderSettings,
};

const MIB: f64 = 1_048_576.0;
/// Sizes are multiples of this, as a person would write them.
const GRAIN_MIB: f64 = 64.0;
/// Spark refuses a heap below 450 MiB.
const HEAP_MIN_MIB: f64 = 480.0;
/// Between two sizes that are tried.
const FINER: f64 = 1.05;
/// A change that saves less than this share is not worth its risk.
const WORTHWHILE: f64 = 0.1;

/// What is looked at, and how far one step goes.
#[derive(Clone, Copy, Debug)]
pub struct RightSizingSettings {
    /// Runs in a row that succeeded with the present configuration, before it is lowered (further).
    pub runs_min: u32,
    /// Days that are looked back.
    pub days: u32,
    /// Greatest probability that the next run fails for the change, 0 to 1.
    pub failure_probability_max: f64,
    /// One step takes at most this share away.
    pub step_max: f64,
    /// How long a step applies, in days; a success in between does not renew it: the next step takes its place.
    pub patch_days: u32,
}

impl Default for RightSizingSettings {
    fn default() -> Self {
        Self { runs_min: 5, days: 30, failure_probability_max: 0.05, step_max: 0.3, patch_days: 90 }
    }
}

/// A job's history, and what it is judged by.
pub struct Case<'a> {
    /// The job's attempts, newest first.
    pub attempts: &'a [AttemptRecord],
    /// The champion.
    pub model: Option<&'a Model>,
    /// The bounds that no patch may leave.
    pub policy: &'a Policy,
    /// Settings.
    pub settings: &'a RecommenderSettings,
}

/// A key that may be lowered: whose memory it is, and what was used of it in each run.
struct Axis {
    parameter: Parameter,
    side: MemorySide,
    peaks: Vec<f64>,
}

impl Case<'_> {
    /// The next step; nothing where there is none to take.
    pub fn propose(&self) -> Option<RightSizingProposal> {
        let newest = self.attempts.first()?;
        let memory = MemoryModel::of(&newest.config).ok()?;
        let runs = self.steady_runs();
        if (runs.len() as u32) < self.settings.right_sizing.runs_min {
            return None;
        }
        let mut values = Values::new();
        let changes: Vec<RightSizingChange> = axes(&memory, &runs)
            .into_iter()
            .filter(|axis| axis.peaks.len() as u32 >= self.settings.right_sizing.runs_min)
            .filter(|axis| self.policy.allows(axis.parameter.key()))
            .filter_map(|axis| self.step(&axis, &newest.config, &memory, &mut values))
            .collect();
        let worst = changes.iter().map(|change| change.failure_probability).reduce(f64::max)?;
        self.keep_overhead(&newest.config, &memory, &mut values);
        let lowered = MemoryModel::of(&with(&newest.config, &values)).ok()?;
        let rate = |memory: &MemoryModel| self.settings.prices.hourly_usd(memory);
        let saved = mean_hours(&runs).map(|hours| (rate(&memory) - rate(&lowered)) * hours);
        let bound = self.settings.right_sizing.failure_probability_max;
        Some(RightSizingProposal {
            scheduler: newest.job.scheduler.clone(),
            workflow: newest.job.workflow.clone(),
            job: newest.job.job.clone(),
            runs: runs.len() as u32,
            explanation: changes.iter().map(|change| explain(change, runs.len())).collect(),
            changes,
            values,
            failure_probability: worst,
            failure_probability_max: bound,
            saved_usd_per_run: saved,
        })
    }

    /// The newest runs that succeeded one after the other with the memory that the newest has.
    fn steady_runs(&self) -> Vec<&AttemptRecord> {
        let now = self.attempts.first().map(|newest| slim(&newest.config));
        let steady =
            |attempt: &&AttemptRecord| attempt.status == AttemptStatus::Succeeded && Some(slim(&attempt.config)) == now;
        self.attempts.iter().take_while(steady).collect()
    }

    /// One key's step, written into `values`.
    fn step(
        &self,
        axis: &Axis,
        config: &Configuration,
        memory: &MemoryModel,
        values: &mut Values,
    ) -> Option<RightSizingChange> {
        let settings = &self.settings.right_sizing;
        let from = capacity_bytes(memory, axis.side) / MIB;
        let peak = axis.peaks.iter().copied().fold(0.0, f64::max) / MIB;
        let failed = self.failed_with(axis.side) / MIB;
        let least = if axis.parameter == Parameter::ExecutorMemoryOverhead { GRAIN_MIB } else { HEAP_MIN_MIB };
        let least = least.max(policy_bounds(axis.parameter, self.policy).low).max(peak.max(failed) * FINER);
        let (target, _) = self.smallest(axis, config, memory, least, from)?;
        let to = grained(target.max(from * (1.0 - settings.step_max)));
        if to > from * (1.0 - WORTHWHILE) {
            return None;
        }
        let probability = self.probability(axis, config, memory, to)?;
        values.insert(axis.parameter.key().to_owned(), Some(size::format_mebibytes(to as u64)));
        let bytes = |mebibytes: f64| (mebibytes * MIB) as u64;
        Some(RightSizingChange {
            key: axis.parameter.key().to_owned(),
            from_bytes: bytes(from),
            to_bytes: bytes(to),
            target_bytes: bytes(target),
            peak_bytes: bytes(peak),
            failure_probability: probability,
        })
    }

    /// The smallest size between `least` and below `from` that keeps under the bound.
    fn smallest(
        &self,
        axis: &Axis,
        config: &Configuration,
        memory: &MemoryModel,
        least: f64,
        from: f64,
    ) -> Option<(f64, f64)> {
        let mut size = grained(least);
        while size < from {
            let probability = self.probability(axis, config, memory, size)?;
            if probability <= self.settings.right_sizing.failure_probability_max {
                return Some((size, probability));
            }
            size = grained(size * FINER);
        }
        None
    }

    /// How likely the next run fails with this capacity on this side, in MiB.
    fn probability(&self, axis: &Axis, config: &Configuration, memory: &MemoryModel, size: f64) -> Option<f64> {
        let by_peaks = chance::exceeds(&axis.peaks, size * MIB);
        let Some(model) = self.model else { return Some(by_peaks) };
        let peak = axis.peaks.iter().copied().fold(self.failed_with(axis.side), f64::max);
        let set = |mebibytes: f64| {
            let text = size::format_mebibytes(mebibytes.max(GRAIN_MIB) as u64);
            let values = Values::from([(axis.parameter.key().to_owned(), Some(text))]);
            MemoryModel::of(&with(config, &values)).ok()
        };
        let heap = axis.parameter != Parameter::ExecutorMemoryOverhead;
        let least = if heap { HEAP_MIN_MIB } else { GRAIN_MIB };
        let reference = set((peak / MIB).max(least))?;
        let facts = Self::facts(axis.side, memory, config);
        let predictor = Predictor::new(model, FeatureSpace::new(&facts, reference, self.settings.prices));
        let predicted = predictor.predict(&[set(size)?, memory.clone()]).ok()?;
        let [lowered, present] = predicted.as_slice() else { return None };
        // What retries fail of whatever they are given is not the change's doing.
        let unavoidable = present.failure_probability.min(0.99);
        let by_model = (lowered.failure_probability - unavoidable) / (1.0 - unavoidable);
        Some(by_peaks.max(by_model))
    }

    /// As if the job had failed with just its peak.
    fn facts(side: MemorySide, memory: &MemoryModel, config: &Configuration) -> Facts {
        let master = Master::parse(config.get("spark.master").map_or("", String::as_str));
        Facts {
            side: Some(side_in(side, memory)),
            limits: master.limits(),
            master: MasterKind::from(&master),
            attempt: 1,
            ..Facts::default()
        }
    }

    /// The most that the job failed with on this side, in bytes: never again so little.
    fn failed_with(&self, side: MemorySide) -> f64 {
        let failed = self.attempts.iter().filter(|attempt| {
            attempt.status == AttemptStatus::Failed && attempt.category == Some(Category::MemoryConfiguration)
        });
        failed
            .filter_map(|attempt| {
                let memory = MemoryModel::of(&attempt.config).ok()?;
                (side_in(attempt.memory_side?, &memory) == side).then(|| capacity_bytes(&memory, side))
            })
            .fold(0.0, f64::max)
    }

    /// Overhead that follows the heap would fall with it, though what lives there does not: it is written down as it is.
    fn keep_overhead(&self, config: &Configuration, memory: &MemoryModel, values: &mut Values) {
        let key = Parameter::ExecutorMemoryOverhead.key();
        let Ok(lowered) = MemoryModel::of(&with(config, values)) else { return };
        if lowered.executor_overhead < memory.executor_overhead && !values.contains_key(key) && self.policy.allows(key)
        {
            let mebibytes = memory.executor_overhead.div_ceil(1 << 20);
            values.insert(key.to_owned(), Some(size::format_mebibytes(mebibytes)));
        }
    }
}

/// What may be lowered, with its peaks where they were measured.
fn axes(memory: &MemoryModel, runs: &[&AttemptRecord]) -> Vec<Axis> {
    let peaks = |of: &dyn Fn(&paramedic_domain::EventLogSummary) -> u64| -> Vec<f64> {
        let logs = runs.iter().filter_map(|run| run.evidence.as_ref()?.event_log.as_ref());
        logs.map(of).filter(|peak| *peak > 0).map(|peak| peak as f64).collect()
    };
    let driver = Axis {
        parameter: Parameter::DriverMemory,
        side: MemorySide::DriverHeap,
        peaks: peaks(&|log| log.driver_heap_peak_bytes),
    };
    if memory.local {
        return vec![driver];
    }
    let executor = Axis {
        parameter: Parameter::ExecutorMemory,
        side: MemorySide::ExecutorHeap,
        peaks: peaks(&|log| log.executor_heap_peak_bytes),
    };
    let overhead = Axis {
        parameter: Parameter::ExecutorMemoryOverhead,
        side: MemorySide::ExecutorOverhead,
        // Resident beyond the used heap: more than lives in the overhead, never less.
        peaks: peaks(&|log| {
            let resident = log.executor_jvm_rss_peak_bytes + log.executor_python_rss_peak_bytes;
            if log.executor_jvm_rss_peak_bytes == 0 { 0 } else { resident.saturating_sub(log.executor_heap_peak_bytes) }
        }),
    };
    vec![executor, overhead, driver]
}

fn with(config: &Configuration, values: &Values) -> Configuration {
    let mut config = config.clone();
    for (key, value) in values {
        match value {
            Some(value) => config.insert(key.clone(), value.clone()),
            None => config.remove(key),
        };
    }
    config
}

fn grained(mebibytes: f64) -> f64 {
    (mebibytes / GRAIN_MIB).ceil() * GRAIN_MIB
}

fn mean_hours(runs: &[&AttemptRecord]) -> Option<f64> {
    let hours = |run: &&AttemptRecord| {
        let told = run.evidence.as_ref().and_then(|evidence| evidence.duration_s);
        told.or_else(|| Some(run.finished_at?.seconds_since(run.started_at?))).map(|seconds| seconds / 3600.0)
    };
    let known: Vec<f64> = runs.iter().filter_map(hours).filter(|hours| hours.is_finite()).collect();
    (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
}

fn explain(change: &RightSizingChange, runs: usize) -> String {
    let mebibytes = |bytes: u64| bytes / (1 << 20);
    format!(
        "{}: {} MiB → {} MiB. The last {runs} runs used at most {} MiB of it; the next one fails for this with a \
         probability of at most {:.1} %.",
        change.key,
        mebibytes(change.from_bytes),
        mebibytes(change.to_bytes),
        mebibytes(change.peak_bytes),
        change.failure_probability * 100.0
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn run(number: u32, memory: &str, peak_mib: u64, status: &str) -> AttemptRecord {
        serde_json::from_value(json!({
            "job": {"scheduler": "s", "workflow": "w", "job": "j", "run": number.to_string(), "attempt": 1},
            "config": {"spark.executor.memory": memory, "spark.master": "yarn", "spark.executor.instances": "10"},
            "status": status, "memory_side": (status == "failed").then_some("executor_heap"),
            "category": (status == "failed").then_some("memory_configuration"),
            "evidence": {"duration_s": 3600.0, "event_log": {"executor_heap_peak_bytes": peak_mib << 20}}
        }))
        .unwrap()
    }

    fn propose(attempts: &[AttemptRecord]) -> Option<RightSizingProposal> {
        let (policy, settings) = (Policy::default(), RecommenderSettings::default());
        Case { attempts, model: None, policy: &policy, settings: &settings }.propose()
    }

    #[test]
    fn unused_memory_is_lowered_step_by_step_and_never_below_the_peaks() {
        let mut memory = "16g".to_owned();
        let mut steps = Vec::new();
        for _ in 0..20 {
            let runs: Vec<_> =
                (0..8).map(|number| run(number, &memory, 2_000 + u64::from(number) * 20, "succeeded")).collect();
            let Some(proposal) = propose(&runs) else { break };
            let change = &proposal.changes[0];
            assert!(proposal.failure_probability <= proposal.failure_probability_max, "{proposal:?}");
            assert!(change.to_bytes as f64 >= change.from_bytes as f64 * 0.69, "one step: {change:?}");
            assert!(proposal.saved_usd_per_run.unwrap() > 0.0);
            memory = proposal.values["spark.executor.memory"].clone().unwrap();
            steps.push(change.to_bytes >> 20);
        }
        assert!(steps.len() >= 4 && steps.last().unwrap() > &2_140, "{steps:?}");
        assert!(*steps.last().unwrap() < 3_500, "{steps:?}");
    }

    #[test]
    fn the_model_allows_steps_and_is_never_bolder_than_the_peaks() {
        let model = Model::load(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/base-1")).unwrap();
        let (policy, settings) = (Policy::default(), RecommenderSettings::default());
        let runs: Vec<_> = (0..8).map(|number| run(number, "16g", 2_000, "succeeded")).collect();
        let asked = |model| Case { attempts: &runs, model, policy: &policy, settings: &settings }.propose().unwrap();
        let (with, without) = (asked(Some(&model)), asked(None));
        assert_eq!(with.values["spark.executor.memory"].as_deref(), Some("11520m"));
        assert!(with.failure_probability >= without.failure_probability);
        assert!(with.changes[0].target_bytes >= without.changes[0].target_bytes, "{with:?}");
    }

    #[test]
    fn overhead_that_follows_the_heap_is_kept() {
        let runs: Vec<_> = (0..6).map(|number| run(number, "16g", 2_000, "succeeded")).collect();
        let values = propose(&runs).unwrap().values;
        assert_eq!(values["spark.executor.memoryOverhead"].as_deref(), Some("1638m"), "{values:?}");
    }

    #[test]
    fn too_few_runs_other_sizes_and_a_failure_end_the_row() {
        let runs: Vec<_> = (0..4).map(|number| run(number, "16g", 2_000, "succeeded")).collect();
        assert!(propose(&runs).is_none(), "four runs are too few");
        let mut mixed: Vec<_> = (0..4).map(|number| run(number, "8g", 2_000, "succeeded")).collect();
        mixed.extend((4..9).map(|number| run(number, "16g", 2_000, "succeeded")));
        assert!(propose(&mixed).is_none(), "with this size it ran four times only");
        let mut failed: Vec<_> = (0..6).map(|number| run(number, "16g", 2_000, "succeeded")).collect();
        failed.push(run(9, "12g", 2_000, "failed"));
        let target = propose(&failed).map(|proposal| proposal.changes[0].target_bytes >> 20);
        assert!(target.is_none_or(|target| target > 12 * 1024), "{target:?}");
    }

    #[test]
    fn a_job_that_varies_keeps_more() {
        let steady: Vec<_> = (0..8).map(|number| run(number, "16g", 2_000, "succeeded")).collect();
        let varied: Vec<_> =
            (0..8).map(|number| run(number, "16g", 700 * (1 + u64::from(number) % 3), "succeeded")).collect();
        let target =
            |runs: &[AttemptRecord]| propose(runs).map_or(u64::MAX, |proposal| proposal.changes[0].target_bytes);
        assert!(target(&steady) < target(&varied));
    }
}
