//! A Parzen estimate of a density in all parameters at once: the mean of a kernel around each observation and of a
//! uniform prior.
//!
//! Each kernel is a product over the axes (Falkner, Klein and Hutter, *BOHB*, ICML 2018; Optuna's `multivariate=True`),
//! so that parameters which are good together stay together: a normal distribution cut off at the ends of an axis, its
//! mass in each cell where the axis has few values, and a smoothed choice on a categorical axis. The kernels of an
//! estimate have one bandwidth an axis, by Scott's rule, kept from collapsing by the "magic clip" of Bergstra et al.'s
//! hyperopt: no narrower than the axis over min(100, 1 + observations).

use rand::{Rng, RngExt};

use crate::axis::{Axis, other_choice};
use crate::normal::{cumulative, exponential, quantile};

/// Kernels are laid out and summed in blocks of this many, for the processor's vector instructions.
const LANES: usize = 8;
type Lanes = [f32; LANES];

/// The weight of a kernel that fills up the last block: its density is nothing.
const LN_NOTHING: f32 = -1e30;

/// A density estimate over the unit axes.
#[derive(Debug)]
pub(crate) struct Parzen<'a> {
    axes: &'a [Axis],
    /// The observations, one row each.
    centres: Vec<f64>,
    count: usize,
    bandwidths: Vec<f64>,
    /// For each observation and axis the mass of its whole normal distribution below 0, and that between 0 and 1.
    masses: Vec<(f64, f64)>,
    terms: Terms,
}

/// The estimate's logarithm as sums over the kernels. With x and c scaled by the bandwidth, a normal kernel's
/// -(x - c)² / 2 is x·c and a constant of the kernel and one of the point; cells are looked up.
#[derive(Debug, Default)]
struct Terms {
    /// The kernel's weight, normalization and -c² / 2, one entry a block.
    constants: Vec<Lanes>,
    /// The scaled centres: an entry for each block and, within it, each continuous axis.
    slopes: Vec<Lanes>,
    /// The continuous axes: number and bandwidth's inverse.
    continuous: Vec<(usize, f32)>,
    tables: Vec<Table>,
    /// Logarithm of the prior's mass, with its weight, without the axes that have cells.
    ln_prior: f32,
}

/// The terms of an axis with cells.
#[derive(Debug)]
struct Table {
    axis: usize,
    /// The logarithm of the prior's mass in each cell.
    ln_widths: Vec<f32>,
    /// The logarithm of each kernel's mass: an entry for each cell and, within it, each block.
    ln_masses: Vec<Lanes>,
}

/// Memory for one evaluation, reused by the next.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    sums: Vec<Lanes>,
    scaled: Vec<f32>,
}

