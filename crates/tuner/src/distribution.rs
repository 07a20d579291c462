//! The values that one parameter may take, and their place on the unit interval.

/// Integers beyond this are no longer exact as `f64`: 2^53.
const EXACT_INTEGER_MAX: i64 = 1 << 53;

/// The most choices of a categorical parameter: each of them is a row of a table in the density estimator.
const CHOICES_MAX: usize = 128;

/// The values that one parameter may take. The bounds belong to the range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Distribution {
    /// The whole numbers `low`, `low + step`, … up to `high`.
    Integer {
        /// The lowest value, at least -2^53, and at least 1 where `log`.
        low: i64,
        /// The highest value, at most 2^53. Where `high - low` is no multiple of `step`, the last step below it.
        high: i64,
        /// The distance of two neighbouring values, at least 1.
        step: i64,
        /// Whether ratios matter rather than differences, as they do for sizes.
        log: bool,
    },
    /// The real numbers from `low` to `high`.
    Float {
        /// The lowest value, finite, and above zero where `log`.
        low: f64,
        /// The highest value, finite.
        high: f64,
        /// Whether ratios matter rather than differences.
        log: bool,
    },
    /// One of a number of choices without an order. The coordinate is the index of the choice: 0, 1, … `choices - 1`.
    Categorical {
        /// How many choices there are: 1 to 128.
        choices: usize,
    },
}

impl Distribution {
    /// What is wrong with this distribution, with its mend, if anything is.
    pub(crate) fn fault(&self) -> Option<String> {
        match *self {
            Self::Integer { low, high, .. } if low > high => Some(format!("low {low} is above high {high}: swap them")),
            Self::Integer { step, .. } if step < 1 => Some(format!("step {step} is below 1: give a positive step")),
            Self::Integer { low, high, .. } if low < -EXACT_INTEGER_MAX || high > EXACT_INTEGER_MAX => {
                Some(format!("{low} to {high} goes beyond 2^53, where integers are inexact: use a larger unit"))
            }
            Self::Integer { low, log: true, .. } if low < 1 => {
                Some(format!("a logarithmic range cannot begin at {low}: begin at 1 or above, or drop log"))
            }
            Self::Float { low, high, .. } if !low.is_finite() || !high.is_finite() || !(high - low).is_finite() => {
                Some(format!("{low} to {high} is not a finite range: give finite bounds"))
            }
            Self::Float { low, high, .. } if low > high => Some(format!("low {low} is above high {high}: swap them")),
            Self::Float { low, log: true, .. } if low <= 0.0 => {
                Some(format!("a logarithmic range cannot begin at {low}: begin above zero, or drop log"))
            }
            Self::Float { low, high, log: true } if !(high / low).is_finite() => {
                Some(format!("{low} to {high} is too wide for a logarithmic range: raise low"))
            }
            Self::Categorical { choices } if choices == 0 || choices > CHOICES_MAX => {
                Some(format!("{choices} choices: give 1 to {CHOICES_MAX}"))
            }
            _ => None,
        }
    }

    /// How many values there are; nothing where they are a continuum.
    pub fn levels(&self) -> Option<u64> {
        match *self {
            Self::Integer { low, high, step, .. } => Some(high.abs_diff(low) / step.unsigned_abs().max(1) + 1),
            Self::Float { low, high, .. } => (high <= low).then_some(1),
            Self::Categorical { choices } => Some(choices as u64),
        }
    }

    /// The allowed value nearest to `value`; the middle of the range for NaN.
    pub fn nearest(&self, value: f64) -> f64 {
        if value.is_nan() {
            return self.from_unit(0.5);
        }
        match *self {
            Self::Integer { low, step, .. } => {
                let (first, step) = (low as f64, step as f64);
                let level = ((value - first) / step).round().clamp(0.0, self.last_level());
                first + level * step
            }
            // Adding zero turns -0 into 0, so that equal values also have equal bits.
            Self::Float { low, high, .. } => value.clamp(low, high) + 0.0,
            Self::Categorical { .. } => value.round().clamp(0.0, self.last_level()) + 0.0,
        }
    }

    /// Whether `value` is one of the allowed values.
    pub fn contains(&self, value: f64) -> bool {
        value.is_finite() && self.nearest(value).total_cmp(&(value + 0.0)).is_eq()
    }

    /// The value of the given level, counted from the lowest; for a continuum the lowest value.
    pub(crate) fn value_of_level(&self, level: u64) -> f64 {
        match *self {
            Self::Integer { low, step, .. } => low as f64 + level as f64 * step as f64,
            Self::Float { low, .. } => low,
            Self::Categorical { .. } => level as f64,
        }
    }

    /// The next lower or higher value of a discrete parameter; the value itself at the end of the range, and on a
    /// continuum.
    pub(crate) fn neighbour(&self, value: f64, lower: bool) -> f64 {
        let step = match *self {
            Self::Integer { step, .. } => step as f64,
            Self::Float { .. } => 0.0,
            Self::Categorical { .. } => 1.0,
        };
        self.nearest(if lower { value - step } else { value + step })
    }

