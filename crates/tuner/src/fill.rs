//! The first points: an even spread over the space, or all of it where it is small.

use rand::seq::SliceRandom;
use rand::{Rng, RngExt};

use crate::distribution::Distribution;
use crate::space::{Point, SearchSpace};
use crate::trial::History;

/// How often an occupied point of a discrete space is replaced by a uniform draw before it is given up.
const DRAWS_MAX: usize = 16;

/// Up to `count` unclaimed points, spread as a Latin hypercube: each parameter has one point in each of `count` equal
/// slices of its axis (a design by `McKay`, Beckman and Conover, 1979). Where there is a `home`, every other point has a
/// random half of its coordinates. Claims what it returns.
pub(crate) fn latin_hypercube(
    history: &mut History<'_>,
    count: usize,
    home: Option<&[f64]>,
    rng: &mut impl Rng,
) -> Vec<Point> {
    let space = history.space();
    let mut places = vec![0.0; count * space.len()];
    let mut slices: Vec<usize> = (0..count).collect();
    for axis in 0..space.len() {
        slices.shuffle(rng);
        for (row, slice) in slices.iter().enumerate() {
            places[row * space.len() + axis] = (*slice as f64 + rng.random::<f64>()) / count as f64;
        }
    }
    places
        .chunks_exact(space.len())
        .enumerate()
        .filter_map(|(row, place)| {
            let mut point = space.point_at(place);
            if let Some(home) = home.filter(|_| row % 2 == 1) {
                for (value, home) in point.iter_mut().zip(home) {
                    if rng.random() {
                        *value = *home;
                    }
                }
            }
            if history.claim(&point) { Some(point) } else { uniform(history, rng) }
        })
        .collect()
}

/// Home's value of a parameter, and the lowest and the highest: where it costs nothing, or does the most. None without a
/// home: then nothing says that coordinates are good one by one.
pub(crate) fn landmarks(distribution: &Distribution, home: Option<f64>) -> impl Iterator<Item = f64> {
    home.into_iter().flat_map(|home| [home, distribution.from_unit(0.0), distribution.from_unit(1.0)])
}

/// An unclaimed point, each as likely; nothing where a number of draws met claimed ones only. Claims what it returns.
pub(crate) fn uniform(history: &mut History<'_>, rng: &mut impl Rng) -> Option<Point> {
    let space = history.space();
    (0..DRAWS_MAX).find_map(|_| {
        let place: Vec<f64> = (0..space.len()).map(|_| rng.random()).collect();
        let point = space.point_at(&place);
        history.claim(&point).then_some(point)
    })
}

/// The point of a finite space with the given number, the last parameter running fastest.
pub(crate) fn numbered(space: &SearchSpace, mut number: u64) -> Point {
    let mut point = vec![0.0; space.len()];
    for (value, distribution) in point.iter_mut().zip(space.distributions()).rev() {
        let levels = distribution.levels().unwrap_or(1);
        *value = distribution.value_of_level(number % levels);
        number /= levels;
    }
    point
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn each_slice_of_each_axis_has_a_point() {
        let axis = Distribution::Float { low: 0.0, high: 1.0, log: false };
        let space = SearchSpace::new([("x", axis), ("y", axis), ("z", axis)]).unwrap();
        let points = latin_hypercube(&mut History::new(&space), 32, None, &mut ChaCha8Rng::seed_from_u64(3));
        assert_eq!(points.len(), 32);
        for axis in 0..3 {
            let mut slices: Vec<usize> = points.iter().map(|point| (point[axis] * 32.0) as usize).collect();
            slices.sort_unstable();
            assert_eq!(slices, (0..32).collect::<Vec<_>>());
        }
    }

    #[test]
    fn every_other_point_has_coordinates_of_home() {
        let axis = Distribution::Float { low: 0.0, high: 1.0, log: false };
        let space = SearchSpace::new([("x", axis), ("y", axis), ("z", axis), ("w", axis)]).unwrap();
        let home = [0.25; 4];
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let points = latin_hypercube(&mut History::new(&space), 64, Some(&home), &mut rng);
        let at_home = |point: &Point| point.iter().filter(|value| (**value - 0.25).abs() < 1e-12).count();
        let some = points.iter().filter(|point| at_home(point) > 0).count();
        assert!((20..=32).contains(&some), "{some} of 64");
    }

    #[test]
    fn numbers_run_through_a_finite_space() {
        let space = SearchSpace::new([
            ("choice", Distribution::Categorical { choices: 3 }),
            ("step", Distribution::Integer { low: -4, high: 5, step: 2, log: false }),
        ])
        .unwrap();
        let mut history = History::new(&space);
        for number in 0..space.cardinality().unwrap() {
            let point = numbered(&space, number);
            assert!(space.contains(&point) && history.claim(&point), "{number}: {point:?}");
        }
    }
}
