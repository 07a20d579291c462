//! Why a workload waits for a CPU. Latency alone never decides.

use paramedic_domain::RunQueueCause;
use serde::{Deserialize, Serialize};

use crate::run_queue::Waits;

/// What the waits of a workload come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing to speak of.
    #[default]
    Calm,
    /// Others have the CPU while it waits.
    NoisyNeighbour,
    /// Its CPU quota is used up.
    Throttled,
    /// It has more to run than CPUs to run it on: it waits for itself.
    Busy,
    /// It waits, and behind whom is not known.
    Waiting,
}

impl Verdict {
    /// As the recommender is told; `None` where there is nothing to tell.
    pub fn cause(self) -> Option<RunQueueCause> {
        match self {
            Self::Calm => None,
            Self::NoisyNeighbour => Some(RunQueueCause::NoisyNeighbour),
            Self::Throttled => Some(RunQueueCause::Throttled),
            Self::Busy => Some(RunQueueCause::Busy),
            Self::Waiting => Some(RunQueueCause::Waiting),
        }
    }

    /// The word that JSON and metrics have for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::NoisyNeighbour => "noisy_neighbour",
            Self::Throttled => "throttled",
            Self::Busy => "busy",
            Self::Waiting => "waiting",
        }
    }
}

/// Where the lines are drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VerdictSettings {
    /// Waits are high from this 99th percentile on, in seconds. The scheduler gives a task some 3 ms at a time: below it a
    /// wait is one turn.
    pub p99_s: f64,
    /// And from this share of the period on, over all tasks of the workload.
    pub waited_share: f64,
    /// Throttled from this share of the quota's periods on.
    pub throttled_share: f64,
}

impl Default for VerdictSettings {
    /// 2 ms, 5 %, 10 %.
    fn default() -> Self {
        Self { p99_s: 0.002, waited_share: 0.05, throttled_share: 0.1 }
    }
}

/// Decides; `throttled_share` is the share of the quota's periods of this period in which it was used up.
pub(crate) fn verdict(waits: &Waits, period_s: f64, throttled_share: f64, settings: &VerdictSettings) -> Verdict {
    let share = waits.waited_s() / period_s.max(1e-3);
    let is_high = share >= settings.waited_share && waits.p99_s().is_none_or(|p99| p99 >= settings.p99_s);
    if !is_high {
        return Verdict::Calm;
    }
    if throttled_share >= settings.throttled_share {
        return Verdict::Throttled;
    }
    let others = waits.behind.other_workload.plus(waits.behind.system);
    let own = waits.behind.same_workload;
    if others.waited_ns == 0 && own.waited_ns == 0 {
        return Verdict::Waiting;
    }
    if others.waited_ns > own.waited_ns { Verdict::NoisyNeighbour } else { Verdict::Busy }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run_queue::{Behind, Blame};
    use paramedic_runqueue::Histogram;

    fn waits(each_ms: u64, count: u64, own_ms: u64, others_ms: u64) -> Waits {
        let mut histogram = Histogram::default();
        (0..count).for_each(|_| histogram.record(each_ms * 1_000_000));
        let blame = |ms: u64| Blame { switches: ms, waited_ns: ms * 1_000_000 };
        let behind = Behind { same_workload: blame(own_ms), other_workload: blame(others_ms), ..Behind::default() };
        Waits { histogram: Some(histogram), waited_ns: each_ms * count * 1_000_000, behind, ..Waits::default() }
    }

    #[test]
    fn each_cause_has_its_verdict() {
        let settings = VerdictSettings::default();
        let of = |waits: &Waits, throttled| verdict(waits, 10.0, throttled, &settings);
        assert_eq!(of(&waits(4, 500, 100, 1_900), 0.0), Verdict::NoisyNeighbour);
        assert_eq!(of(&waits(4, 500, 1_900, 100), 0.0), Verdict::Busy);
        assert_eq!(of(&waits(80, 100, 0, 8_000), 0.9), Verdict::Throttled);
        assert_eq!(of(&waits(80, 100, 0, 0), 0.0), Verdict::Waiting);
    }

    #[test]
    fn latency_alone_never_decides() {
        let settings = VerdictSettings::default();
        // One long wait in ten seconds; and many that are short.
        assert_eq!(verdict(&waits(50, 1, 0, 50), 10.0, 0.0, &settings), Verdict::Calm);
        assert_eq!(verdict(&waits(1, 5_000, 0, 5_000), 10.0, 0.0, &settings), Verdict::Calm);
        // A quota that is used up without anybody waiting for it.
        assert_eq!(verdict(&waits(1, 1, 0, 0), 10.0, 1.0, &settings), Verdict::Calm);
    }
}
