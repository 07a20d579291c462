//! The search: an even spread first, then the density model's proposals, then refinement around the best.

use std::cmp::Ordering;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::axis::Axis;
use crate::space::{Point, SearchSpace};
use crate::trial::{History, Origin, Trial};
use crate::{fill, polish, proposal, refine};

/// The most points of a refining batch for each parameter: small batches, as each one builds on the last. A model's call
/// costs little beside its points from some 30 on.
const REFINED_PER_PARAMETER: usize = 4;

/// Fewer points than this are no worthwhile batch, however few the parameters.
const REFINED_MIN: usize = 16;

/// How a search spends its budget. [`SearchOptions::default`] takes under 10 ms for 8 parameters on one core, without
/// the objective's own time.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchOptions {
    /// Where the random numbers begin: the same seed gives the same search. Default 0.
    pub seed: u64,
    /// How many points are scored at most, at least 1; the initial points are scored even if they are more.
    /// Default 2,048. The refinement comes last, so where time is short a smaller budget (and `startup`) finds more than
    /// a deadline that cuts a larger one off.
    pub evaluations: usize,
    /// How many points are scored in one call at most, at least 1; all initial points go into the first one even if
    /// they are more. Default 256.
    pub batch: usize,
    /// How many points are spread evenly over the space, initial points included, before the model is asked.
    /// Default 256.
    pub startup: usize,
    /// The share of `evaluations`, 0 to 1, kept for the refinement around the best points. Default 0.5.
    pub refinement: f64,
    /// The share of `evaluations`, 0 to 1, kept for the last part of the refinement: trying parameters one by one, and two by
    /// two, until nothing near is better. What it does not need is not spent. Default 0.
    pub polish: f64,
    /// The share of the trials, 0 to 1, that counts as good. Default 0.1, as in Optuna.
    pub gamma: f64,
    /// The most trials that count as good, at least 1. Default 64.
    pub good_max: usize,
    /// The most other trials that the model looks at, at least 1: a sample, drawn anew each round. Default 192.
    pub bad_max: usize,
    /// How many draws compete for each proposal of the model, at least 1. Default 6.
    pub candidates_per_point: usize,
    /// A point whose coordinates are likely to be good one by one: what was in force before, where each change has a
    /// price. Half of the even spread and some of the refining steps have some coordinates of it; it is clamped to the
    /// space and not scored for itself. Default none.
    pub home: Option<Point>,
}

impl Default for SearchOptions {
    fn default() -> Self {
        Self {
            seed: 0,
            evaluations: 2048,
            batch: 256,
            startup: 256,
            refinement: 0.5,
            polish: 0.0,
            gamma: 0.1,
            good_max: 64,
            bad_max: 192,
            candidates_per_point: 6,
            home: None,
        }
    }
}

/// What a search found.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchResult {
    /// The trial with the lowest value; of equal ones the earliest.
    pub best: Trial,
    /// All trials: the known ones by value, then the scored ones in the order of scoring.
    pub trials: Vec<Trial>,
    /// How many points were scored.
    pub evaluations: usize,
    /// Whether the deadline ended the search before its budget was spent.
    pub deadline_reached: bool,
}

/// Searches the space for the point with the lowest objective.
///
/// - `initial`: points to score first, clamped to the space ([`SearchSpace::clamp`]). The best is never worse than any
///   of them.
/// - `known`: points with their values from before. They inform the model, are not scored again and may be the best.
///   Those that are not in the space ([`SearchSpace::contains`]) are left out; their order does not matter,
///   and of two values of one point the lower one counts.
/// - `expired`: whether the deadline has passed. It is asked between batches and between proposals; once it says yes
///   the best so far is the answer. The first batch is always scored.
/// - `objective`: the values of a batch of points, lower is better, in the batch's order. A value that is not finite, or
///   is missing, counts as the worst.
///
/// No point is scored twice. A space with at most [`SearchOptions::evaluations`] points is scored completely.
pub fn minimize(
    space: &SearchSpace,
    options: &SearchOptions,
    initial: &[Point],
    known: &[(Point, f64)],
    expired: &dyn Fn() -> bool,
    objective: &mut dyn FnMut(&[Point]) -> Vec<f64>,
) -> SearchResult {
    let mut search = Search::new(space, options, expired, objective);
    search.remember(known);
    let finite = space.cardinality().filter(|points| *points <= search.options.evaluations as u64);
    if let Some(points) = finite {
        search.enumerate(initial, points);
    } else {
        search.spread(initial);
        search.model();
        search.refine();
        search.polish();
    }
    search.finish()
}

