//! How the density model and the refinement see a parameter: an interval from 0 to 1, whole or cut into cells.

use rand::{Rng, RngExt};

use crate::distribution::Distribution;
use crate::space::SearchSpace;

/// Up to this many values a discrete parameter is modelled value by value. Beyond it a density over the interval says
/// the same, as the kernels are wider than a cell.
pub(crate) const CELLS_MAX: usize = 16;

/// A parameter's unit interval.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Axis {
    /// A continuum, or so many values that it is as good as one.
    Continuous,
    /// A few values in order; the upper edge of each one's cell.
    Ordinal { edges: Vec<f64> },
    /// Values without an order, with cells of one width.
    Categorical { choices: usize },
}

impl Axis {
    /// The axes of a space's parameters.
    pub(crate) fn all_of(space: &SearchSpace) -> Vec<Self> {
        space.distributions().iter().map(Self::of).collect()
    }

    pub(crate) fn of(distribution: &Distribution) -> Self {
        match (distribution, distribution.levels()) {
            (Distribution::Categorical { choices }, _) => Self::Categorical { choices: *choices },
            (_, Some(levels)) if levels <= CELLS_MAX as u64 => {
                Self::Ordinal { edges: (0..levels).map(|level| distribution.cell(level).1).collect() }
            }
            _ => Self::Continuous,
        }
    }

    /// The number of the cell that holds a place; 0 for a continuum.
    pub(crate) fn cell(&self, place: f64) -> usize {
        match self {
            Self::Continuous => 0,
            Self::Ordinal { edges } => edges.iter().filter(|edge| place > **edge).count().min(edges.len() - 1),
            Self::Categorical { choices } => ((place * *choices as f64) as usize).min(choices - 1),
        }
    }

    /// How many cells there are; 0 for a continuum.
    pub(crate) fn cells(&self) -> usize {
        match self {
            Self::Continuous => 0,
            Self::Ordinal { edges } => edges.len(),
            Self::Categorical { choices } => *choices,
        }
    }

    /// The lower and upper edge of a cell; the whole interval for a continuum.
    pub(crate) fn bounds(&self, cell: usize) -> (f64, f64) {
        match self {
            Self::Continuous => (0.0, 1.0),
            Self::Ordinal { edges } => (if cell == 0 { 0.0 } else { edges[cell - 1] }, edges[cell]),
            Self::Categorical { choices } => (cell as f64 / *choices as f64, (cell + 1) as f64 / *choices as f64),
        }
    }

    pub(crate) fn is_categorical(&self) -> bool {
        matches!(self, Self::Categorical { .. })
    }

    /// Whether the parameter has one value only.
    pub(crate) fn is_fixed(&self) -> bool {
        self.cells() == 1
    }
}

/// A cell of a categorical axis other than the given one, each as likely; the same where there is no other.
pub(crate) fn other_choice(choices: usize, cell: usize, rng: &mut impl Rng) -> usize {
    if choices < 2 {
        return cell;
    }
    let drawn = rng.random_range(0..choices - 1);
    if drawn < cell { drawn } else { drawn + 1 }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn a_value_lies_in_its_own_cell() {
        for distribution in [
            Distribution::Integer { low: 1, high: 16, step: 1, log: true },
            Distribution::Integer { low: 10, high: 40, step: 10, log: false },
            Distribution::Categorical { choices: 3 },
            Distribution::Categorical { choices: 49 },
            Distribution::Float { low: 0.5, high: 0.5, log: false },
        ] {
            let axis = Axis::of(&distribution);
            for level in 0..distribution.levels().unwrap() {
                let place = distribution.to_unit(distribution.value_of_level(level));
                assert_eq!(axis.cell(place) as u64, level, "{distribution:?}");
                let (lower, upper) = axis.bounds(level as usize);
                assert!(lower <= place && place <= upper);
            }
        }
        assert_eq!(Axis::of(&Distribution::Integer { low: 1, high: 17, step: 1, log: false }), Axis::Continuous);
    }

    #[test]
    fn another_choice_is_another() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let drawn: Vec<usize> = (0..100).map(|_| other_choice(3, 1, &mut rng)).collect();
        assert!(drawn.contains(&0) && drawn.contains(&2) && !drawn.contains(&1));
        assert_eq!(other_choice(1, 0, &mut rng), 0);
    }
}
