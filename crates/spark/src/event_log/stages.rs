//! Stages: sums exactly, quantiles from a histogram of fixed size.

use std::collections::BTreeMap;

use paramedic_domain::{LargestTask, StageSummary, TaskQuantiles};

use super::event::{StageInfo, TaskEnd};

/// Bits of a float's mantissa that tell buckets apart: 8 buckets an octave, and a quantile is off by at most 1/16.
const BUCKET_BITS: u32 = 3;
/// Values from here on share a bucket: 2^48 bytes or milliseconds.
const VALUE_MAX: f64 = (1_u64 << 48) as f64;

/// Stages in the works for each that is kept, so that one that still runs is not given up for one that just began.
const STAGES_IN_WORK_FACTOR: usize = 4;

/// Counts by size, for quantiles; exact for the greatest.
#[derive(Default)]
struct Histogram {
    counts: BTreeMap<u16, u32>,
    total: u32,
    greatest: u64,
}

impl Histogram {
    fn add(&mut self, value: u64) {
        self.greatest = self.greatest.max(value);
        self.total += 1;
        // The exponent and the first bits of the mantissa: buckets on a logarithmic scale, without a logarithm.
        let bucket = (value as f64).min(VALUE_MAX).to_bits() >> (52 - BUCKET_BITS);
        *self.counts.entry(bucket as u16).or_default() += 1;
    }

    /// The value that a share of all is at most, within a bucket.
    fn quantile(&self, share: f64) -> u64 {
        let wanted = ((f64::from(self.total) * share).ceil() as u32).max(1);
        let mut passed = 0;
        for (bucket, count) in &self.counts {
            passed += count;
            if passed >= wanted {
                let edge = |bucket: u16| f64::from_bits(u64::from(bucket) << (52 - BUCKET_BITS));
                return (f64::midpoint(edge(*bucket), edge(bucket + 1)) as u64).min(self.greatest);
            }
        }
        0
    }

    fn quantiles(&self) -> Option<TaskQuantiles> {
        (self.greatest > 0).then(|| TaskQuantiles {
            p50_bytes: self.quantile(0.5),
            p90_bytes: self.quantile(0.9),
            p99_bytes: self.quantile(0.99),
            max_bytes: self.greatest,
        })
    }

    /// Greatest over median, at least 1; 0 where nothing was counted.
    fn skew(&self) -> f64 {
        match (self.total, self.quantile(0.5)) {
            (0, _) => 0.0,
            (_, 0) => 1.0,
            (_, median) => (self.greatest as f64 / median as f64).max(1.0),
        }
    }
}

#[derive(Default)]
struct Stage {
    summary: StageSummary,
    duration_ms: Histogram,
    input: Histogram,
    shuffle_read: Histogram,
    spill: Histogram,
}

/// The stages of a log, bounded.
#[derive(Default)]
pub(super) struct Stages(BTreeMap<u32, Stage>);

impl Stages {
    pub(super) fn info(&mut self, info: StageInfo, stages_max: usize) {
        let stage = self.stage(info.stage, stages_max);
        stage.summary.tasks = stage.summary.tasks.max(info.tasks);
        stage.summary.failed |= info.failed;
        stage.summary.name = info.name.or(stage.summary.name.take());
    }

    pub(super) fn task_end(&mut self, task: &TaskEnd<'_>, stages_max: usize) {
        let stage = self.stage(task.stage, stages_max);
        if task.succeeded {
            stage.summary.tasks_succeeded += 1;
        } else {
            stage.summary.tasks_failed += 1;
        }
        stage.duration_ms.add(task.duration_ms);
        let Some(metrics) = &task.metrics else { return };
        stage.input.add(metrics.input_bytes);
        stage.shuffle_read.add(metrics.shuffle_read_bytes);
        stage.spill.add(metrics.memory_spill_bytes);
        let summary = &mut stage.summary;
        add(&mut summary.input_bytes, metrics.input_bytes);
        add(&mut summary.shuffle_read_bytes, metrics.shuffle_read_bytes);
        add(&mut summary.shuffle_write_bytes, metrics.shuffle_write_bytes);
        add(&mut summary.memory_spill_bytes, metrics.memory_spill_bytes);
        let read_bytes = metrics.input_bytes.saturating_add(metrics.shuffle_read_bytes);
        if read_bytes > summary.largest_task.map_or(0, |task| task.read_bytes) {
            summary.largest_task = Some(LargestTask {
                index: task.index,
                read_bytes,
                duration_s: task.duration_ms as f64 / 1e3,
                succeeded: task.succeeded,
            });
        }
    }

    /// The most telling stages, in order.
    pub(super) fn finish(mut self, stages_max: usize) -> Vec<StageSummary> {
        while self.0.len() > stages_max.max(1) {
            self.drop_least_telling();
        }
        self.0
            .into_values()
            .map(|stage| StageSummary {
                duration_median_s: stage.duration_ms.quantile(0.5) as f64 / 1e3,
                duration_skew: stage.duration_ms.skew(),
                input_per_task: stage.input.quantiles(),
                shuffle_read_per_task: stage.shuffle_read.quantiles(),
                spill_per_task: stage.spill.quantiles(),
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

fn add(sum: &mut u64, bytes: u64) {
    *sum = sum.saturating_add(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_skew_are_near_the_truth() {
        let mut histogram = Histogram::default();
        (0..99).for_each(|_| histogram.add(1_000));
        histogram.add(50_000);
        assert!((histogram.quantile(0.5) as f64 / 1_000.0 - 1.0).abs() < 0.07, "{}", histogram.quantile(0.5));
        assert_eq!((histogram.quantile(1.0), histogram.greatest), (50_000.min(histogram.quantile(1.0)), 50_000));
        assert!((histogram.skew() / 50.0 - 1.0).abs() < 0.1, "{}", histogram.skew());
    }

    #[test]
    fn quantiles_are_off_by_a_sixteenth_at_most() {
        for value in (0..47).flat_map(|octave| [1_u64 << octave, (1 << octave) + (1 << octave) / 3, (2 << octave) - 1])
        {
            let mut histogram = Histogram::default();
            histogram.add(value);
            histogram.add(value);
            histogram.add(u64::MAX);
            let off = histogram.quantile(0.5).abs_diff(value) as f64 / value as f64;
            assert!(off <= 1.0 / 16.0, "{value} became {}", histogram.quantile(0.5));
        }
        let mut zeros = Histogram::default();
        zeros.add(0);
        assert_eq!((zeros.quantile(0.5), zeros.quantiles()), (0, None));
    }

    #[test]
    fn the_failed_stage_is_kept() {
        let mut stages = Stages::default();
        let info = |stage, failed: bool| StageInfo { stage, name: None, tasks: 1, failed };
        stages.info(info(0, true), 2);
        (1..100).for_each(|id| stages.info(info(id, false), 2));
        let kept = stages.finish(2);
        assert_eq!(kept.len(), 2);
        assert!(kept[0].failed);
    }
}