struct Search<'a> {
    options: SearchOptions,
    axes: Vec<Axis>,
    history: History<'a>,
    rng: ChaCha8Rng,
    evaluations: usize,
    expired: &'a dyn Fn() -> bool,
    objective: &'a mut dyn FnMut(&[Point]) -> Vec<f64>,
    deadline_reached: bool,
}

impl<'a> Search<'a> {
    fn new(
        space: &'a SearchSpace,
        options: &SearchOptions,
        expired: &'a dyn Fn() -> bool,
        objective: &'a mut dyn FnMut(&[Point]) -> Vec<f64>,
    ) -> Self {
        Self {
            options: SearchOptions {
                evaluations: options.evaluations.max(1),
                batch: options.batch.max(1),
                startup: options.startup.max(1),
                home: options.home.clone().map(|mut home| {
                    space.clamp(&mut home);
                    home
                }),
                ..options.clone()
            },
            axes: Axis::all_of(space),
            history: History::new(space),
            rng: ChaCha8Rng::seed_from_u64(options.seed),
            evaluations: 0,
            expired,
            objective,
            deadline_reached: false,
        }
    }

    /// Takes in what is known. It is sorted first, so that its order has no influence.
    fn remember(&mut self, known: &[(Point, f64)]) {
        let space = self.history.space();
        let inside = known.iter().filter(|(point, _)| space.contains(point));
        let mut trials: Vec<Trial> =
            inside.map(|(point, value)| Trial::new(point.clone(), *value, Origin::Known)).collect();
        trials.sort_by(|one, other| {
            let by_point = || one.point.partial_cmp(&other.point).unwrap_or(Ordering::Equal);
            one.value.total_cmp(&other.value).then_with(by_point)
        });
        trials.retain(|trial| self.history.claim(&trial.point));
        self.history.extend(trials);
    }

    /// The initial points and an even spread around them; what does not fit into the first batch follows.
    fn spread(&mut self, initial: &[Point]) {
        let mut points = self.clamped(initial);
        let asked = points.len();
        let room = self.room(self.options.startup, self.options.batch);
        points.extend(self.even(room.saturating_sub(asked)));
        self.score(points, |number| if number < asked { Origin::Initial } else { Origin::Fill });
        loop {
            let room = self.room(self.options.startup, self.options.batch);
            let points = self.even(room);
            if !self.goes_on(&points) {
                break;
            }
            self.score(points, |_| Origin::Fill);
        }
    }

    /// Points spread evenly.
    fn even(&mut self, count: usize) -> Vec<Point> {
        fill::latin_hypercube(&mut self.history, count, self.options.home.as_deref(), &mut self.rng)
    }

    /// The initial points and then all others of a small space.
    fn enumerate(&mut self, initial: &[Point], count: u64) {
        let space = self.history.space();
        let batch = self.options.batch;
        let mut points = self.clamped(initial);
        let asked = points.len();
        let mut rest = (0..count).map(|number| fill::numbered(space, number));
        let history = &mut self.history;
        points.extend(rest.by_ref().filter(|point| history.claim(point)).take(batch.saturating_sub(asked)));
        self.score(points, |number| if number < asked { Origin::Initial } else { Origin::Enumeration });
        loop {
            let history = &mut self.history;
            let points: Vec<Point> = rest.by_ref().filter(|point| history.claim(point)).take(batch).collect();
            if !self.goes_on(&points) {
                break;
            }
            self.score(points, |_| Origin::Enumeration);
        }
    }

    /// The points moved into the space, without those that coincide with one before.
    fn clamped(&mut self, points: &[Point]) -> Vec<Point> {
        let space = self.history.space();
        let mut points = points.to_vec();
        for point in &mut points {
            space.clamp(point);
        }
        points.retain(|point| self.history.claim(point));
        points
    }

