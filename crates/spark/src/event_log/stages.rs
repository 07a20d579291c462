//! Stages: sums exactly, quantiles from a histogram of fixed size.

use std::collections::BTreeMap;

use paramedic_domain::StageSummary;

use super::event::{StageInfo, TaskEnd};

/// Buckets an octave: a quantile is off by at most 2^(1/8), 9 %.
const BUCKETS_PER_OCTAVE: f64 = 8.0;
/// Octaves: up to 2^48 bytes or milliseconds.
const OCTAVES: usize = 48;

/// Stages in the works for each that is kept, so that one that still runs is not given up for one that just began.
const STAGES_IN_WORK_FACTOR: usize = 4;

/// Counts by size, for the median; exact for the greatest.
#[derive(Default)]
struct Histogram {
    counts: BTreeMap<u16, u32>,
    total: u32,
    greatest: f64,
}

impl Histogram {
    fn add(&mut self, value: f64) {
        let bucket = if value < 1.0 { 0.0 } else { 1.0 + (value.log2() * BUCKETS_PER_OCTAVE).floor() };
        let most = BUCKETS_PER_OCTAVE * OCTAVES as f64;
        *self.counts.entry(bucket.min(most) as u16).or_default() += 1;
        self.total += 1;
        self.greatest = self.greatest.max(value);
    }

    fn median(&self) -> f64 {
        let middle = self.total.div_ceil(2);
        let mut passed = 0;
        for (bucket, count) in &self.counts {
            passed += count;
            if passed >= middle {
                let middle_of_bucket = (f64::from(*bucket) - 0.5) / BUCKETS_PER_OCTAVE;
                return if *bucket == 0 { 0.0 } else { middle_of_bucket.exp2().min(self.greatest) };
            }
        }
        0.0
    }

    /// Greatest over median, at least 1; 0 where nothing was counted.
    fn skew(&self) -> f64 {
        let median = self.median();
        if self.total == 0 {
            0.0
        } else if median <= 0.0 {
            1.0
        } else {
            (self.greatest / median).max(1.0)
        }
    }
}

#[derive(Default)]
struct Stage {
    summary: StageSummary,
    duration_ms: Histogram,
    shuffle_read: Histogram,
}

/// The stages of a log, bounded.
#[derive(Default)]
pub(super) struct Stages(BTreeMap<u32, Stage>);

impl Stages {
    pub(super) fn info(&mut self, info: &StageInfo, stages_max: usize) {
        let stage = self.stage(info.stage, stages_max);
        stage.summary.tasks = stage.summary.tasks.max(info.tasks);
        stage.summary.failed |= info.failure_reason.is_some();
    }

    pub(super) fn task_end(&mut self, task: &TaskEnd, stages_max: usize) {
        let stage = self.stage(task.stage, stages_max);
        if task.reason.reason == "Success" {
            stage.summary.tasks_succeeded += 1;
        } else {
            stage.summary.tasks_failed += 1;
        }
        stage.duration_ms.add((task.info.finish_ms - task.info.launch_ms).max(0) as f64);
        let Some(metrics) = &task.metrics else { return };
        let read = metrics.shuffle_read.remote_bytes.saturating_add(metrics.shuffle_read.local_bytes);
        stage.shuffle_read.add(read as f64);
        let summary = &mut stage.summary;
        summary.input_bytes = summary.input_bytes.saturating_add(metrics.input.bytes);
        summary.shuffle_read_bytes = summary.shuffle_read_bytes.saturating_add(read);
        summary.shuffle_write_bytes = summary.shuffle_write_bytes.saturating_add(metrics.shuffle_write.bytes);
        summary.memory_spill_bytes = summary.memory_spill_bytes.saturating_add(metrics.memory_spill_bytes);
    }

    /// The most telling stages, in order.
    pub(super) fn finish(mut self, stages_max: usize) -> Vec<StageSummary> {
        while self.0.len() > stages_max.max(1) {
            self.drop_least_telling();
        }
        self.0
            .into_values()
            .map(|stage| StageSummary {
                duration_median_s: stage.duration_ms.median() / 1e3,
                duration_skew: stage.duration_ms.skew(),
                shuffle_read_skew: if stage.summary.shuffle_read_bytes > 0 { stage.shuffle_read.skew() } else { 0.0 },
                ..stage.summary
            })
            .collect()
    }

    /// The stage, made where it is new; then the least telling other one goes when there are too many.
    fn stage(&mut self, id: u32, stages_max: usize) -> &mut Stage {
        let in_work_max = stages_max.max(1).saturating_mul(STAGES_IN_WORK_FACTOR);
        if !self.0.contains_key(&id) && self.0.len() >= in_work_max {
            self.drop_least_telling();
        }
        self.0.entry(id).or_insert_with(|| Stage {
            summary: StageSummary { stage: id, ..StageSummary::default() },
            ..Stage::default()
        })
    }

    fn drop_least_telling(&mut self) {
        let telling = |stage: &Stage| {
            let sums = &stage.summary;
            let bytes = [sums.input_bytes, sums.shuffle_read_bytes, sums.shuffle_write_bytes, sums.memory_spill_bytes];
            (sums.failed, sums.tasks_failed > 0, bytes.into_iter().fold(0, u64::saturating_add))
        };
        let least = self.0.iter().min_by_key(|(_, stage)| telling(stage)).map(|(id, _)| *id);
        least.and_then(|least| self.0.remove(&least));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_skew_are_near_the_truth() {
        let mut histogram = Histogram::default();
        (0..99).for_each(|_| histogram.add(1_000.0));
        histogram.add(50_000.0);
        assert!((histogram.median() / 1_000.0 - 1.0).abs() < 0.1, "{}", histogram.median());
        assert!((histogram.skew() / 50.0 - 1.0).abs() < 0.1, "{}", histogram.skew());
    }

    #[test]
    fn the_failed_stage_is_kept() {
        let mut stages = Stages::default();
        let info = |stage, failed: bool| StageInfo {
            stage,
            tasks: 1,
            failure_reason: failed.then_some(serde::de::IgnoredAny),
        };
        stages.info(&info(0, true), 2);
        (1..100).for_each(|id| stages.info(&info(id, false), 2));
        let kept = stages.finish(2);
        assert_eq!(kept.len(), 2);
        assert!(kept[0].failed);
    }
}
