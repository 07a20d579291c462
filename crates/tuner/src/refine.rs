//! Points near the best ones so far, for the end of a search.
//!
//! Kinds of move take turns. A step along one coordinate, and a joint step along a few, have widths that shrink as
//! the refinement goes on. A difference move adds the difference of two good points (Storn and Price, *Differential
//! Evolution*, 1997, as "current to best"): its length and direction come from the spread of the good points, so it
//! follows narrow valleys and shrinks by itself. Where there is a home, a move puts a few coordinates to
//! landmarks: home, or an end of the range.
//!
//! The good points are the best ones and the best of each niche: of each value of a parameter with few, of each landmark of
//! the others. Where a number of cores and the memory that it needs have to change together, no short step from the best
//! point is better, while refining the best point of each number of cores lets them compete (as in Mouret and Clune's
//! *MAP-Elites*, 2015). Landmarks are niches because optima lie there: a price of changing keeps a coordinate at home, and
//! what only helps, or only costs, goes to an end.

use rand::RngExt;
use rand::seq::IteratorRandom;
use rand_chacha::ChaCha8Rng;

use crate::axis::{Axis, CELLS_MAX, other_choice};
use crate::fill;
use crate::normal::quantile;
use crate::space::{Point, SearchSpace};
use crate::trial::History;

/// Proposals a point may take before a uniform draw takes its place: near the end of a coarse space most neighbours
/// have been scored.
const TRIES_MAX: usize = 8;

/// How many good points there are for each parameter, and at least [`ELITE_MIN`] in all: enough for their differences to
/// point into all directions.
const ELITE_PER_PARAMETER: usize = 4;
const ELITE_MIN: usize = 8;

/// How many of the best trials are looked through for the best of each value.
const NICHES_AMONG: usize = 512;

/// The widest step, as a share of an axis.
const WIDTH_MAX: f64 = 0.2;

/// The narrowest step at the end of the refinement, as a share of an axis.
const WIDTH_MIN: f64 = 0.002;

/// The chance that a step starts at the best point rather than at another of the best ones; and that a choice is kept.
const FROM_BEST: f64 = 0.75;

/// The chance that a good point is taken from the best of each value rather than from the best of all.
const FROM_NICHE: f64 = 0.5;

/// What a refining batch goes by beside the trials.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stage<'a> {
    /// The share of the refinement that is done, 0 to 1.
    pub(crate) progress: f64,
    /// The point whose coordinates are good one by one.
    pub(crate) home: Option<&'a Point>,
}

/// Up to `count` unclaimed points near the best ones; fewer when `expired` says so or where the space has none left.
/// Claims the points.
pub(crate) fn propose(
    history: &mut History<'_>,
    axes: &[Axis],
    stage: Stage<'_>,
    count: usize,
    rng: &mut ChaCha8Rng,
    expired: &dyn Fn() -> bool,
) -> Vec<Point> {
    let neighbourhood = Neighbourhood::new(history, axes, stage);
    let mut points = Vec::with_capacity(count);
    while points.len() < count && !expired() {
        let turn = points.len();
        let near = (0..TRIES_MAX).find_map(|tries| {
            let kind = Move::of(turn, tries, stage.home.is_some());
            let point = neighbourhood.propose(kind, turn, rng);
            history.claim(&point).then_some(point)
        });
        match near.or_else(|| fill::uniform(history, rng)) {
            Some(point) => points.push(point),
            None => break,
        }
    }
    points
}

/// How a point near the good ones is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Move {
    Coordinate,
    Joint,
    Difference,
    Landmark,
}

impl Move {
    /// The moves take turns. Where one keeps meeting points that were scored, as the differences of few good points do,
    /// a joint step has the most room.
    fn of(turn: usize, tries: usize, home: bool) -> Self {
        match turn % 4 {
            _ if tries >= TRIES_MAX / 2 => Self::Joint,
            3 if home => Self::Landmark,
            0 => Self::Coordinate,
            1 => Self::Joint,
            _ => Self::Difference,
        }
    }
}

/// A good point and its place on the unit axes.
type Member = (Point, Vec<f64>);

/// The good points, and how far to step from them.
struct Neighbourhood<'a> {
    space: &'a SearchSpace,
    axes: &'a [Axis],
    /// The axes with more than one value.
    free: Vec<usize>,
    /// The best points, the best of all first.
    elite: Vec<Member>,
    /// The best point of each value of the parameters with few values; may be empty.
    niches: Vec<Member>,
    /// How much narrower than the widest step the narrowest one is, 0 to 1: it shrinks as the refinement goes on.
    narrowing: f64,
    home: Option<&'a Point>,
}