impl<'a> Parzen<'a> {
    /// The estimate from observations on the unit axes; without any it is the prior.
    pub(crate) fn new<'r>(axes: &'a [Axis], rows: impl Iterator<Item = &'r [f64]>) -> Self {
        let centres: Vec<f64> = rows.flatten().copied().collect();
        let count = centres.len() / axes.len();
        let bandwidths = (0..axes.len()).map(|axis| bandwidth(&centres, axes.len(), axis)).collect();
        let mut estimate = Self { axes, centres, count, bandwidths, masses: Vec::new(), terms: Terms::default() };
        estimate.masses = estimate.masses();
        estimate.terms = estimate.terms();
        estimate
    }

    /// Draws a place on each axis.
    pub(crate) fn sample(&self, rng: &mut impl Rng, place: &mut [f64]) {
        let kernel = rng.random_range(0..=self.count);
        for (number, (axis, place)) in self.axes.iter().zip(place).enumerate() {
            if kernel == self.count {
                *place = rng.random();
                continue;
            }
            let at = kernel * self.axes.len() + number;
            *place = if let Axis::Categorical { choices } = axis {
                let own = axis.cell(self.centres[at]);
                let keeps = rng.random::<f64>() < self.own_choice(*choices);
                let cell = if keeps { own } else { other_choice(*choices, own, rng) };
                (cell as f64 + 0.5) / *choices as f64
            } else {
                let (below, inside) = self.masses[at];
                let normal = quantile(below + rng.random::<f64>() * inside);
                (self.centres[at] + self.bandwidths[number] * normal).clamp(0.0, 1.0)
            };
        }
    }

    /// The logarithm of the density at a place, up to a constant that all estimates over the same axes share.
    pub(crate) fn ln_density(&self, place: &[f64], scratch: &mut Scratch) -> f32 {
        let terms = &self.terms;
        scratch.scaled.clear();
        scratch.scaled.extend(terms.continuous.iter().map(|(axis, inverse)| place[*axis] as f32 * inverse));
        let half_square = scratch.scaled.iter().map(|x| x * x).sum::<f32>() / 2.0;
        let mut ln_prior = terms.ln_prior + half_square;
        scratch.sums.clear();
        scratch.sums.extend_from_slice(&terms.constants);
        for table in &terms.tables {
            let cell = self.axes[table.axis].cell(place[table.axis]);
            ln_prior += table.ln_widths[cell];
            for (sum, row) in scratch.sums.iter_mut().zip(&table.ln_masses[cell * terms.constants.len()..]) {
                for lane in 0..LANES {
                    sum[lane] += row[lane];
                }
            }
        }
        add_products(&mut scratch.sums, &terms.slopes, &scratch.scaled);
        ln_sum(&scratch.sums, ln_prior) - half_square
    }

    /// The chance that a categorical kernel keeps its own choice: an observation on top of a prior that is spread over
    /// the choices and counts as one observation in all (Optuna's categorical kernel).
    fn own_choice(&self, choices: usize) -> f64 {
        let (prior, choices) = (1.0 / self.count.max(1) as f64, choices as f64);
        (1.0 + prior) / (1.0 + choices * prior)
    }

    fn masses(&self) -> Vec<(f64, f64)> {
        let place = |at: usize| {
            let (centre, bandwidth) = (self.centres[at], self.bandwidths[at % self.axes.len()]);
            let below = cumulative(-centre / bandwidth);
            (below, cumulative((1.0 - centre) / bandwidth) - below)
        };
        (0..self.centres.len()).map(place).collect()
    }

    fn terms(&self) -> Terms {
        let blocks = self.count.div_ceil(LANES);
        let ln_weight = -((self.count + 1) as f32).ln();
        let mut terms = Terms { constants: vec![[LN_NOTHING; LANES]; blocks], ln_prior: ln_weight, ..Terms::default() };
        for (number, axis) in self.axes.iter().enumerate() {
            match axis {
                Axis::Continuous => terms.continuous.push((number, 1.0 / self.bandwidths[number] as f32)),
                _ => terms.tables.push(self.table(number, blocks)),
            }
        }
        terms.slopes = vec![[0.0; LANES]; blocks * terms.continuous.len()];
        for kernel in 0..self.count {
            let (block, lane) = (kernel / LANES, kernel % LANES);
            let mut constant = ln_weight;
            for (entry, (number, inverse)) in terms.continuous.iter().enumerate() {
                let at = kernel * self.axes.len() + number;
                let slope = self.centres[at] as f32 * inverse;
                let normalization = inverse / (std::f32::consts::TAU.sqrt() * self.masses[at].1 as f32);
                constant += normalization.ln() - slope * slope / 2.0;
                terms.slopes[block * terms.continuous.len() + entry][lane] = slope;
            }
            terms.constants[block][lane] = constant;
        }
        terms
    }

    /// The terms of an axis with cells. Kernels around places in one cell have the same ones.
    fn table(&self, number: usize, blocks: usize) -> Table {
        let axis = &self.axes[number];
        let mut rows: Vec<Option<Vec<f32>>> = vec![None; axis.cells()];
        let mut ln_masses = vec![[0.0; LANES]; axis.cells() * blocks];
        for kernel in 0..self.count {
            let at = kernel * self.axes.len() + number;
            let own = axis.cell(self.centres[at]);
            let masses = rows[own].get_or_insert_with(|| self.ln_masses(axis, at, own));
            for (entry, ln_mass) in ln_masses[kernel / LANES..].iter_mut().step_by(blocks).zip(masses) {
                entry[kernel % LANES] = *ln_mass;
            }
        }
        let ln_width = |(lower, upper): (f64, f64)| ((upper - lower) as f32).ln();
        let ln_widths = (0..axis.cells()).map(|cell| ln_width(axis.bounds(cell))).collect();
        Table { axis: number, ln_widths, ln_masses }
    }

    fn ln_masses(&self, axis: &Axis, at: usize, own: usize) -> Vec<f32> {
        let mass = |cell: usize| match axis {
            Axis::Categorical { choices } if cell == own => self.own_choice(*choices),
            Axis::Categorical { choices } => (1.0 - self.own_choice(*choices)) / (choices - 1) as f64,
            _ => self.cell_mass(at, axis.bounds(cell)),
        };
        (0..axis.cells()).map(|cell| (mass(cell).max(1e-30) as f32).ln()).collect()
    }

    fn cell_mass(&self, at: usize, (lower, upper): (f64, f64)) -> f64 {
        let bandwidth = self.bandwidths[at % self.axes.len()];
        let below = |edge: f64| cumulative((edge - self.centres[at]) / bandwidth);
        (below(upper) - below(lower)) / self.masses[at].1
    }
}

