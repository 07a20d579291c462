//! Points with their values, and what is remembered of them during a search.

use std::collections::HashSet;

use crate::space::{Point, SearchSpace};

/// Why a point was scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The caller knew its value already.
    Known,
    /// The caller asked for it.
    Initial,
    /// It spreads the first points evenly over the space.
    Fill,
    /// The space is small enough to score all of it.
    Enumeration,
    /// The density model proposed it.
    Model,
    /// It lies near the best points so far.
    Refinement,
}

/// A point and the objective's value there.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// The point, inside the space, in the parameters' own units.
    pub point: Point,
    /// The objective, lower is better; infinite where the objective was not a finite number.
    pub value: f64,
    /// Why the point was scored.
    pub origin: Origin,
}

impl Trial {
    pub(crate) fn new(point: Point, value: f64, origin: Origin) -> Self {
        Self { point, value: if value.is_finite() { value } else { f64::INFINITY }, origin }
    }
}

/// All trials so far, their order by value, and the points that were ever proposed.
#[derive(Debug)]
pub(crate) struct History<'a> {
    space: &'a SearchSpace,
    trials: Vec<Trial>,
    /// The trials' places on the unit axes, one row a trial.
    units: Vec<f64>,
    /// Indices of the trials from the lowest value to the highest, equal ones from the earliest.
    order: Vec<usize>,
    /// Fingerprints of the points that were scored or are about to be.
    claimed: HashSet<u64>,
}

impl<'a> History<'a> {
    pub(crate) fn new(space: &'a SearchSpace) -> Self {
        Self { space, trials: Vec::new(), units: Vec::new(), order: Vec::new(), claimed: HashSet::new() }
    }

    pub(crate) fn space(&self) -> &'a SearchSpace {
        self.space
    }

    /// Marks a point of the space as taken; false where it was taken before.
    pub(crate) fn claim(&mut self, point: &[f64]) -> bool {
        self.claimed.insert(fingerprint(point))
    }

    /// Adds trials in the order in which they were scored.
    pub(crate) fn extend(&mut self, trials: impl IntoIterator<Item = Trial>) {
        for trial in trials {
            self.order.push(self.trials.len());
            self.units.extend(self.space.to_unit(&trial.point));
            self.trials.push(trial);
        }
        let trials = &self.trials;
        // The sort is stable and finds the part that is sorted already: equal values stay in the order of scoring.
        self.order.sort_by(|left, right| trials[*left].value.total_cmp(&trials[*right].value));
    }

    /// Indices from the best trial to the worst.
    pub(crate) fn order(&self) -> &[usize] {
        &self.order
    }

    /// The index of the best trial.
    pub(crate) fn best(&self) -> Option<usize> {
        self.order.first().copied()
    }

    pub(crate) fn trial(&self, index: usize) -> &Trial {
        &self.trials[index]
    }

    /// The trial's place on the unit axes.
    pub(crate) fn unit(&self, index: usize) -> &[f64] {
        &self.units[index * self.space.len()..(index + 1) * self.space.len()]
    }

    /// The best trial and all trials in the order of scoring. There is one at least: a search always scores its first
    /// batch, unless all points are known.
    pub(crate) fn into_trials(self) -> (Trial, Vec<Trial>) {
        (self.trials[self.order[0]].clone(), self.trials)
    }
}

/// A 64-bit mix of the coordinates' bits, -0 taken as 0. Two points of one search share it with a chance of some 2^-42; the later one
/// is then left out, which costs a proposal and nothing else.
fn fingerprint(point: &[f64]) -> u64 {
    point.iter().fold(0x9E37_79B9_7F4A_7C15, |hash: u64, value| {
        let mixed = (hash ^ (value + 0.0).to_bits()).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 32)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distribution::Distribution;

    fn trial(value: f64, at: f64) -> Trial {
        Trial::new(vec![at], value, Origin::Fill)
    }

    #[test]
    fn the_order_is_by_value_then_by_age_and_the_unscorable_come_last() {
        let space = SearchSpace::new([("x", Distribution::Integer { low: 0, high: 9, step: 1, log: false })]).unwrap();
        let mut history = History::new(&space);
        history.extend([trial(2.0, 0.0), trial(f64::NAN, 1.0), trial(1.0, 2.0)]);
        history.extend([trial(f64::NEG_INFINITY, 3.0), trial(1.0, 4.0)]);
        assert_eq!(history.order(), [2, 4, 0, 1, 3]);
        let (best, trials) = history.into_trials();
        assert_eq!(best, trial(1.0, 2.0));
        assert!(trials[1].value.is_infinite() && trials[3].value > 0.0);
    }

    #[test]
    fn a_point_is_claimed_once() {
        let axis = Distribution::Float { low: 0.0, high: 1.0, log: false };
        let space = SearchSpace::new([("x", axis), ("y", axis)]).unwrap();
        let mut history = History::new(&space);
        assert!(history.claim(&[0.0, 1.0]) && history.claim(&[1.0, 0.0]));
        assert!(!history.claim(&[0.0, 1.0]));
    }
}
