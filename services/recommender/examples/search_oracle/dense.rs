//! The true optimum, as far as a dense search can tell: many points, then the best of them refined to where no value of any
//! one parameter, nor of any two of which the first is the failing side's own memory, is better.

use anyhow::Context as _;
use paramedic_recommender::search::{Candidate, Search};
use paramedic_tuner::{Distribution, Point, SearchSpace};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Points scored at once.
const BATCH: usize = 4_096;
/// How many of the best points are refined.
const REFINED: usize = 24;
/// Values of one parameter that are tried, and of each of two.
const LINE: usize = 400;
const PLANE: usize = 96;

pub(crate) fn optimum(search: &Search<'_>, points: usize) -> anyhow::Result<Candidate> {
    let space = search.freedom.space().context("nothing may move")?;
    let mut home = search.freedom.home(search.failed);
    space.clamp(&mut home);
    let mut rng = ChaCha8Rng::seed_from_u64(99);
    let mut best: Vec<Candidate> = score(search, &search.freedom.start(search.facts, search.failed))?;
    let mut left = points;
    while left > 0 {
        let batch: Vec<Point> = (0..left.min(BATCH)).map(|number| draw(space, &home, number, &mut rng)).collect();
        left -= batch.len();
        best.extend(score(search, &batch)?);
        best.sort_by(|one, other| one.value.total_cmp(&other.value));
        best.truncate(REFINED);
    }
    let mut optimum: Option<Candidate> = None;
    for start in best {
        let refined = refine(search, space, &home, start)?;
        if optimum.as_ref().is_none_or(|optimum| refined.value < optimum.value) {
            optimum = Some(refined);
        }
    }
    optimum.context("no point is within the guardrails")
}

/// Every other point is anywhere; the others keep some of what failed.
fn draw(space: &SearchSpace, home: &[f64], number: usize, rng: &mut ChaCha8Rng) -> Point {
    let kept = if number.is_multiple_of(2) { 0.0 } else { rng.random_range(0.2..1.0) };
    let mut point: Point = space.distributions().iter().map(|range| value_at(range, rng.random())).collect();
    for (value, home) in point.iter_mut().zip(home) {
        if rng.random::<f64>() < kept {
            *value = *home;
        }
    }
    space.clamp(&mut point);
    point
}

fn value_at(range: &Distribution, share: f64) -> f64 {
    match *range {
        Distribution::Integer { low, high, log: true, .. } => low as f64 * (high as f64 / low as f64).powf(share),
        Distribution::Integer { low, high, .. } => low as f64 + (high - low) as f64 * share,
        Distribution::Float { low, high, log: true } => low * (high / low).powf(share),
        Distribution::Float { low, high, .. } => low + (high - low) * share,
        Distribution::Categorical { choices } => (choices as f64 * share).floor(),
    }
}

fn refine(search: &Search<'_>, space: &SearchSpace, home: &[f64], mut best: Candidate) -> anyhow::Result<Candidate> {
    loop {
        let mut points = Vec::new();
        for axis in 0..space.len() {
            for value in line(space, home, axis, LINE) {
                points.push(moved(&best.point, &[(axis, value)]));
            }
        }
        for axis in 1..space.len() {
            for value in line(space, home, axis, PLANE) {
                let own = line(space, home, 0, PLANE).into_iter();
                points.extend(own.map(|own| moved(&best.point, &[(0, own), (axis, value)])));
            }
        }
        let found = score(search, &points)?.into_iter().min_by(|one, other| one.value.total_cmp(&other.value));
        match found {
            Some(found) if found.value < best.value - 1e-12 => best = found,
            _ => return Ok(best),
        }
    }
}

fn moved(point: &[f64], to: &[(usize, f64)]) -> Point {
    let mut point = point.to_vec();
    for (axis, value) in to {
        if let Some(coordinate) = point.get_mut(*axis) {
            *coordinate = *value;
        }
    }
    point
}

/// Values of one parameter, evenly spread, and the one of what failed.
fn line(space: &SearchSpace, home: &[f64], axis: usize, most: usize) -> Vec<f64> {
    let Some(range) = space.distributions().get(axis) else { return Vec::new() };
    let mut values: Vec<f64> = match *range {
        Distribution::Integer { low, high, step, .. } if ((high - low) / step) as usize <= most => {
            (0..=(high - low) / step).map(|level| (low + level * step) as f64).collect()
        }
        // Hundredths are all that is written of a share.
        Distribution::Float { low, high, .. } if high <= 1.0 => {
            ((low * 100.0).ceil() as i64..=(high * 100.0).floor() as i64).map(|share| share as f64 / 100.0).collect()
        }
        _ => (0..=most).map(|part| range.nearest(value_at(range, part as f64 / most as f64))).collect(),
    };
    values.extend(home.get(axis));
    values
}

fn score(search: &Search<'_>, points: &[Point]) -> anyhow::Result<Vec<Candidate>> {
    let mut scored = Vec::new();
    for batch in points.chunks(BATCH) {
        scored.extend(search.evaluate(batch)?.into_iter().flatten());
    }
    Ok(scored)
}
