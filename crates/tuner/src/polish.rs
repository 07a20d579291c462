//! Descent to where nothing near is better, for the very end of a search.
//!
//! From the best point and from the best of each niche, one parameter at a time is tried at distances that double and at its
//! landmarks; then, from the best of all, any two together, to near values and to landmarks. Where the values that were
//! found lie on a grid, this is what random steps leave undone.

use crate::axis::{Axis, CELLS_MAX};
use crate::distribution::Distribution;
use crate::fill;
use crate::space::{Point, SearchSpace};
use crate::trial::History;

/// The most points from which one parameter at a time is tried.
const STARTS_MAX: usize = 12;

/// Up to this many values of a discrete parameter are all tried.
const LEVELS_TRIED: u64 = 2 * CELLS_MAX as u64;

/// The shortest distance that is tried on a continuum, as a share of the axis; it doubles up to [`REACH`].
const SHORTEST: f64 = 1.0 / 512.0;

/// The longest distance that is tried, as a share of the axis.
const REACH: f64 = 0.5;

/// Distances that are tried in two parameters at a time, as a share of the axis; at least one step.
const PAIR_DISTANCES: [f64; 3] = [0.01, 0.04, 0.16];

/// The indices of the trials to begin with, the best of all first.
pub(crate) fn starts(history: &History<'_>, niches: &[usize]) -> Vec<usize> {
    let mut starts: Vec<usize> = history.best().into_iter().collect();
    for niche in niches {
        if starts.len() < STARTS_MAX && !starts.contains(niche) {
            starts.push(*niche);
        }
    }
    starts
}

/// A point with one coordinate changed, each to some values, and to home's.
pub(crate) fn singles(space: &SearchSpace, axes: &[Axis], home: Option<&Point>, from: &[f64]) -> Vec<Point> {
    let mut points = Vec::new();
    for (axis, distribution) in space.distributions().iter().enumerate().filter(|(axis, _)| !axes[*axis].is_fixed()) {
        let landmarks = fill::landmarks(distribution, home.map(|home| home[axis]));
        points.extend(line(distribution, from[axis]).into_iter().chain(landmarks).map(|value| {
            let mut point = from.to_vec();
            point[axis] = value;
            point
        }));
    }
    points
}

/// A point with two coordinates changed, each to a few values.
pub(crate) fn pairs(space: &SearchSpace, axes: &[Axis], home: Option<&Point>, from: &[f64]) -> Vec<Point> {
    let distributions = space.distributions();
    let free = |axis: &usize| !axes[*axis].is_fixed();
    let per_axis = |values: &dyn Fn(usize) -> Vec<f64>| -> Vec<Vec<f64>> {
        (0..axes.len()).map(|axis| if free(&axis) { values(axis) } else { Vec::new() }).collect()
    };
    let near = per_axis(&|axis| few(&distributions[axis], from[axis]));
    let landmarks = per_axis(&|axis| {
        let landmarks = fill::landmarks(&distributions[axis], home.map(|home| home[axis]));
        landmarks.filter(|value| value.to_bits() != from[axis].to_bits()).collect()
    });
    let mut points = crossed(from, &near);
    points.extend(crossed(from, &landmarks));
    points
}

/// A point with two coordinates changed, each to its own values.
fn crossed(from: &[f64], values: &[Vec<f64>]) -> Vec<Point> {
    let mut points = Vec::new();
    for (first, firsts) in values.iter().enumerate() {
        for (second, others) in values.iter().enumerate().skip(first + 1) {
            for value in firsts {
                points.extend(others.iter().map(|other| {
                    let mut point = from.to_vec();
                    (point[first], point[second]) = (*value, *other);
                    point
                }));
            }
        }
    }
    points
}

/// Values of one parameter at distances that double; all where they are few.
fn line(distribution: &Distribution, value: f64) -> Vec<f64> {
    match distribution.levels() {
        Some(levels) if levels <= LEVELS_TRIED => (0..levels).map(|level| distribution.value_of_level(level)).collect(),
        _ => {
            let place = distribution.to_unit(value);
            let distances = std::iter::successors(Some(SHORTEST), |distance| Some(distance * 2.0));
            let far = distances.take_while(|distance| *distance <= REACH).flat_map(|distance| [-distance, distance]);
            let far = far.map(|distance| distribution.from_unit(place + distance));
            far.chain(neighbours(distribution, value)).collect()
        }
    }
}

/// A few values near one.
fn few(distribution: &Distribution, value: f64) -> Vec<f64> {
    if matches!(distribution, Distribution::Categorical { .. }) {
        return line(distribution, value);
    }
    let place = distribution.to_unit(value);
    let far = PAIR_DISTANCES.into_iter().flat_map(|distance| [-distance, distance]);
    let mut values: Vec<f64> = far.map(|distance| distribution.from_unit(place + distance)).collect();
    values.extend(neighbours(distribution, value));
    values.retain(|other| other.to_bits() != value.to_bits());
    values.sort_by(f64::total_cmp);
    values.dedup_by(|one, other| one.to_bits() == other.to_bits());
    values
}

fn neighbours(distribution: &Distribution, value: f64) -> [f64; 2] {
    [distribution.neighbour(value, true), distribution.neighbour(value, false)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_and_far_values_of_each_coordinate_are_tried() {
        let space = SearchSpace::new([
            ("memory", Distribution::Integer { low: 512, high: 65_536, step: 64, log: true }),
            ("cores", Distribution::Integer { low: 1, high: 4, step: 1, log: false }),
            ("fixed", Distribution::Integer { low: 7, high: 7, step: 1, log: false }),
        ])
        .unwrap();
        let axes = Axis::all_of(&space);
        let from = [4096.0, 2.0, 7.0];
        let home = vec![1024.0, 2.0, 7.0];
        let points = singles(&space, &axes, Some(&home), &from);
        assert!(points.iter().all(|point| space.contains(point)));
        for point in [[4032.0, 2.0, 7.0], [4160.0, 2.0, 7.0], [1024.0, 2.0, 7.0], [4096.0, 4.0, 7.0]] {
            assert!(points.contains(&point.to_vec()), "{point:?}");
        }
        let pairs = pairs(&space, &axes, Some(&home), &from);
        assert!(pairs.iter().all(|point| space.contains(point)
            && point[0].total_cmp(&4096.0).is_ne()
            && point[1].total_cmp(&2.0).is_ne()));
        assert!(pairs.contains(&vec![4160.0, 1.0, 7.0]) && pairs.len() > 12, "{}", pairs.len());
    }
}
