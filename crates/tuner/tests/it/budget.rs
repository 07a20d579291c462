//! Evaluations, batches, the deadline, and what is not scored.

use std::cell::Cell;

use paramedic_tuner::{Distribution, Origin, Point, SearchOptions, SearchSpace, minimize};

use crate::{search, space};

const SIZE: Distribution = Distribution::Float { low: 1.0, high: 1e6, log: true };
const CORES: Distribution = Distribution::Integer { low: 1, high: 5, step: 1, log: false };

fn sizes() -> SearchSpace {
    space([SIZE; 3])
}

fn distance(point: &[f64]) -> f64 {
    point.iter().map(|value| (value / 1000.0).ln().powi(2)).sum()
}

#[test]
fn the_budget_is_spent_and_not_exceeded() {
    for (evaluations, batch) in [(1, 256), (100, 256), (500, 64), (777, 1)] {
        let options = SearchOptions { evaluations, batch, ..SearchOptions::default() };
        let largest = Cell::new(0);
        let result = minimize(&sizes(), &options, &[], &[], &|| false, &mut |points| {
            largest.set(points.len().max(largest.get()));
            points.iter().map(|point| distance(point)).collect()
        });
        assert_eq!((result.evaluations, result.trials.len()), (evaluations, evaluations));
        assert!(largest.get() <= batch && !result.deadline_reached, "{} of {batch}", largest.get());
    }
}

#[test]
fn options_of_zero_count_as_one() {
    let options = SearchOptions {
        evaluations: 0,
        batch: 0,
        startup: 0,
        good_max: 0,
        bad_max: 0,
        candidates_per_point: 0,
        ..SearchOptions::default()
    };
    assert_eq!(search(&sizes(), &options, &[], &[], distance).evaluations, 1);
    let more = SearchOptions { evaluations: 40, ..options };
    assert_eq!(search(&sizes(), &more, &[], &[], distance).evaluations, 40);
}

#[test]
fn the_phases_follow_each_other() {
    let result = search(&sizes(), &SearchOptions::default(), &[vec![5.0, 5.0, 5.0]], &[(vec![9.0; 3], 3.5)], distance);
    let count = |origin| result.trials.iter().filter(|trial| trial.origin == origin).count();
    assert_eq!((count(Origin::Known), count(Origin::Initial), count(Origin::Fill)), (1, 1, 255));
    assert_eq!((count(Origin::Model), count(Origin::Refinement)), (768, 1024));
    let first_of = |origin| result.trials.iter().position(|trial| trial.origin == origin);
    assert!(first_of(Origin::Fill) < first_of(Origin::Model) && first_of(Origin::Model) < first_of(Origin::Refinement));
}

#[test]
fn the_first_batch_is_scored_although_the_deadline_has_passed() {
    let initial = vec![vec![700.0, 2000.0, 1000.0], vec![1.0, 1.0, 1.0]];
    for space in [sizes(), space([CORES; 3])] {
        let calls = Cell::new(0);
        let options = SearchOptions { batch: 8, ..SearchOptions::default() };
        let result = minimize(&space, &options, &initial, &[], &|| true, &mut |points| {
            calls.set(calls.get() + 1);
            points.iter().map(|point| distance(point)).collect()
        });
        assert_eq!((calls.get(), result.evaluations), (1, 8));
        assert!(result.deadline_reached);
    }
}

#[test]
fn all_initial_points_are_in_the_first_batch() {
    let initial: Vec<Point> = (1..=20).map(|size| vec![f64::from(size); 3]).collect();
    let options = SearchOptions { evaluations: 5, batch: 4, ..SearchOptions::default() };
    let result = minimize(&sizes(), &options, &initial, &[], &|| true, &mut |points| {
        points.iter().map(|point| distance(point)).collect()
    });
    assert_eq!(result.evaluations, 20);
    assert_eq!(result.best.point, vec![20.0; 3]);
}

#[test]
fn a_deadline_ends_the_search_between_batches() {
    let scored = Cell::new(0);
    let result = minimize(&sizes(), &SearchOptions::default(), &[], &[], &|| scored.get() >= 600, &mut |points| {
        scored.set(scored.get() + points.len());
        points.iter().map(|point| distance(point)).collect()
    });
    assert_eq!(result.evaluations, 768);
    assert!(result.deadline_reached);
    let lowest = result.trials.iter().map(|trial| trial.value).fold(f64::INFINITY, f64::min);
    assert_eq!(result.best.value.total_cmp(&lowest), std::cmp::Ordering::Equal);
}

#[test]
fn a_deadline_ends_the_making_of_proposals() {
    let (asked, scored) = (Cell::new(0), Cell::new(0));
    let expired = || {
        asked.set(asked.get() + 1);
        asked.get() > 10
    };
    let result = minimize(&sizes(), &SearchOptions::default(), &[], &[], &expired, &mut |points| {
        scored.set(scored.get() + points.len());
        points.iter().map(|point| distance(point)).collect()
    });
    assert_eq!(scored.get(), 256, "the proposals that were under way when the deadline came were scored");
    assert!(asked.get() < 16 && result.deadline_reached);
}