impl<'a> Neighbourhood<'a> {
    fn new(history: &History<'a>, axes: &'a [Axis], stage: Stage<'a>) -> Self {
        let free: Vec<usize> = (0..axes.len()).filter(|axis| !axes[*axis].is_fixed()).collect();
        let size = (ELITE_PER_PARAMETER * free.len()).max(ELITE_MIN);
        let member = |index: &usize| (history.trial(*index).point.clone(), history.unit(*index).to_vec());
        let elite = history.order().iter().take(size).map(member).collect();
        let niches = niches(history, axes, stage.home).iter().map(member).collect();
        let narrowing = (WIDTH_MIN / WIDTH_MAX).powf(stage.progress);
        Self { space: history.space(), axes, free, elite, niches, narrowing, home: stage.home }
    }

    fn propose(&self, kind: Move, turn: usize, rng: &mut ChaCha8Rng) -> Point {
        match kind {
            Move::Coordinate => self.step(&[self.free_axis(turn / 4)], rng),
            Move::Joint => self.step(&self.few_axes(turn / 4, rng), rng),
            Move::Difference => self.difference(rng),
            Move::Landmark => self.landmark(turn / 4, rng),
        }
    }

    /// Puts a coordinate or a few of a good point back to where they came from or to an end of their range, and moves another
    /// by a step.
    fn landmark(&self, turn: usize, rng: &mut ChaCha8Rng) -> Point {
        let (start, places) = self.start(rng);
        let mut point = start.clone();
        for axis in self.few_axes(turn, rng) {
            let landmarks = fill::landmarks(&self.space.distributions()[axis], self.home.map(|home| home[axis]));
            point[axis] = landmarks.choose(rng).unwrap_or(point[axis]);
        }
        if rng.random() {
            let axis = self.free_axis(rng.random_range(0..self.axes.len()));
            point[axis] = self.moved(axis, start[axis], places[axis], rng);
        }
        point
    }

    /// Some two of the free axes, at least one.
    fn few_axes(&self, turn: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
        let chance = (2.0 / self.free.len().max(1) as f64).min(1.0);
        let mut few: Vec<usize> = self.free.iter().copied().filter(|_| rng.random::<f64>() < chance).collect();
        if few.is_empty() {
            few.push(self.free_axis(turn));
        }
        few
    }

    fn free_axis(&self, turn: usize) -> usize {
        if self.free.is_empty() { 0 } else { self.free[turn % self.free.len()] }
    }

    fn start(&self, rng: &mut ChaCha8Rng) -> &Member {
        if !self.niches.is_empty() && rng.random::<f64>() < FROM_NICHE {
            return &self.niches[rng.random_range(0..self.niches.len())];
        }
        let best = rng.random::<f64>() < FROM_BEST;
        &self.elite[if best { 0 } else { rng.random_range(0..self.elite.len()) }]
    }

    fn any_good(&self, rng: &mut ChaCha8Rng) -> &Member {
        let niche = !self.niches.is_empty() && rng.random::<f64>() < FROM_NICHE;
        let members = if niche { &self.niches } else { &self.elite };
        &members[rng.random_range(0..members.len())]
    }

    /// Moves the given coordinates of a good point, each by at least a step of its own.
    fn step(&self, moved: &[usize], rng: &mut ChaCha8Rng) -> Point {
        let (start, places) = self.start(rng);
        let mut point = start.clone();
        for axis in moved {
            point[*axis] = self.moved(*axis, start[*axis], places[*axis], rng);
        }
        point
    }

    fn moved(&self, axis: usize, value: f64, place: f64, rng: &mut ChaCha8Rng) -> f64 {
        let distribution = &self.space.distributions()[axis];
        if let Axis::Categorical { choices } = self.axes[axis] {
            return distribution.value_of_level(other_choice(choices, value as usize, rng) as u64);
        }
        // Widths between the narrowest and the widest are as likely on a logarithmic scale: late steps are mostly short,
        // and some can still leave a bad neighbourhood.
        let width = WIDTH_MAX * self.narrowing.powf(rng.random());
        let offset = width * quantile(rng.random());
        let there = distribution.from_unit(place + offset);
        if (there - value).abs() > 0.0 { there } else { distribution.neighbour(value, offset < 0.0) }
    }