/// Scott's rule for a column of the observations, within the magic clip.
fn bandwidth(centres: &[f64], axes: usize, number: usize) -> f64 {
    let rows = (centres.len() / axes) as f64;
    let column = || centres.iter().skip(number).step_by(axes);
    let mean = column().sum::<f64>() / rows.max(1.0);
    let variance = column().map(|place| (place - mean).powi(2)).sum::<f64>() / rows.max(1.0);
    let scott = variance.sqrt() * rows.max(1.0).powf(-1.0 / (axes as f64 + 4.0));
    scott.clamp(1.0 / (1.0 + rows).min(100.0), 1.0)
}

/// Adds to each kernel's sum the product of its slopes with the scaled place.
#[inline]
fn add_products(sums: &mut [Lanes], slopes: &[Lanes], scaled: &[f32]) {
    if scaled.is_empty() {
        return;
    }
    for (sum, slopes) in sums.iter_mut().zip(slopes.chunks_exact(scaled.len())) {
        let mut total = *sum;
        for (slope, x) in slopes.iter().zip(scaled) {
            for lane in 0..LANES {
                total[lane] += slope[lane] * x;
            }
        }
        *sum = total;
    }
}

/// The logarithm of the sum of the exponentials, computed from the largest term so that nothing overflows.
#[inline]
fn ln_sum(terms: &[Lanes], one_more: f32) -> f32 {
    let mut highest = [one_more; LANES];
    for term in terms {
        for lane in 0..LANES {
            // A comparison is one instruction; `f32::max` looks for NaN as well.
            highest[lane] = if term[lane] > highest[lane] { term[lane] } else { highest[lane] };
        }
    }
    let highest = highest.into_iter().fold(one_more, f32::max);
    let mut sums = [0.0; LANES];
    for term in terms {
        for lane in 0..LANES {
            sums[lane] += exponential(term[lane] - highest);
        }
    }
    highest + (sums.iter().sum::<f32>() + (one_more - highest).exp()).ln()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn density(estimate: &Parzen<'_>, place: &[f64]) -> f64 {
        f64::from(estimate.ln_density(place, &mut Scratch::default())).exp()
    }

    #[test]
    fn the_density_of_a_continuum_integrates_to_one() {
        let axes = [Axis::Continuous, Axis::Continuous];
        let rows: [&[f64]; 9] = [
            &[0.1, 0.9],
            &[0.15, 0.8],
            &[0.0, 1.0],
            &[0.3, 0.5],
            &[0.2, 0.7],
            &[0.1, 0.6],
            &[0.9, 0.9],
            &[0.1, 0.85],
            &[0.12, 0.95],
        ];
        let estimate = Parzen::new(&axes, rows.into_iter());
        let side = 200;
        let at = |step: usize| (step as f64 + 0.5) / f64::from(side);
        let integral: f64 = (0..side as usize * side as usize)
            .map(|cell| density(&estimate, &[at(cell % side as usize), at(cell / side as usize)]))
            .sum::<f64>()
            / f64::from(side * side);
        assert!((integral - 1.0).abs() < 1e-3, "{integral}");
        assert!(density(&estimate, &[0.1, 0.9]) > 4.0 * density(&estimate, &[0.9, 0.1]));
    }

    #[test]
    fn the_masses_of_cells_add_up_to_one() {
        let ordinal = Axis::Ordinal { edges: vec![0.2, 0.5, 0.6, 1.0] };
        for axis in [ordinal, Axis::Categorical { choices: 4 }] {
            let axes = [axis];
            let places: Vec<f64> =
                (0..4).map(|cell| axes[0].bounds(cell)).map(|(lower, upper)| f64::midpoint(lower, upper)).collect();
            let observed = [[places[1]], [places[1]], [places[2]]];
            let estimate = Parzen::new(&axes, observed.iter().map(<[f64; 1]>::as_slice));
            let masses: Vec<f64> = places.iter().map(|place| density(&estimate, &[*place])).collect();
            assert!((masses.iter().sum::<f64>() - 1.0).abs() < 1e-5, "{axes:?}: {masses:?}");
            assert!(masses[1] > masses[0] && masses[1] > masses[3], "{axes:?}: {masses:?}");
        }
    }

    #[test]
    fn samples_follow_the_density() {
        let axes = [Axis::Continuous, Axis::Ordinal { edges: vec![0.5, 0.75, 1.0] }, Axis::Categorical { choices: 3 }];
        let rows: [&[f64]; 4] = [&[0.0, 0.25, 0.5], &[0.1, 0.25, 0.5], &[0.05, 0.6, 0.9], &[0.02, 0.25, 0.5]];
        let estimate = Parzen::new(&axes, rows.into_iter());
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let (draws, bins) = (60_000, 10);
        let mut counts = vec![0_u32; bins * 9];
        let mut place = [0.0; 3];
        for _ in 0..draws {
            estimate.sample(&mut rng, &mut place);
            let bin = ((place[0] * bins as f64) as usize).min(bins - 1);
            counts[bin * 9 + axes[1].cell(place[1]) * 3 + axes[2].cell(place[2])] += 1;
        }
        for (slot, count) in counts.iter().enumerate() {
            let (bin, ordinal, choice) = (slot / 9, slot / 3 % 3, slot % 3);
            let (lower, upper) = axes[1].bounds(ordinal);
            let expected: f64 = (0..20)
                .map(|part| (bin as f64 + (f64::from(part) + 0.5) / 20.0) / bins as f64)
                .map(|x| density(&estimate, &[x, f64::midpoint(lower, upper), (choice as f64 + 0.5) / 3.0]))
                .sum::<f64>()
                / 20.0
                / bins as f64
                * f64::from(draws);
            // Five standard deviations of the count.
            assert!((f64::from(*count) - expected).abs() < 5.0 * expected.sqrt() + 3.0, "{slot}: {count}, {expected}");
        }
    }

    #[test]
    fn without_observations_the_density_is_the_prior() {
        let axes = [Axis::Continuous, Axis::Categorical { choices: 4 }];
        let estimate = Parzen::new(&axes, std::iter::empty());
        assert!((density(&estimate, &[0.3, 0.1]) - 0.25).abs() < 1e-6);
    }

    #[test]
    fn the_bandwidth_stays_within_the_magic_clip() {
        for count in [1_usize, 10, 1000] {
            let same = vec![0.5; count];
            assert!((bandwidth(&same, 1, 0) - 1.0 / (1.0 + count as f64).min(100.0)).abs() < 1e-12);
        }
    }
}
