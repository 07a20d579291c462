//! Log-linear histograms of waits: each power of two of nanoseconds, from 1 µs to 69 s, in four buckets.

use std::time::Duration;

const SHIFT_MIN: u32 = 10;
const SHIFT_MAX: u32 = 36;
const SUB_BITS: u32 = 2;

/// Buckets of a histogram: as `BUCKETS` in `src/bpf/runqueue.h`.
pub const BUCKETS: usize = (((SHIFT_MAX - SHIFT_MIN) << SUB_BITS) + 2) as usize;

/// Waits by length. A quantile is exact to 25 % between 1 µs and 69 s.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    counts: [u64; BUCKETS],
    /// The sum of the waits, in nanoseconds.
    sum_ns: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: [0; BUCKETS], sum_ns: 0 }
    }
}

impl Histogram {
    /// Adds `count` waits to a bucket. A bucket that does not exist counts as the last.
    pub fn add(&mut self, bucket: usize, count: u64) {
        if let Some(slot) = self.counts.get_mut(bucket.min(BUCKETS - 1)) {
            *slot = slot.saturating_add(count);
        }
    }

    /// Adds to the sum of the waits.
    pub fn add_sum(&mut self, sum_ns: u64) {
        self.sum_ns = self.sum_ns.saturating_add(sum_ns);
    }

    /// Counts one wait.
    pub fn record(&mut self, wait_ns: u64) {
        self.add(Self::bucket_of(wait_ns), 1);
        self.add_sum(wait_ns);
    }

    /// Counts what another has counted too.
    pub fn merge(&mut self, other: &Self) {
        for (own, more) in self.counts.iter_mut().zip(other.counts) {
            *own = own.saturating_add(more);
        }
        self.add_sum(other.sum_ns);
    }

    /// Waits counted.
    pub fn count(&self) -> u64 {
        self.counts.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// The sum of all waits.
    pub fn sum(&self) -> Duration {
        Duration::from_nanos(self.sum_ns)
    }

    /// The wait that a share of `quantile` (0 to 1) of all waits does not exceed, in seconds, interpolated within its
    /// bucket. `None` without waits.
    pub fn quantile_s(&self, quantile: f64) -> Option<f64> {
        let count = self.count();
        let rank = (quantile.clamp(0.0, 1.0) * count as f64).max(f64::MIN_POSITIVE);
        let mut below = 0.0;
        for (bucket, &in_bucket) in self.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let share = (rank - below) / in_bucket as f64;
            if share <= 1.0 {
                let (from, to) = (Self::lower_ns(bucket) as f64, Self::upper_ns(bucket) as f64);
                return Some((from + (to - from) * share) / 1e9);
            }
            below += in_bucket as f64;
        }
        None
    }

    /// How many waits were at most this long, in nanoseconds, counted by whole buckets.
    pub fn count_within_ns(&self, limit_ns: u64) -> u64 {
        let whole = self.counts.iter().enumerate().take_while(|(bucket, _)| Self::upper_ns(*bucket) <= limit_ns);
        whole.fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    /// The bucket that a wait falls into.
    pub fn bucket_of(wait_ns: u64) -> usize {
        if wait_ns >> SHIFT_MIN == 0 {
            return 0;
        }
        let shift = wait_ns.ilog2();
        if shift >= SHIFT_MAX {
            return BUCKETS - 1;
        }
        let within = (wait_ns >> (shift - SUB_BITS)) & ((1 << SUB_BITS) - 1);
        1 + ((shift - SHIFT_MIN) << SUB_BITS) as usize + within as usize
    }

    /// The shortest wait of a bucket, in nanoseconds.
    fn lower_ns(bucket: usize) -> u64 {
        let Some(index) = bucket.checked_sub(1) else { return 0 };
        let (octave, within) = (index >> SUB_BITS, index as u64 & ((1 << SUB_BITS) - 1));
        ((1 << SUB_BITS) + within) << (octave as u32 + SHIFT_MIN - SUB_BITS)
    }

    /// The end of a bucket, in nanoseconds; the last is taken for as wide as the first of its power of two.
    fn upper_ns(bucket: usize) -> u64 {
        Self::lower_ns(bucket + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn buckets_join_without_a_gap() {
        for bucket in 0..BUCKETS - 1 {
            let end = Histogram::upper_ns(bucket);
            assert_eq!(Histogram::bucket_of(end - 1), bucket);
            assert_eq!(Histogram::bucket_of(end), bucket + 1);
        }
    }

    #[test]
    fn quantiles_of_known_waits() {
        let mut histogram = Histogram::default();
        (0..99).for_each(|_| histogram.record(50_000));
        histogram.record(100_000_000);
        let (median, p999) = (histogram.quantile_s(0.5).unwrap(), histogram.quantile_s(0.999).unwrap());
        assert!((40e-6..60e-6).contains(&median), "{median}");
        assert!((0.08..0.13).contains(&p999), "{p999}");
        assert_eq!(Histogram::default().quantile_s(0.5), None);
    }

    proptest! {
        #[test]
        fn a_quantile_is_within_a_bucket_of_the_true_one(mut waits in prop::collection::vec(1_024_u64..1 << 35, 1..200), q in 0.01_f64..1.0) {
            let mut histogram = Histogram::default();
            for wait in &waits {
                histogram.record(*wait);
            }
            waits.sort_unstable();
            let rank = (q * waits.len() as f64).ceil() as usize;
            let truth = waits[rank.clamp(1, waits.len()) - 1] as f64 / 1e9;
            let found = histogram.quantile_s(q).unwrap();
            prop_assert!((found / truth - 1.0).abs() <= 0.26, "{found} for {truth}");
        }

        #[test]
        fn merging_is_counting_both(a in prop::collection::vec(any::<u64>(), 0..50), b in prop::collection::vec(any::<u64>(), 0..50)) {
            let of = |waits: &[u64]| {
                let mut histogram = Histogram::default();
                for wait in waits {
                    histogram.record(*wait >> 8);
                }
                histogram
            };
            let mut merged = of(&a);
            merged.merge(&of(&b));
            prop_assert_eq!(merged, of(&[a, b].concat()));
        }
    }
}
