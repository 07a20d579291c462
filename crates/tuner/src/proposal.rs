//! Points that a tree-structured Parzen estimator expects to be good.
//!
//! Bergstra, Bardenet, Bengio and Kégl, *Algorithms for Hyper-Parameter Optimization* (NIPS 2011): the best share of the
//! trials gives a density l, the others give g; the expected improvement grows with l / g, so of a number of draws from
//! l the one with the highest ratio is proposed. A batch is proposed from one pair of densities: each of its points has
//! draws of its own, which keeps the batch apart.

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::axis::Axis;
use crate::fill;
use crate::parzen::{Parzen, Scratch};
use crate::search::SearchOptions;
use crate::space::Point;
use crate::trial::History;

/// One point in this many is a uniform draw, so that a region that looked bad once is not lost for good.
const UNIFORM_EVERY: usize = 32;

/// Up to `count` unclaimed points; fewer when `expired` says so or where the space has none left. Claims them.
pub(crate) fn propose(
    history: &mut History<'_>,
    axes: &[Axis],
    options: &SearchOptions,
    count: usize,
    rng: &mut ChaCha8Rng,
    expired: &dyn Fn() -> bool,
) -> Vec<Point> {
    let (good, bad) = split(history, options, rng);
    let good = Parzen::new(axes, good.iter().map(|index| history.unit(*index)));
    let bad = Parzen::new(axes, bad.iter().map(|index| history.unit(*index)));
    let mut draws = Draws::new(axes.len(), options.candidates_per_point.max(1));
    let mut points = Vec::with_capacity(count);
    while points.len() < count && !expired() {
        let model = if (points.len() + 1).is_multiple_of(UNIFORM_EVERY) {
            None
        } else {
            draws.renew(&good, &bad, rng);
            draws.best_unclaimed(history)
        };
        match model.or_else(|| fill::uniform(history, rng)) {
            Some(point) => points.push(point),
            None => break,
        }
    }
    points
}

/// The trials for the good and for the bad density: the best share, and a sample of the others.
fn split(history: &History<'_>, options: &SearchOptions, rng: &mut ChaCha8Rng) -> (Vec<usize>, Vec<usize>) {
    let order = history.order();
    let finite = order.partition_point(|index| history.trial(*index).value.is_finite());
    let share = (options.gamma.clamp(0.0, 1.0) * order.len() as f64).ceil() as usize;
    let good = share.clamp(1, options.good_max.max(1)).min(finite);
    let mut others = order[good..].to_vec();
    let (sample, _) = others.partial_shuffle(rng, options.bad_max.max(1));
    (order[..good].to_vec(), sample.to_vec())
}

/// The draws for one point.
struct Draws {
    axes: usize,
    places: Vec<f64>,
    /// The logarithm of l / g and the number of each draw, the highest ratio first.
    ranking: Vec<(f32, usize)>,
    scratch: Scratch,
}

impl Draws {
    fn new(axes: usize, count: usize) -> Self {
        Self { axes, places: vec![0.0; axes * count], ranking: Vec::with_capacity(count), scratch: Scratch::default() }
    }

    fn renew(&mut self, good: &Parzen<'_>, bad: &Parzen<'_>, rng: &mut ChaCha8Rng) {
        self.ranking.clear();
        for (number, place) in self.places.chunks_exact_mut(self.axes).enumerate() {
            good.sample(rng, place);
            let ratio = good.ln_density(place, &mut self.scratch) - bad.ln_density(place, &mut self.scratch);
            self.ranking.push((ratio, number));
        }
        self.ranking.sort_by(|left, right| right.0.total_cmp(&left.0));
    }

    fn best_unclaimed(&self, history: &mut History<'_>) -> Option<Point> {
        self.ranking.iter().find_map(|(_, number)| {
            let point = history.space().point_at(&self.places[number * self.axes..(number + 1) * self.axes]);
            history.claim(&point).then_some(point)
        })
    }
}