#[test]
fn a_small_space_is_scored_completely_and_once() {
    let space = space([CORES, Distribution::Categorical { choices: 4 }, CORES]);
    let worst = |point: &[f64]| -point[0] - 10.0 * f64::from(u8::from(point[1] > 2.5)) - point[2];
    let known = [(vec![1.0, 0.0, 1.0], -2.0)];
    let result = search(&space, &SearchOptions::default(), &[vec![2.0, 1.0, 3.0]], &known, worst);
    assert_eq!((result.evaluations, result.trials.len()), (99, 100));
    assert_eq!(result.best.point, [5.0, 3.0, 5.0]);
    assert_eq!(result.trials[1].origin, Origin::Initial);
}

#[test]
fn a_space_of_one_point_has_one_trial() {
    let fixed = Distribution::Float { low: 0.6, high: 0.6, log: false };
    let result = search(&space([fixed]), &SearchOptions::default(), &[], &[], |point| point[0]);
    assert_eq!((result.evaluations, result.best.point), (1, vec![0.6]));
}

#[test]
fn a_coarse_space_has_no_point_twice() {
    let space = space([CORES; 5]);
    let result = search(&space, &SearchOptions::default(), &[], &[], |point| point.iter().sum());
    let mut points: Vec<String> = result.trials.iter().map(|trial| format!("{:?}", trial.point)).collect();
    points.sort();
    points.dedup();
    assert_eq!(points.len(), result.trials.len());
    assert_eq!(result.best.point, [1.0; 5]);
}

#[test]
fn a_known_point_counts_and_is_not_scored_again() {
    let best = vec![1000.0; 3];
    let known = [(best.clone(), -1.0), (vec![0.5; 3], -100.0), (vec![3.0], -100.0)];
    let result = search(&sizes(), &SearchOptions::default(), std::slice::from_ref(&best), &known, distance);
    assert_eq!((&result.best.point, result.best.origin), (&best, Origin::Known));
    assert_eq!(result.trials.iter().filter(|trial| trial.point == best).count(), 1);
    assert_eq!(result.trials.iter().filter(|trial| trial.origin == Origin::Known).count(), 1, "two are outside");
}

#[test]
fn of_two_values_of_a_known_point_the_lower_finite_one_counts() {
    let point = vec![1000.0; 3];
    let known = [4.0, f64::NEG_INFINITY, 2.0, f64::NAN].map(|value| (point.clone(), value));
    let options = SearchOptions { evaluations: 1, ..SearchOptions::default() };
    let result = search(&sizes(), &options, &[], &known, |_| 3.0);
    assert_eq!(result.trials.len(), 2);
    assert!((result.best.value - 2.0).abs() < 1e-12 && result.best.point == point);
}

#[test]
fn values_that_are_not_finite_are_the_worst() {
    let odd = |point: &[f64]| match point[0] {
        size if size < 10.0 => f64::NAN,
        size if size < 100.0 => f64::NEG_INFINITY,
        size if size < 1000.0 => f64::INFINITY,
        _ => distance(point),
    };
    let result = search(&sizes(), &SearchOptions::default(), &[], &[], odd);
    assert!(result.best.value < 0.05 && result.best.point[0] >= 1000.0, "{:?}", result.best);
    assert!(result.trials.iter().all(|trial| !trial.value.is_nan() && trial.value > -1.0));
}

#[test]
fn nothing_but_the_worst_gives_the_first_point() {
    let first = vec![5.0, 6.0, 7.0];
    let options = SearchOptions { evaluations: 600, ..SearchOptions::default() };
    let result = search(&sizes(), &options, std::slice::from_ref(&first), &[], |_| f64::NAN);
    assert_eq!((result.best.point, result.evaluations), (first, 600));
}

#[test]
fn missing_values_are_the_worst() {
    let result = minimize(&sizes(), &SearchOptions::default(), &[], &[], &|| false, &mut |points| {
        points.iter().take(3).map(|point| distance(point)).collect()
    });
    assert!(result.best.value.is_finite());
    assert!(result.trials[3].value.is_infinite());
}

#[test]
fn a_search_ends_within_one_batch_of_its_deadline_in_every_phase() {
    // A clock of our own: a point takes 7 ticks, a look at the clock 1; the way out looks a few times.
    for deadline in [0, 500, 3_000, 9_000, 13_000, 16_000] {
        let clock = Cell::new(0_u64);
        let expired = || {
            clock.set(clock.get() + 1);
            clock.get() > deadline
        };
        let options = SearchOptions { batch: 64, refinement: 0.75, polish: 0.5, ..SearchOptions::default() };
        let result = minimize(&sizes(), &options, &[], &[], &expired, &mut |points| {
            clock.set(clock.get() + 7 * points.len() as u64);
            points.iter().map(|point| distance(point)).collect()
        });
        assert!(result.deadline_reached || result.evaluations <= 2_048);
        let late = clock.get().saturating_sub(deadline);
        assert!(late <= 7 * 64 + 8, "{late} ticks after a deadline at {deadline}");
    }
}
