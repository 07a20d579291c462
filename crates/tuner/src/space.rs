//! The named parameters that are searched, and points in them.

use crate::distribution::Distribution;

/// A value for each parameter of a space, in the space's order and the parameters' own units; the index for a
/// categorical one.
pub type Point = Vec<f64>;

/// The most parameters of a space: a density estimate in more dimensions says nothing.
pub const PARAMETERS_MAX: usize = 64;

/// Why a search space cannot be searched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpaceError {
    /// There is nothing to search.
    #[error("the search space has no parameter: free at least one")]
    NoParameters,
    /// There are more parameters than [`PARAMETERS_MAX`].
    #[error("the search space has {count} parameters, the most is {PARAMETERS_MAX}: free fewer")]
    TooManyParameters {
        /// How many parameters were given.
        count: usize,
    },
    /// Two parameters have one name.
    #[error("the search space names `{name}` twice: remove one of them")]
    DuplicateName {
        /// The name that occurs twice.
        name: String,
    },
    /// A distribution has no value, or a bound that makes no sense.
    #[error("the distribution of `{name}` cannot be searched: {detail}")]
    Distribution {
        /// The parameter's name.
        name: String,
        /// What is wrong, with its mend.
        detail: String,
    },
}

/// One to [`PARAMETERS_MAX`] named parameters, each with the values it may take. Valid by construction.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchSpace {
    names: Vec<String>,
    distributions: Vec<Distribution>,
}

impl SearchSpace {
    /// A space of the given parameters, in the given order.
    pub fn new<N: Into<String>>(parameters: impl IntoIterator<Item = (N, Distribution)>) -> Result<Self, SpaceError> {
        let (names, distributions): (Vec<String>, Vec<Distribution>) =
            parameters.into_iter().map(|(name, distribution)| (name.into(), distribution)).unzip();
        if names.is_empty() {
            return Err(SpaceError::NoParameters);
        }
        if names.len() > PARAMETERS_MAX {
            return Err(SpaceError::TooManyParameters { count: names.len() });
        }
        for (index, (name, distribution)) in names.iter().zip(&distributions).enumerate() {
            if names[..index].contains(name) {
                return Err(SpaceError::DuplicateName { name: name.clone() });
            }
            if let Some(detail) = distribution.fault() {
                return Err(SpaceError::Distribution { name: name.clone(), detail });
            }
        }
        Ok(Self { names, distributions })
    }

    /// How many parameters there are: the length of a point.
    #[expect(clippy::len_without_is_empty, reason = "a space is never empty")]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// The parameters' names, in the order of a point's coordinates.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The parameters' distributions, in the order of a point's coordinates.
    pub fn distributions(&self) -> &[Distribution] {
        &self.distributions
    }

    /// The coordinate that belongs to the named parameter.
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| known == name)
    }

    /// How many points there are; nothing where a parameter is a continuum, or where they are beyond 2^64.
    pub fn cardinality(&self) -> Option<u64> {
        self.distributions.iter().try_fold(1_u64, |points, distribution| points.checked_mul(distribution.levels()?))
    }

    /// Moves each coordinate to the nearest allowed value. A missing or NaN coordinate becomes the middle of its range;
    /// surplus ones are dropped.
    pub fn clamp(&self, point: &mut Point) {
        point.resize(self.len(), f64::NAN);
        for (value, distribution) in point.iter_mut().zip(&self.distributions) {
            *value = distribution.nearest(*value);
        }
    }

    /// Whether the point has this space's length, lies inside the bounds and on the steps.
    pub fn contains(&self, point: &[f64]) -> bool {
        point.len() == self.len() && point.iter().zip(&self.distributions).all(|(value, range)| range.contains(*value))
    }

    /// The point's place on the unit axes.
    pub(crate) fn to_unit(&self, point: &[f64]) -> Vec<f64> {
        point.iter().zip(&self.distributions).map(|(value, distribution)| distribution.to_unit(*value)).collect()
    }

    /// The point at a place on the unit axes.
    pub(crate) fn point_at(&self, unit: &[f64]) -> Point {
        unit.iter().zip(&self.distributions).map(|(place, distribution)| distribution.from_unit(*place)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CORES: Distribution = Distribution::Integer { low: 1, high: 8, step: 1, log: false };

    #[test]
    fn a_space_says_what_is_wrong_with_it() {
        let integer = |low, high, step, log| Distribution::Integer { low, high, step, log };
        let float = |low, high, log| Distribution::Float { low, high, log };
        for (distribution, part) in [
            (integer(3, 2, 1, false), "low 3 is above high 2"),
            (integer(1, 2, 0, false), "step 0 is below 1"),
            (integer(0, 2, 1, true), "cannot begin at 0"),
            (integer(0, i64::MAX, 1, false), "beyond 2^53"),
            (float(0.0, f64::INFINITY, false), "not a finite range"),
            (float(f64::NAN, 1.0, false), "not a finite range"),
            (float(0.9, 0.3, false), "low 0.9 is above high 0.3"),
            (float(0.0, 1.0, true), "cannot begin at 0"),
            (float(1e-300, 1e300, true), "too wide"),
            (Distribution::Categorical { choices: 0 }, "0 choices"),
        ] {
            let error = SearchSpace::new([("a", CORES), ("b", distribution)]).unwrap_err().to_string();
            assert!(error.contains("`b`") && error.contains(part), "{error}");
        }
        assert_eq!(SearchSpace::new::<String>([]), Err(SpaceError::NoParameters));
        assert_eq!(
            SearchSpace::new([("a", CORES), ("a", CORES)]),
            Err(SpaceError::DuplicateName { name: "a".to_owned() })
        );
        let many = (0..=PARAMETERS_MAX).map(|index| (index.to_string(), CORES));
        assert_eq!(SearchSpace::new(many), Err(SpaceError::TooManyParameters { count: PARAMETERS_MAX + 1 }));
    }

    #[test]
    fn a_clamped_point_has_the_shape_of_the_space() {
        let space = SearchSpace::new([("a", CORES), ("b", CORES)]).unwrap();
        for mut point in [vec![], vec![9.0], vec![f64::NAN, -3.0], vec![1.4, 7.6, 3.0]] {
            space.clamp(&mut point);
            assert!(space.contains(&point), "{point:?}");
        }
        assert!(!space.contains(&[1.0]) && !space.contains(&[1.0, 1.5]));
    }

    #[test]
    fn the_cardinality_of_a_continuum_is_unknown() {
        let fraction = Distribution::Float { low: 0.0, high: 1.0, log: false };
        assert_eq!(SearchSpace::new([("a", CORES), ("b", CORES)]).unwrap().cardinality(), Some(64));
        assert_eq!(SearchSpace::new([("a", CORES), ("b", fraction)]).unwrap().cardinality(), None);
    }
}
