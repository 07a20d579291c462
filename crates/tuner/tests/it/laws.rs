//! What holds for every space, seed and objective.

use paramedic_tuner::{Distribution, Point, SearchOptions, SearchSpace};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::{search, space};

fn distribution() -> impl Strategy<Value = Distribution> {
    prop_oneof![
        (1_i64..5000, 0_i64..70_000, 1_i64..600, any::<bool>())
            .prop_map(|(low, extent, step, log)| { Distribution::Integer { low, high: low + extent, step, log } }),
        (-300_i64..300, 0_i64..40, 1_i64..7)
            .prop_map(|(low, extent, step)| { Distribution::Integer { low, high: low + extent, step, log: false } }),
        (1e-6..10.0, 0.0..1e7, any::<bool>())
            .prop_map(|(low, extent, log)| { Distribution::Float { low, high: low + extent, log } }),
        (-1e3..1e3, 0.0..1e3).prop_map(|(low, extent)| { Distribution::Float { low, high: low + extent, log: false } }),
        (1_usize..40).prop_map(|choices| Distribution::Categorical { choices }),
    ]
}

fn any_space() -> impl Strategy<Value = SearchSpace> {
    vec(distribution(), 1..7).prop_map(space)
}

/// Points that need not lie in the space, nor have its length.
fn any_points() -> impl Strategy<Value = Vec<Point>> {
    vec(vec(prop_oneof![-1e5..1e5, Just(f64::NAN), Just(f64::INFINITY)], 0..8), 0..6)
}

fn options(seed: u64) -> SearchOptions {
    SearchOptions {
        seed,
        evaluations: 160,
        batch: 32,
        startup: 32,
        candidates_per_point: 3,
        ..SearchOptions::default()
    }
}

/// A rugged objective with ties, whose values the space's scale does not matter for.
fn rugged(point: &[f64]) -> f64 {
    let sum: f64 = point.iter().enumerate().map(|(axis, value)| (value * (axis as f64 + 1.3)).sin()).sum();
    (sum * 20.0).round()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn every_scored_point_lies_in_the_space_on_its_steps(
        space in any_space(), initial in any_points(), seed in any::<u64>(),
    ) {
        let result = search(&space, &options(seed), &initial, &[], rugged);
        prop_assert_eq!(result.evaluations, result.trials.len());
        for trial in &result.trials {
            prop_assert!(space.contains(&trial.point), "{:?} of {:?}", trial, space);
        }
    }

    #[test]
    fn the_same_request_has_the_same_result(space in any_space(), initial in any_points(), seed in any::<u64>()) {
        let known: Vec<(Point, f64)> = initial.iter().map(|point| clamped(&space, point)).map(scored).collect();
        let once = search(&space, &options(seed), &initial, &known, rugged);
        prop_assert_eq!(once, search(&space, &options(seed), &initial, &known, rugged));
    }

    #[test]
    fn the_best_is_the_earliest_of_the_lowest(space in any_space(), initial in any_points(), seed in any::<u64>()) {
        let result = search(&space, &options(seed), &initial, &[], rugged);
        let lowest = result.trials.iter().map(|trial| trial.value).fold(f64::INFINITY, f64::min);
        prop_assert_eq!(result.trials.iter().find(|trial| trial.value <= lowest), Some(&result.best));
        for point in &initial {
            prop_assert!(result.best.value <= rugged(&clamped(&space, point)));
        }
    }

    #[test]
    fn the_order_of_the_known_points_does_not_matter(
        space in any_space(),
        (points, shuffled) in any_points().prop_flat_map(|points| (Just(points.clone()), Just(points).prop_shuffle())),
        seed in any::<u64>(),
    ) {
        let known = |points: &[Point]| points.iter().map(|point| scored(clamped(&space, point))).collect::<Vec<_>>();
        let one = search(&space, &options(seed), &[], &known(&points), rugged);
        let other = search(&space, &options(seed), &[], &known(&shuffled), rugged);
        prop_assert_eq!(one, other);
    }

    #[test]
    fn the_order_of_the_initial_points_does_not_change_which_are_scored_first(
        space in any_space(),
        (points, shuffled) in any_points().prop_flat_map(|points| (Just(points.clone()), Just(points).prop_shuffle())),
        seed in any::<u64>(),
    ) {
        let first_batch = |initial: &[Point]| {
            let options = SearchOptions { evaluations: 1, ..options(seed) };
            let mut points: Vec<String> = search(&space, &options, initial, &[], rugged)
                .trials
                .iter()
                .map(|trial| format!("{:?}", trial.point))
                .collect();
            points.sort();
            points
        };
        prop_assume!(!points.is_empty());
        prop_assert_eq!(first_batch(&points), first_batch(&shuffled));
    }

    #[test]
    fn no_point_is_scored_twice(space in any_space(), initial in any_points(), seed in any::<u64>()) {
        let result = search(&space, &options(seed), &initial, &[], rugged);
        let mut points: Vec<&Point> = result.trials.iter().map(|trial| &trial.point).collect();
        points.sort_by(|left, right| left.partial_cmp(right).unwrap());
        prop_assert!(points.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn clamping_is_idempotent_and_moves_no_point_of_the_space(space in any_space(), points in any_points()) {
        for point in points {
            let once = clamped(&space, &point);
            prop_assert!(space.contains(&once));
            prop_assert_eq!(&clamped(&space, &once), &once);
        }
    }
}

fn clamped(space: &SearchSpace, point: &[f64]) -> Point {
    let mut point = point.to_vec();
    space.clamp(&mut point);
    point
}

fn scored(point: Point) -> (Point, f64) {
    let value = rugged(&point);
    (point, value)
}