    fn model(&mut self) {
        let share = 1.0 - self.options.refinement.clamp(0.0, 1.0);
        let budget = (self.options.evaluations as f64 * share).round() as usize;
        loop {
            let count = self.room(budget, self.options.batch);
            let (history, rng) = (&mut self.history, &mut self.rng);
            let points = proposal::propose(history, &self.axes, &self.options, count, rng, self.expired);
            if !self.goes_on(&points) {
                break;
            }
            self.score(points, |_| Origin::Model);
        }
    }

    fn refine(&mut self) {
        let round = (REFINED_PER_PARAMETER * self.axes.len()).max(REFINED_MIN).min(self.options.batch);
        let share = 1.0 - self.options.polish.clamp(0.0, 1.0);
        let (first, last) = (self.evaluations, (self.options.evaluations as f64 * share).round() as usize);
        loop {
            let count = self.room(last, round);
            let progress = (self.evaluations - first) as f64 / last.saturating_sub(first).max(1) as f64;
            let stage = refine::Stage { progress, home: self.options.home.as_ref() };
            let points = refine::propose(&mut self.history, &self.axes, stage, count, &mut self.rng, self.expired);
            if !self.goes_on(&points) {
                break;
            }
            self.score(points, |_| Origin::Refinement);
        }
    }

    /// Descends from the best points to where nothing near is better.
    fn polish(&mut self) {
        if self.options.polish <= 0.0 {
            return;
        }
        let space = self.history.space();
        let (axes, home) = (self.axes.clone(), self.options.home.clone());
        let one = |from: &[f64]| polish::singles(space, &axes, home.as_ref(), from);
        for start in polish::starts(&self.history, &refine::niches(&self.history, &self.axes, home.as_ref())) {
            self.descend(start, one);
        }
        // In turns, until neither finds anything: then the best is the trial that it was before.
        while let Some(best) = self.history.best() {
            self.descend(best, |from| polish::pairs(space, &axes, home.as_ref(), from));
            if let Some(found) = self.history.best().filter(|found| *found != best) {
                self.descend(found, one);
            } else {
                break;
            }
        }
    }

    /// Goes from a trial to the best of its neighbours while that is better.
    fn descend(&mut self, start: usize, neighbours: impl Fn(&[f64]) -> Vec<Point>) {
        let mut at = start;
        loop {
            let mut left = neighbours(&self.history.trial(at).point);
            left.retain(|point| self.history.claim(point));
            let first = self.history.order().len();
            while !left.is_empty() {
                let rest = left.split_off(left.len().min(self.room(self.options.evaluations, self.options.batch)));
                if !self.goes_on(&left) {
                    return;
                }
                self.score(left, |_| Origin::Refinement);
                left = rest;
            }
            let value = |index: &usize| self.history.trial(*index).value;
            let found = (first..self.history.order().len()).min_by(|one, other| value(one).total_cmp(&value(other)));
            match found {
                Some(found) if value(&found) < value(&at) => at = found,
                _ => return,
            }
        }
    }

    /// How many points the next batch may have within a budget of evaluations.
    fn room(&self, budget: usize, batch: usize) -> usize {
        if self.deadline_reached {
            return 0;
        }
        budget.min(self.options.evaluations).saturating_sub(self.evaluations).min(batch)
    }

    /// Whether there is a batch to score and time for it.
    fn goes_on(&mut self, points: &[Point]) -> bool {
        if self.evaluations < self.options.evaluations && (self.expired)() {
            self.deadline_reached = true;
        }
        !points.is_empty() && !self.deadline_reached
    }

    fn score(&mut self, points: Vec<Point>, origin: impl Fn(usize) -> Origin) {
        if points.is_empty() {
            return;
        }
        let values = (self.objective)(&points);
        self.evaluations += points.len();
        let values = values.into_iter().chain(std::iter::repeat(f64::INFINITY));
        self.history.extend(
            points
                .into_iter()
                .zip(values)
                .enumerate()
                .map(|(number, (point, value))| Trial::new(point, value, origin(number))),
        );
    }

    fn finish(self) -> SearchResult {
        let (best, trials) = self.history.into_trials();
        SearchResult { best, trials, evaluations: self.evaluations, deadline_reached: self.deadline_reached }
    }
}