    /// The place of `value` between the outer edges of the range, 0 to 1: a discrete value owns the interval that
    /// reaches half a step to both sides.
    pub(crate) fn to_unit(self, value: f64) -> f64 {
        let (low, high) = self.edges();
        if high <= low {
            return 0.5;
        }
        let place = if self.is_log() { (value / low).ln() / (high / low).ln() } else { (value - low) / (high - low) };
        place.clamp(0.0, 1.0)
    }

    /// The allowed value at `unit`, 0 to 1 between the outer edges of the range.
    #[expect(clippy::wrong_self_convention, reason = "the counterpart of `to_unit`: the unit interval is the argument")]
    pub(crate) fn from_unit(self, unit: f64) -> f64 {
        let (low, high) = self.edges();
        let unit = unit.clamp(0.0, 1.0);
        let value = if self.is_log() { low * ((high / low).ln() * unit).exp() } else { low + (high - low) * unit };
        self.nearest(value)
    }

    /// The edges of the interval on the unit axis that belongs to a level.
    pub(crate) fn cell(self, level: u64) -> (f64, f64) {
        let half = match self {
            Self::Integer { step, .. } => step as f64 / 2.0,
            Self::Float { .. } => 0.0,
            Self::Categorical { .. } => 0.5,
        };
        let value = self.value_of_level(level);
        let lower = if level == 0 { 0.0 } else { self.to_unit(value - half) };
        let upper = if level as f64 >= self.last_level() { 1.0 } else { self.to_unit(value + half) };
        (lower, upper)
    }

    /// Whether the axis is logarithmic.
    pub(crate) fn is_log(self) -> bool {
        matches!(self, Self::Integer { log: true, .. } | Self::Float { log: true, .. })
    }

    fn last_level(&self) -> f64 {
        self.levels().map_or(0.0, |levels| levels.saturating_sub(1) as f64)
    }

    /// The outer edges of the range in the parameter's unit.
    fn edges(self) -> (f64, f64) {
        match self {
            Self::Integer { low, step, log, .. } => {
                let (first, half) = (low as f64, step as f64 / 2.0);
                let last = self.value_of_level(self.last_level() as u64);
                // The logarithm needs an edge above zero, however wide the step is.
                let lower = if log { (first - half).max(first / 2.0) } else { first - half };
                (lower, last + half)
            }
            Self::Float { low, high, .. } => (low, high),
            Self::Categorical { choices } => (-0.5, choices as f64 - 0.5),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMORY: Distribution = Distribution::Integer { low: 512, high: 5000, step: 256, log: true };

    #[test]
    fn a_value_is_rounded_to_its_step_and_kept_inside() {
        for (value, expected) in [(0.0, 512.0), (639.0, 512.0), (641.0, 768.0), (4999.0, 4864.0), (1e300, 4864.0)] {
            assert!((MEMORY.nearest(value) - expected).abs() < 1e-9, "{value} became {}", MEMORY.nearest(value));
        }
        assert!(MEMORY.contains(MEMORY.nearest(f64::NAN)));
        assert!(MEMORY.contains(768.0) && !MEMORY.contains(769.0) && !MEMORY.contains(5120.0));
        assert_eq!(MEMORY.levels(), Some(18));
    }

    #[test]
    fn minus_zero_is_zero() {
        let around_zero = Distribution::Float { low: -1.0, high: 1.0, log: false };
        assert_eq!(around_zero.nearest(-0.0).to_bits(), 0);
        assert!(around_zero.contains(-0.0));
        assert_eq!(Distribution::Categorical { choices: 3 }.nearest(-0.2).to_bits(), 0);
    }

    #[test]
    fn the_cells_of_a_discrete_axis_tile_it() {
        for distribution in [
            MEMORY,
            Distribution::Integer { low: 1, high: 9, step: 1, log: false },
            Distribution::Integer { low: 1, high: 1, step: 1, log: true },
            Distribution::Integer { low: 256, high: 9000, step: 2048, log: true },
            Distribution::Categorical { choices: 5 },
        ] {
            let mut edge = 0.0;
            for level in 0..distribution.levels().unwrap() {
                let (lower, upper) = distribution.cell(level);
                assert!((lower - edge).abs() < 1e-12 && upper > lower, "{distribution:?} level {level}");
                let inside = distribution.from_unit(f64::midpoint(lower, upper));
                assert!((inside - distribution.value_of_level(level)).abs() < 1e-9, "{distribution:?} level {level}");
                edge = upper;
            }
            assert!((edge - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn a_logarithmic_axis_gives_each_doubling_the_same_room() {
        let size = Distribution::Float { low: 1.0, high: 1024.0, log: true };
        assert!((size.to_unit(32.0) - 0.5).abs() < 1e-12);
        assert!((size.from_unit(0.1) - 2.0).abs() < 1e-9);
    }
}