    /// From a good point towards the best, and along the difference of two others.
    fn difference(&self, rng: &mut ChaCha8Rng) -> Point {
        let (start, plus, minus) = (self.any_good(rng), self.any_good(rng), self.any_good(rng));
        let best = &self.elite[0];
        let (pull, stretch) = (rng.random_range(0.3..1.1), rng.random_range(0.3..0.9));
        (0..self.axes.len())
            .map(|axis| {
                if self.axes[axis].is_categorical() {
                    return if rng.random::<f64>() < FROM_BEST { best.0[axis] } else { plus.0[axis] };
                }
                // What good points agree on is kept to the last bit.
                let same = |one: &Member, other: &Member| one.0[axis].to_bits() == other.0[axis].to_bits();
                if same(start, best) && same(plus, minus) {
                    return start.0[axis];
                }
                let place =
                    start.1[axis] + pull * (best.1[axis] - start.1[axis]) + stretch * (plus.1[axis] - minus.1[axis]);
                self.space.distributions()[axis].from_unit(place)
            })
            .collect()
    }
}

/// The best trial of each value of the parameters that have two to [`CELLS_MAX`] values, and of each landmark of the others,
/// each trial once.
pub(crate) fn niches(history: &History<'_>, axes: &[Axis], home: Option<&Point>) -> Vec<usize> {
    let distributions = history.space().distributions();
    let few = |axis: usize| (2..=CELLS_MAX).contains(&axes[axis].cells());
    let landmarks: Vec<Vec<f64>> = (0..axes.len())
        .map(|axis| {
            let found = fill::landmarks(&distributions[axis], home.map(|home| home[axis]));
            if few(axis) || axes[axis].is_fixed() { Vec::new() } else { found.collect() }
        })
        .collect();
    let mut taken = vec![[false; CELLS_MAX]; axes.len()];
    let best_of_a_value = |index: &&usize| {
        let (point, place) = (&history.trial(**index).point, history.unit(**index));
        let mut first = false;
        for (axis, taken) in taken.iter_mut().enumerate() {
            let cell = if few(axis) {
                Some(axes[axis].cell(place[axis]))
            } else {
                landmarks[axis].iter().position(|landmark| landmark.to_bits() == point[axis].to_bits())
            };
            if let Some(taken) = cell.and_then(|cell| taken.get_mut(cell)) {
                first |= !*taken;
                *taken = true;
            }
        }
        first
    };
    history.order().iter().take(NICHES_AMONG).filter(best_of_a_value).copied().collect()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;
    use crate::distribution::Distribution;
    use crate::trial::{Origin, Trial};

    fn space() -> SearchSpace {
        SearchSpace::new([
            ("cores", Distribution::Integer { low: 1, high: 4, step: 1, log: false }),
            ("memory", Distribution::Integer { low: 512, high: 65_536, step: 1, log: true }),
            ("fixed", Distribution::Integer { low: 7, high: 7, step: 1, log: false }),
            ("codec", Distribution::Categorical { choices: 3 }),
        ])
        .unwrap()
    }

    fn history<'a>(space: &'a SearchSpace, trials: &[([f64; 4], f64)]) -> History<'a> {
        let mut history = History::new(space);
        let trial = |(point, value): &([f64; 4], f64)| {
            assert!(space.contains(point));
            Trial::new(point.to_vec(), *value, Origin::Fill)
        };
        history.extend(trials.iter().map(trial));
        history
    }

    #[test]
    fn a_niche_is_the_best_trial_of_a_value() {
        let space = space();
        let axes = Axis::all_of(&space);
        let history = history(
            &space,
            &[
                ([1.0, 1024.0, 7.0, 0.0], 3.0),
                ([1.0, 2048.0, 7.0, 0.0], 2.0),
                ([2.0, 1024.0, 7.0, 0.0], 5.0),
                ([2.0, 4096.0, 7.0, 2.0], 9.0),
                ([1.0, 4096.0, 7.0, 2.0], 8.0),
            ],
        );
        assert_eq!(niches(&history, &axes, None), [1, 2, 4]);
    }

    #[test]
    fn proposals_are_near_new_and_in_the_space() {
        let space = space();
        let axes = Axis::all_of(&space);
        let best = [2.0, 8192.0, 7.0, 1.0];
        let mut history = history(&space, &[(best, 1.0)]);
        assert!(history.claim(&best));
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let points = propose(&mut history, &axes, Stage { progress: 1.0, home: None }, 40, &mut rng, &|| false);
        assert_eq!(points.len(), 40);
        assert!(points.iter().all(|point| space.contains(point) && point != &best));
        let near = points.iter().filter(|point| (4096.0..16_384.0).contains(&point[1])).count();
        assert!(near > 30, "{near} of 40 points are within a factor of two of the best one's memory");
    }

    #[test]
    fn an_expired_deadline_stops_the_proposals() {
        let space = space();
        let axes = Axis::all_of(&space);
        let mut history = history(&space, &[([2.0, 8192.0, 7.0, 1.0], 1.0)]);
        let stage = Stage { progress: 0.0, home: None };
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        assert!(propose(&mut history, &axes, stage, 40, &mut rng, &|| true).is_empty());
    }
}
